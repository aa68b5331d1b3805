import { Args, Flags } from '@oclif/core'
import { LOG_HEADING, lines, logRow } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { bytes } from '../../cli/size.ts'
import { table } from '../../cli/table.ts'
import { auditJson, type TalosClient } from '../../index.ts'

export default class ChainBlock extends ChainCommand {
  static override summary = 'Show a block of the audit chain with its records'
  static override examples = ['<%= config.bin %> chain block 17', '<%= config.bin %> chain block 00a41c']
  static override args = {
    block: Args.string({
      description: 'Its height, its hash, or the first digits of that (four or more)',
      required: true
    })
  }

  static override flags = {
    network: Flags.boolean({ description: 'Of the chain that is shared with others' })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ChainBlock)
    await using talos = await this.openClient(flags)
    const signal = this.interrupted
    if (flags.network) return this.#ofNetwork(await talos.network.block(args.block, { signal }))
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

  #ofNetwork(block: Awaited<ReturnType<TalosClient['network']['block']>>): object {
    const { height, hash, previous, time, producer, entries } = block
    this.log(
      lines([
        ['height', String(height)],
        ['hash', hash],
        ['before it', previous],
        ['time', new Date(time).toISOString()],
        ['made by', producer || '-'],
        ['records', `${block.records} (${bytes(block.bytes)})`]
      ])
    )
    if (entries.length > 0) {
      const rows = entries.map(({ id, kind, author, sequence, claim }) => {
        const what = claim === undefined ? '' : `${claim.size} blocks of ${claim.chainId.slice(0, 16)}…`
        return [id.slice(0, 16), kind, author, String(sequence), what]
      })
      this.log('')
      this.log(table(['RECORD', 'KIND', 'AUTHOR', 'NUMBER', 'CLAIM'], rows))
    }
    return block
  }
}
