import { lines } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { networkText } from '../../cli/network-text.ts'
import { bytes } from '../../cli/size.ts'
import type { NetworkStatus, ChainStatus as Report } from '../../index.ts'

export default class ChainStatus extends ChainCommand {
  static override summary = 'Show how far the audit chain is, and the chain that is shared with others'
  static override examples = ['<%= config.bin %> chain status', '<%= config.bin %> chain status --json']

  async run(): Promise<Report & { network?: NetworkStatus }> {
    const { flags } = await this.parse(ChainStatus)
    await using talos = await this.openClient(flags)
    const status = await talos.chain.status({ signal: this.interrupted })
    const { records, pending, prunedRecords, prunedTo } = status
    this.log(
      lines([
        ['chain', status.chainId],
        ['owner', status.owner],
        ['since', new Date(status.genesisTime).toISOString()],
        ['height', `${status.height} (${bytes(status.bytes)})`],
        ['last block', `${status.tip}, ${new Date(status.time).toISOString()}`],
        ['records', `${records}${pending > 0 ? `, ${pending} of them in no block yet` : ''}`],
        ['pruned', prunedRecords === 0 ? 'none' : `${prunedRecords} records, up to block ${prunedTo}`],
        ['difficulty', String(status.difficulty)]
      ])
    )
    const network = await talos.network.status({ signal: this.interrupted })
    if (network !== undefined) this.log(`\n${networkText(network)}`)
    return network === undefined ? status : { ...status, network }
  }
}
