import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { entryNameOf } from '../../cli/mcp-entry.ts'
import { MCP_CLIENTS, type McpClient, type McpClientChange, TalosError, uninstallMcpClient } from '../../index.ts'

export default class McpUninstall extends BaseCommand {
  static override description = "Remove a remote tool from an agent's configuration"
  static override examples = [
    '<%= config.bin %> mcp uninstall claude-desktop alice-files',
    '<%= config.bin %> mcp uninstall vscode --name my-entry'
  ]
  static override args = {
    client: Args.string({ description: 'The program to configure', options: [...MCP_CLIENTS], required: true }),
    peer: Args.string({ description: 'The peer as it was given to install' })
  }
  static override flags = {
    'config-file': Flags.file({ description: "The program's configuration file, where it is not the usual one" }),
    'dry-run': Flags.boolean({ description: 'Print what would be written and write nothing' }),
    name: Flags.string({ description: 'Name of the entry, where install was given one' }),
    service: Flags.string({ description: 'The service, where install was given one' })
  }

  async run(): Promise<McpClientChange & { entry: string }> {
    const { args, flags } = await this.parse(McpUninstall)
    if (flags.name === undefined && args.peer === undefined) {
      throw new TalosError('USAGE_INVALID', 'say which entry: the peer, or --name')
    }
    const entry = flags.name ?? entryNameOf(args.peer!, flags.service)
    const change = await uninstallMcpClient(args.client as McpClient, entry, {
      dryRun: flags['dry-run'],
      ...(flags['config-file'] === undefined ? {} : { file: flags['config-file'] })
    })
    if (flags['dry-run']) this.log(change.after)
    else if (change.changed) this.log(`Removed the entry "${entry}" from ${change.file}`)
    else this.log(`${change.file} has no entry "${entry}".`)
    return { entry, ...change }
  }
}
