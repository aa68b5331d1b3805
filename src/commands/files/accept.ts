import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { interruption } from '../../cli/interrupt.ts'
import { promptPassphrase } from '../../cli/passphrase.ts'
import { TalosClient } from '../../index.ts'

export default class FilesAccept extends BaseCommand {
  static override summary = 'Take a file that is offered'
  static override description = 'It arrives in the download folder of the node that runs.'
  static override examples = ['<%= config.bin %> files accept 01936f3a-…']
  static override args = { id: Args.string({ description: "The offer's id: talos files shows it", required: true }) }

  async run(): Promise<{ accepted: string }> {
    const { args, flags } = await this.parse(FilesAccept)
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    await using talos = await TalosClient.create({ ...location, role: 'client', prompt: promptPassphrase })
    await talos.answerOffer(args.id, true, { signal: interruption() })
    this.log('accepted')
    return { accepted: args.id }
  }
}
