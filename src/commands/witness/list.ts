import { ChainCommand } from '../../cli/chain-command.ts'
import { table } from '../../cli/table.ts'
import { clock } from '../../cli/time.ts'
import { witnessedText } from '../../cli/witness-text.ts'
import type { WitnessReport } from '../../index.ts'

export default class WitnessList extends ChainCommand {
  static override summary = 'Show the witnesses of the audit chain, and how far each has signed'
  static override description =
    'Each is asked what it remembers. One that remembers less than it has signed, or another history, is told of here, and its signatures should not count. The policy is the file witness-policy in the data directory, or the one that the configuration names (witness.policy).'
  static override examples = ['<%= config.bin %> witness list', '<%= config.bin %> witness list --json']

  async run(): Promise<WitnessReport> {
    const { flags } = await this.parse(WitnessList)
    await using talos = await this.openClient(flags)
    const report = await talos.witnesses.check({ signal: this.interrupted })
    this.log(`Audit chain: ${witnessedText(report)}`)
    if (report.witnesses.length === 0) this.note('No witness is named: docs/witness.md shows how.')
    else {
      const rows = report.witnesses.map(({ name, key, size, at, trouble }) => [
        name,
        size === 0 ? '-' : String(size),
        at === undefined ? '-' : clock(at),
        trouble === undefined ? 'yes' : trouble.message,
        key
      ])
      this.log(table(['WITNESS', 'BLOCKS', 'SIGNED', 'REACHABLE', 'KEY'], rows))
    }
    return report
  }
}
