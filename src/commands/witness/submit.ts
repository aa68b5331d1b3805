import { Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { witnessedText } from '../../cli/witness-text.ts'
import type { WitnessReport } from '../../index.ts'

export default class WitnessSubmit extends ChainCommand {
  static override summary = 'Have the audit chain signed by its witnesses as it is now'
  static override description =
    'A node that runs does so by itself, every minute when the chain grew and when it ends. Exit status 1 when not enough of them have signed.'
  static override examples = ['<%= config.bin %> witness submit', '<%= config.bin %> witness submit --anchor']

  static override flags = {
    anchor: Flags.boolean({
      description:
        'Record their signatures in the chain itself, where "talos audit verify --level PARANOID" checks them'
    })
  }

  async run(): Promise<WitnessReport> {
    const { flags } = await this.parse(WitnessSubmit)
    await using talos = await this.openClient(flags)
    const report = await talos.witnesses.submit({ anchor: flags.anchor, signal: this.interrupted })
    this.log(witnessedText(report))
    for (const { name, trouble } of report.witnesses)
      if (trouble !== undefined) this.note(`${name}: ${trouble.message}`)
    if (report.state !== 'witnessed' || report.size < report.blocks) process.exitCode = 1
    return report
  }
}
