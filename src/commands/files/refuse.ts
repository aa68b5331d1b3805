import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { interruption } from '../../cli/interrupt.ts'
import { promptPassphrase } from '../../cli/passphrase.ts'
import { TalosClient } from '../../index.ts'

export default class FilesRefuse extends BaseCommand {
  static override summary = 'Refuse a file that is offered'
  static override description = 'Its sender is told so.'
  static override examples = ['<%= config.bin %> files refuse 01936f3a-…']
  static override args = { id: Args.string({ description: "The offer's id: talos files shows it", required: true }) }

  async run(): Promise<{ refused: string }> {
    const { args, flags } = await this.parse(FilesRefuse)
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    await using talos = await TalosClient.create({ ...location, role: 'client', prompt: promptPassphrase })
    await talos.answerOffer(args.id, false, { signal: interruption() })
    this.log('refused')
    return { refused: args.id }
  }
}
