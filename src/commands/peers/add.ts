import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { addPeer, type KnownPeer } from '../../index.ts'

export default class PeersAdd extends BaseCommand {
  static override summary = 'Give a peer a name, which every command then takes'
  static override description =
    'Without an address the peer is found through the registry. Adding the same peer under its name again ' +
    "replaces its addresses; a name that is another peer's is never moved silently."
  static override examples = [
    '<%= config.bin %> peers add bob 12D3KooWHkVk43SFRq5RBfoCGV9LkVmq4ZhGp5ei2dywoayqSZfu',
    '<%= config.bin %> peers add bob did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw /ip4/192.0.2.7/tcp/4001'
  ]
  static override args = {
    name: Args.string({ required: true, description: '1 to 64 printable characters without spaces' }),
    peer: Args.string({ required: true, description: 'PeerId, did:key or hex key' }),
    multiaddr: Args.string({ multiple: true, description: 'Where it listens' })
  }

  async run(): Promise<KnownPeer> {
    const { args, flags } = await this.parse(PeersAdd)
    const peer = await addPeer({
      dataDir: flags['data-dir'],
      name: args.name,
      peer: args.peer,
      addresses: args.multiaddr
    })
    this.log(`${peer.name} is ${peer.peerId}`)
    return peer
  }
}
