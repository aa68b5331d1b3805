import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { type KnownPeer, removePeer } from '../../index.ts'

export default class PeersRemove extends BaseCommand {
  static override summary = 'Forget the name of a peer'
  static override examples = ['<%= config.bin %> peers remove bob']
  static override args = { name: Args.string({ required: true, description: 'A name that `talos peers` lists' }) }

  async run(): Promise<KnownPeer> {
    const { args, flags } = await this.parse(PeersRemove)
    const peer = await removePeer({ dataDir: flags['data-dir'], name: args.name })
    this.log(`${peer.name} (${peer.peerId}) is forgotten`)
    return peer
  }
}
