import { ChainCommand } from '../../cli/chain-command.ts'
import { EXIT } from '../../cli/exit-codes.ts'
import { verifyArgs, verifyChain, verifyFlags } from '../../cli/verify-chain.ts'
import type { ChainReport } from '../../index.ts'

export default class AuditVerify extends ChainCommand {
  static override summary = 'Check the audit chain as it is on disk'
  static override description =
    'Every block from the first to the last, and what is kept of each record against what was recorded. Says what is wrong, and in which block. Exit status 7 when the chain is not valid.'
  static override examples = [
    '<%= config.bin %> audit verify',
    '<%= config.bin %> audit verify --report html report.html'
  ]
  static override args = verifyArgs
  static override flags = verifyFlags

  async run(): Promise<ChainReport> {
    const { args, flags } = await this.parse(AuditVerify)
    await using talos = await this.openClient(flags)
    const report = await verifyChain(talos, {
      ...flags,
      file: args.file,
      contents: true,
      interactive: this.interactive,
      signal: this.interrupted,
      log: text => this.log(text)
    })
    if (!report.valid) process.exitCode = EXIT.chain
    return report
  }
}
