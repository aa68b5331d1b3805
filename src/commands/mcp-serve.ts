import { once } from 'node:events'
import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { monitorFlags, monitorOption, setLogFormat } from '../cli/operation.ts'
import { promptPassphrase } from '../cli/passphrase.ts'
import { parseCommand, type ServeEvent, serveMcp, TalosError } from '../index.ts'

export default class McpServe extends BaseCommand {
  static override description = `Let named peers use an MCP server of this machine

The server is started for each session, without a shell, and ends with it. Nobody who is not named gets anything but a "not
authorised". Runs until it is interrupted. With --json: one JSON object per line, {"event":"serving",…} first.`
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
    listen: Flags.string({
      description: 'Multiaddr to listen on (default: any free TCP and WebSocket port)',
      multiple: true,
      multipleNonGreedy: true
    }),
    ...monitorFlags,
    name: Flags.string({ description: 'Name of the service', default: 'mcp' }),
    server: Flags.string({
      description: 'A bootstrap server to register at, beside those that are known: host:port or multiaddr',
      multiple: true,
      multipleNonGreedy: true
    })
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(McpServe)
    setLogFormat(flags['log-format'])
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
      config: {
        ...(flags.server === undefined ? {} : { servers: flags.server }),
        ...(flags.listen === undefined ? {} : { listen: flags.listen })
      },
      prompt: promptPassphrase,
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
      ...(flags['max-message'] === undefined ? {} : { maxMessageBytes: flags['max-message'] }),
      ...monitorOption(flags),
      onEvent: event => this.#tell(event)
    })
    if (this.jsonEnabled()) {
      const { peerId, metricsUrl } = host
      const where = { addresses: host.addresses(), listening: host.listening() }
      this.#print({ event: 'serving', peerId, ...where, metricsUrl })
    } else {
      this.log(`Serving "${flags.name}" as ${host.peerId}`)
      for (const address of host.addresses()) this.log(`  ${address}`)
      if (host.metricsUrl !== undefined) this.log(`metrics: ${host.metricsUrl}/metrics`)
    }
    const stop = interruption()
    if (!stop.aborted) await once(stop, 'abort')
    this.note('stopping…')
  }

  #tell(event: ServeEvent): void {
    if (this.jsonEnabled()) {
      const { type, ...details } = event
      this.#print({ event: type, ...details })
    } else this.note(lineOf(event))
  }

  #print(object: object): void {
    process.stdout.write(`${JSON.stringify(object)}\n`)
  }
}

function lineOf(event: ServeEvent): string {
  switch (event.type) {
    case 'session-opened':
      return `session of ${event.peer} (${event.service})`
    case 'session-ended':
      return `session of ${event.peer} (${event.service}) has ended`
    case 'server-stderr':
      return `[${event.service}] ${event.line}`
    case 'not-serving':
      return `the node was lost, and serving through the next one does not work yet: ${event.reason}`
    case 'not-recording':
      return `${event.reason}; agents get errors until they can be`
    case 'registered':
      return `registered as "${event.name}" at ${event.server}`
    case 'not-registered':
      return `not registered at ${event.server}: ${event.reason}`
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
