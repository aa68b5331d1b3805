import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { type ConnectEvent, connectMcp } from '../index.ts'

export default class McpConnect extends BaseCommand {
  static override description = `Use a remote MCP server as if it ran here

For an agent's configuration: speaks MCP over standard input and output. Standard output carries JSON-RPC and nothing else;
what happens to the link is told on standard error.`
  static override examples = [
    '<%= config.bin %> mcp-connect alice',
    '<%= config.bin %> mcp-connect 12D3KooW… --service files'
  ]
  static override args = {
    peer: Args.string({ description: "The tool's host: a name, PeerId, did:key or hex key", required: true })
  }
  // standard output belongs to the agent
  static override enableJsonFlag = false
  static override flags = {
    'max-message': Flags.integer({ description: 'Largest JSON-RPC message, in bytes (default: 10485760)', min: 1024 }),
    quiet: Flags.boolean({ char: 'q', description: 'Tell nothing on standard error but errors' }),
    server: Flags.string({
      description: 'A bootstrap server to look the host up at, beside those that are known: host:port or multiaddr',
      multiple: true,
      multipleNonGreedy: true
    }),
    service: Flags.string({ description: 'Which tool, when the host serves several' })
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(McpConnect)
    await connectMcp({
      peer: args.peer,
      input: process.stdin,
      output: process.stdout,
      signal: interruption(['SIGINT', 'SIGTERM', 'SIGHUP']),
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
      ...(flags.server === undefined ? {} : { config: { servers: flags.server } }),
      ...(flags.service === undefined ? {} : { service: flags.service }),
      ...(flags['max-message'] === undefined ? {} : { maxMessageBytes: flags['max-message'] }),
      ...(flags.quiet ? {} : { onEvent: event => this.note(`talos: ${lineOf(event)}`) })
    })
  }
}

function lineOf(event: ConnectEvent): string {
  switch (event.type) {
    case 'connected':
      return `connected to ${event.peer}${event.direct ? '' : ', through a relay'}`
    case 'moved':
      return 'the link is direct now'
    case 'interrupted':
      return 'the link is interrupted, taking it up again'
    case 'resumed':
      return `the link is back${event.direct ? '' : ', through a relay'}: nothing was lost`
    case 'ended':
      return 'the link has ended, making another'
    case 'unreachable':
      return `cannot reach the host: ${event.reason}`
  }
}
