import { BaseCommand } from '../../cli/base-command.ts'
import { table } from '../../cli/table.ts'
import { type KnownPeer, listPeers } from '../../index.ts'

export default class Peers extends BaseCommand {
  static override summary = 'List the peers that you have named'
  static override description = 'The address book is local: nobody else sees these names.'
  static override examples = ['<%= config.bin %> peers', '<%= config.bin %> peers --json']

  async run(): Promise<{ peers: KnownPeer[] }> {
    const { flags } = await this.parse(Peers)
    const peers = await listPeers({ dataDir: flags['data-dir'] })
    if (peers.length === 0) this.note('No peer has a name yet: talos peers add <name> <peer>')
    else {
      const rows = peers.map(({ name, peerId, addresses }) => [name, peerId, addresses.join(' ')])
      this.log(table(['NAME', 'PEER', 'ADDRESSES'], rows))
    }
    return { peers }
  }
}
