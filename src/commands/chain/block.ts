import { Args } from '@oclif/core'
import { LOG_HEADING, lines, logRow } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { bytes } from '../../cli/size.ts'
import { table } from '../../cli/table.ts'
import { auditJson } from '../../index.ts'

export default class ChainBlock extends ChainCommand {
  static override summary = 'Show a block of the audit chain with its records'
  static override examples = ['<%= config.bin %> chain block 17', '<%= config.bin %> chain block 00a41c']
  static override args = {
    block: Args.string({
      description: 'Its height, its hash, or the first digits of that (four or more)',
      required: true
    })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ChainBlock)
    await using talos = await this.openClient(flags)
    const signal = this.interrupted
    const block = await talos.chain.block(args.block, { signal })
    const records = block.pruned ? [] : await talos.chain.recordsOf(block, { signal })
    this.log(
      lines([
        ['height', String(block.height)],
        ['hash', block.hash],
        ['before it', block.previous],
        ['time', new Date(block.time).toISOString()],
        ['records', `${block.records}${block.pruned ? ', pruned' : ''} (${bytes(block.bytes)})`],
        ['records root', block.recordsRoot],
        ['history root', block.historyRoot],
        ['made by', block.producer],
        ['work', `bits ${block.bits}, nonce ${block.nonce}`]
      ])
    )
    if (records.length > 0) {
      const nameOf = await this.peerNames(flags)
      this.log('')
      this.log(
        table(
          LOG_HEADING,
          records.map(record => logRow(record, nameOf))
        )
      )
    }
    return { ...block, entries: records.map(auditJson) }
  }
}
