import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { connect } from '../cli/connect.ts'

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
    await connect(args.peer, flags)
  }
}
