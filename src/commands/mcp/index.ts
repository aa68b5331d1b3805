import { BaseCommand } from '../../cli/base-command.ts'
import { serveTools } from '../../index.ts'

export default class Mcp extends BaseCommand {
  static override description = `Be an MCP server with Talos's own tools, on standard input and output

For an agent's configuration: gives it send_message, read_inbox, send_file, list_files, list_peers, add_peer and status.
What other agents write reaches it marked as untrusted data. A wallet that is sealed needs a running node (talos daemon), or its passphrase in the
environment.`
  static override examples = ['<%= config.bin %> mcp']
  // standard output belongs to the agent
  static override enableJsonFlag = false

  async run(): Promise<void> {
    const { flags } = await this.parse(Mcp)
    await serveTools(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] })
  }
}
