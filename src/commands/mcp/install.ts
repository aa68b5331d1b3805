import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { entryNameOf } from '../../cli/mcp-entry.ts'
import { installMcpClient, MCP_CLIENTS, type McpClient, type McpClientChange, readWalletSummary } from '../../index.ts'

export default class McpInstall extends BaseCommand {
  static override description = `Add a remote tool to an agent's configuration

Writes an MCP server entry that runs \`talos mcp-connect <peer>\`. The old file is copied beside itself first, and everything
else in it stays as it is.`
  static override examples = [
    '<%= config.bin %> mcp install claude-desktop alice-files',
    '<%= config.bin %> mcp install cursor 12D3KooW… --service files --dry-run'
  ]
  static override args = {
    client: Args.string({ description: 'The program to configure', options: [...MCP_CLIENTS], required: true }),
    peer: Args.string({ description: "The tool's host: a name, PeerId, did:key or hex key", required: true })
  }
  static override flags = {
    'config-file': Flags.file({ description: "The program's configuration file, where it is not the usual one" }),
    'dry-run': Flags.boolean({ description: 'Print what would be written and write nothing' }),
    name: Flags.string({ description: 'Name of the entry (default: talos-<peer>, with the service if one is named)' }),
    service: Flags.string({ description: 'Which tool, when the host serves several' })
  }

  async run(): Promise<McpClientChange & { entry: string }> {
    const { args, flags } = await this.parse(McpInstall)
    const entry = flags.name ?? entryNameOf(args.peer, flags.service)
    const env = {
      ...(flags['data-dir'] === undefined ? {} : { TALOS_DATA_DIR: flags['data-dir'] }),
      ...inherited('TALOS_PASSPHRASE_FILE')
    }
    const service = flags.service === undefined ? [] : ['--service', flags.service]
    const change = await installMcpClient(
      args.client as McpClient,
      entry,
      {
        // whole paths: a program started from a desktop has another PATH
        command: process.execPath,
        args: [process.argv[1] ?? 'talos', 'mcp-connect', args.peer, ...service],
        ...(Object.keys(env).length === 0 ? {} : { env })
      },
      { dryRun: flags['dry-run'], ...(flags['config-file'] === undefined ? {} : { file: flags['config-file'] }) }
    )
    if (flags['dry-run']) {
      this.note(`Would write ${change.file}:`)
      this.log(change.after)
    } else if (!change.changed) this.log(`${change.file} has this entry already.`)
    else {
      this.log(`Wrote the entry "${entry}" to ${change.file}`)
      if (change.backup !== undefined) this.note(`The old file is ${change.backup}`)
      this.note(`Restart ${args.client} to use it.`)
    }
    await this.#warnAboutPassphrase(flags['data-dir'])
    return { entry, ...change }
  }

  async #warnAboutPassphrase(dataDir: string | undefined): Promise<void> {
    if (process.env['TALOS_PASSPHRASE_FILE'] !== undefined) return
    try {
      if (!(await readWalletSummary(dataDir === undefined ? {} : { dataDir })).sealed) return
    } catch {
      this.note('There is no wallet in this data directory yet: make one with talos init.')
      return
    }
    this.note(
      'The wallet is sealed, and an agent cannot type its passphrase: set TALOS_PASSPHRASE_FILE and run this again, so that the entry names the file.'
    )
  }
}

function inherited(name: string): Record<string, string> {
  const value = process.env[name]
  return value === undefined ? {} : { [name]: value }
}
