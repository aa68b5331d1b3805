import { Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { networkText } from '../../cli/network-text.ts'
import type { NetworkStatus } from '../../index.ts'

export default class ChainSync extends ChainCommand {
  static override summary = 'Ask all connected nodes of the network for their chain now, and fetch the best'
  static override description =
    'A node does so by itself, too. A chain that would take back more than 100 blocks is followed only with --consent: "talos chain status" tells of it.'
  static override examples = ['<%= config.bin %> chain sync', '<%= config.bin %> chain sync --consent 00a41c…']
  static override flags = {
    consent: Flags.string({
      description: 'Follow the chain that begins with this block (64 digits), however many blocks it takes back'
    })
  }

  async run(): Promise<NetworkStatus> {
    const { flags } = await this.parse(ChainSync)
    await using talos = await this.openClient(flags)
    const consent = flags.consent === undefined ? {} : { consent: flags.consent }
    const status = await talos.network.sync({ signal: this.interrupted, ...consent })
    this.log(networkText(status))
    return status
  }
}
