import { ChainCommand } from '../../../cli/chain-command.ts'
import { EXIT } from '../../../cli/exit-codes.ts'
import { verifyArgs, verifyChain, verifyFlags } from '../../../cli/verify-chain.ts'
import type { ChainReport } from '../../../index.ts'

export default class AuditChainVerify extends ChainCommand {
  static override summary = 'Check the blocks of the audit chain'
  static override description = 'As "talos audit verify", without what is kept of the records.'
  static override examples = [
    '<%= config.bin %> audit chain verify',
    '<%= config.bin %> audit chain verify --report html report.html'
  ]
  static override args = verifyArgs
  static override flags = verifyFlags

  async run(): Promise<ChainReport> {
    const { args, flags } = await this.parse(AuditChainVerify)
    await using talos = await this.openClient(flags)
    const report = await verifyChain(talos, {
      ...flags,
      file: args.file,
      contents: false,
      interactive: this.interactive,
      signal: this.interrupted,
      log: text => this.log(text)
    })
    if (!report.valid) process.exitCode = EXIT.chain
    return report
  }
}
