import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { interruption } from '../../cli/interrupt.ts'
import { promptPassphrase } from '../../cli/passphrase.ts'
import { TalosClient, type Transfer } from '../../index.ts'

export default class FilesCancel extends BaseCommand {
  static override summary = 'End a transfer for good'
  static override description = 'Of either direction; what has arrived of it is removed, and the other side is told.'
  static override examples = ['<%= config.bin %> files cancel 01936f3a-…']
  static override args = { id: Args.string({ description: "The transfer's id: talos files shows it", required: true }) }

  async run(): Promise<Transfer> {
    const { args, flags } = await this.parse(FilesCancel)
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    await using talos = await TalosClient.create({ ...location, role: 'client', prompt: promptPassphrase })
    const transfer = await talos.call('cancelTransfer', { id: args.id }, interruption())
    this.log(`${transfer.name} is cancelled`)
    return transfer
  }
}
