import { ChainCommand } from '../../cli/chain-command.ts'
import type { ClaimReport } from '../../index.ts'

export default class ChainCheckpoint extends ChainCommand {
  static override summary = "Write the state of this agent's own chain into the shared one, now"
  static override description =
    'A node does so from time to time and when it ends. Everybody then holds it to that state, and sees nothing of what is in the chain.'
  static override examples = ['<%= config.bin %> chain checkpoint']

  async run(): Promise<ClaimReport> {
    const { flags } = await this.parse(ChainCheckpoint)
    await using talos = await this.openClient(flags)
    const report = await talos.network.checkpoint({ signal: this.interrupted })
    this.log(
      report.isNew
        ? `The shared chain gets record ${report.record}: the own chain up to block ${report.size - 1}.`
        : `Nothing came since the last one, which is of block ${report.size - 1}.`
    )
    return report
  }
}
