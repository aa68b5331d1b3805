import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { parseCommand, type ServeEvent, serveMcp, TalosError } from '../index.ts'

export default class McpServe extends BaseCommand {
  static override description = `Let named peers use an MCP server of this machine

The server is started for each session, without a shell, and ends with it. Nobody who is not named gets anything but a "not
authorised".`
  static override examples = [
    '<%= config.bin %> mcp-serve --authorized-peer bob --command "npx -y @modelcontextprotocol/server-filesystem /srv/share"',
    '<%= config.bin %> mcp-serve --authorized-peer 12D3KooW… --name notes -- node notes.js --read-only'
  ]
  static override strict = false
  static override args = {
    command: Args.string({ description: 'The MCP server and its arguments, after --' })
  }
  static override flags = {
    'authorized-peer': Flags.string({
      description: 'Who may use it: a name, PeerId, did:key or hex key',
      multiple: true
    }),
    command: Flags.string({
      description: 'The MCP server as one string, split at spaces and quotes; no shell runs it'
    }),
    cwd: Flags.directory({ description: 'Working directory of the MCP server', exists: true }),
    env: Flags.string({
      description: 'NAME=value for the MCP server, which gets nothing else of our environment',
      multiple: true
    }),
    'max-message': Flags.integer({ description: 'Largest JSON-RPC message, in bytes (default: 10485760)', min: 1024 }),
    name: Flags.string({ description: 'Name of the service', default: 'mcp' })
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(McpServe)
    const server = commandOf(flags.command, argv as string[])
    await using host = await serveMcp({
      authorizedPeers: flags['authorized-peer'] ?? [],
      services: {
        [flags.name]: {
          ...server,
          ...(flags.cwd === undefined ? {} : { cwd: flags.cwd }),
          env: environment(flags.env ?? [])
        }
      },
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
      ...(flags['max-message'] === undefined ? {} : { maxMessageBytes: flags['max-message'] }),
      onEvent: event => this.#tell(event)
    })
    if (this.jsonEnabled()) this.logJson({ event: 'serving', peerId: host.peerId, addresses: host.addresses() })
    else {
      this.log(`Serving "${flags.name}" as ${host.peerId}`)
      for (const address of host.addresses()) this.log(`  ${address}`)
    }
    await stopped()
  }

  #tell(event: ServeEvent): void {
    if (this.jsonEnabled()) this.logJson({ event: event.type, ...event, type: undefined })
    else if (event.type === 'server-stderr') this.note(`[${event.service}] ${event.line}`)
    else
      this.note(`${event.type === 'session-opened' ? 'Session of' : 'Session ended:'} ${event.peer} (${event.service})`)
  }
}

function commandOf(flag: string | undefined, words: string[]): { file: string; args: string[] } {
  if (flag !== undefined && words.length > 0) {
    throw new TalosError('USAGE_INVALID', 'the MCP server is given twice: with --command and after --')
  }
  if (flag !== undefined) return parseCommand(flag)
  const [file, ...args] = words
  if (file === undefined) {
    throw new TalosError('USAGE_NO_COMMAND', 'there is no MCP server to serve', {
      hint: 'Give it with --command "…", or after --.'
    })
  }
  return { file, args }
}

function environment(pairs: string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map(pair => {
      const at = pair.indexOf('=')
      if (at < 1) throw new TalosError('USAGE_INVALID', `--env takes NAME=value, and "${pair}" is not that`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    })
  )
}

/** Resolves at the first signal that asks us to end. */
function stopped(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
}
