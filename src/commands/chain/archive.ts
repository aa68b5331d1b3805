import { Args } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { bytes } from '../../cli/size.ts'
import type { ArchiveReport } from '../../index.ts'

export default class ChainArchive extends ChainCommand {
  static override summary = 'Write the audit chain with all contents into a file, encrypted'
  static override description =
    'Only this wallet, or one that was restored from its recovery phrase, can open the file. It is read again before this says that it is done.'
  static override examples = ['<%= config.bin %> chain archive chain-2026.talos']
  static override args = { file: Args.string({ description: 'The file to write', required: true }) }

  async run(): Promise<ArchiveReport> {
    const { args, flags } = await this.parse(ChainArchive)
    await using talos = await this.openClient(flags)
    const report = await talos.chain.archive(args.file, { signal: this.interrupted })
    const { from, to, records, path } = report
    this.log(`Blocks ${from} to ${to} with ${records} records are in ${path} (${bytes(report.bytes)}), encrypted.`)
    return report
  }
}
