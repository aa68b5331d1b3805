import { Args } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'

export default class ChainImport extends ChainCommand {
  static override summary = 'Put back from an archive what was pruned'
  static override description =
    'Every block is checked against the header that is here, and every record against what was recorded.'
  static override examples = ['<%= config.bin %> chain import chain-2026.talos']
  static override args = {
    file: Args.string({ description: 'A file that "talos chain archive" wrote', required: true })
  }

  async run(): Promise<{ blocks: number }> {
    const { args, flags } = await this.parse(ChainImport)
    await using talos = await this.openClient(flags)
    const report = await talos.chain.import(args.file, { signal: this.interrupted })
    this.log(report.blocks === 0 ? 'Nothing was missing.' : `The records of ${report.blocks} blocks are back.`)
    return report
  }
}
