import { Flags } from '@oclif/core'
import { shortId } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { blockRow } from '../../cli/network-text.ts'
import { bytes } from '../../cli/size.ts'
import { table } from '../../cli/table.ts'
import { clock } from '../../cli/time.ts'
import type { BlockSummary, NetworkBlock } from '../../index.ts'

export default class ChainBlocks extends ChainCommand {
  static override summary = 'List the last blocks of the audit chain'
  static override examples = [
    '<%= config.bin %> chain blocks',
    '<%= config.bin %> chain blocks --to 100 --limit 10',
    '<%= config.bin %> chain blocks --network'
  ]
  static override flags = {
    limit: Flags.integer({ description: 'How many', default: 20, min: 1, max: 500 }),
    network: Flags.boolean({ description: 'Of the chain that is shared with others' }),
    to: Flags.integer({ description: 'Up to this height (default: the last block)', min: 0 })
  }

  async run(): Promise<{ blocks: BlockSummary[] | NetworkBlock[] }> {
    const { flags } = await this.parse(ChainBlocks)
    await using talos = await this.openClient(flags)
    const { limit, to } = flags
    const signal = this.interrupted
    const range = { limit, signal, ...(to === undefined ? {} : { to }) }
    if (flags.network) {
      const blocks = await talos.network.blocks(range)
      this.log(table(['HEIGHT', 'HASH', 'TIME', 'RECORDS', 'MADE BY'], [...blocks].reverse().map(blockRow)))
      return { blocks }
    }
    const blocks = await talos.chain.blocks(range)
    this.log(table(['HEIGHT', 'HASH', 'TIME', 'RECORDS', 'SIZE'], [...blocks].reverse().map(row)))
    return { blocks }
  }
}

function row({ height, hash, time, records, bytes: size, pruned }: BlockSummary): string[] {
  return [String(height), shortId(hash), clock(time), `${records}${pruned ? ' (pruned)' : ''}`, bytes(size)]
}
