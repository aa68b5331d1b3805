import { ChainCommand } from '../../cli/chain-command.ts'
import type { NetworkStatus } from '../../index.ts'

export default class ChainMine extends ChainCommand {
  static override summary = 'Make a block of the shared chain now, of the records that wait'
  static override description =
    'A node does so by itself when it is its turn. Ends when there is a block, by whomever, or nothing waits.'
  static override examples = ['<%= config.bin %> chain mine']

  async run(): Promise<NetworkStatus> {
    const { flags } = await this.parse(ChainMine)
    await using talos = await this.openClient(flags)
    const signal = this.interrupted
    const before = await talos.network.status({ signal })
    const status = await talos.network.mine({ signal })
    const isLonger = status.height > (before?.height ?? 0)
    this.log(
      isLonger ? `Block ${status.height}: ${status.tip}` : 'Nothing waits: a block without records is never made.'
    )
    return status
  }
}
