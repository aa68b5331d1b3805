import { readFileSync } from 'node:fs'
import type { ConnectFlags } from './connect.ts'

const COMMAND = 'mcp-connect'

// importing node:util evaluates all that it exports, which opens standard error and takes 8 ms
const { parseArgs } = process.getBuiltinModule('node:util')

/** What oclif.manifest.json, which is made of the commands, says of a command's words. */
interface Manifest {
  commands: Record<string, { flags: Record<string, { type: 'boolean' | 'option'; char?: string; multiple?: boolean }> }>
}

/**
 * Reads the words of `talos mcp-connect` as oclif would. Agent programs start that command and wait for it, and oclif takes
 * 100 ms to load and to find it. Undefined for other commands, and for whatever oclif has something to say of: --help, flags
 * that do not exist, and values that it checks.
 *
 * @param argv the words after `talos`
 */
export function quickConnect(argv: string[], manifest: URL): { peer: string; flags: ConnectFlags } | undefined {
  if (argv[0] !== COMMAND || argv.includes('--') || argv.includes('')) return undefined
  try {
    const { flags } = (JSON.parse(readFileSync(manifest, 'utf8')) as Manifest).commands[COMMAND]!
    const { values, positionals, tokens } = parseArgs({
      tokens: true,
      args: argv.slice(1),
      allowPositionals: true,
      options: Object.fromEntries(
        Object.entries(flags).map(([name, { type, char, multiple }]) => [
          name,
          {
            type: type === 'boolean' ? 'boolean' : 'string',
            multiple: multiple === true,
            ...(char === undefined ? {} : { short: char })
          }
        ])
      )
    })
    const [peer, ...more] = positionals
    if (peer === undefined || more.length > 0 || 'max-message' in values) return undefined
    const named = tokens.flatMap(token => (token.kind === 'option' ? token.name : []))
    if (named.some((name, i) => flags[name]!.multiple !== true && named.indexOf(name) !== i)) return undefined
    return { peer, flags: values as ConnectFlags }
  } catch {
    return undefined // no manifest, or a mistake: oclif says which
  }
}
