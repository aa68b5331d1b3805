import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { interruption } from '../../cli/interrupt.ts'
import { table } from '../../cli/table.ts'
import { clock } from '../../cli/time.ts'
import { type FoundPeers, findPeers } from '../../index.ts'

export default class PeersFind extends BaseCommand {
  static override summary = 'Look up registered peers at the servers'
  static override description =
    'Names are given out by each server, to the first who asks: compare the PeerId before you rely on one.'
  static override examples = ['<%= config.bin %> peers find', '<%= config.bin %> peers find ali']
  static override args = {
    prefix: Args.string({ description: 'The beginning of a name, PeerId, did:key or hex key (default: all)' })
  }
  static override flags = {
    server: Flags.string({
      description: 'A server beside those that are known',
      multiple: true,
      multipleNonGreedy: true
    })
  }

  async run(): Promise<FoundPeers> {
    const { args, flags } = await this.parse(PeersFind)
    const found = await findPeers(args.prefix, {
      signal: interruption(),
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
      ...(flags.server === undefined ? {} : { servers: flags.server })
    })
    if (found.peers.length === 0) this.note('No such peer is registered.')
    else {
      const rows = found.peers.map(({ name, peerId, expiresAt }) => [name, peerId, clock(expiresAt)])
      this.log(table(['NAME', 'PEER', 'UNTIL'], rows))
    }
    if (found.more) this.note('There are more; give the beginning of a name.')
    for (const { message } of found.failed) this.note(`warning: ${message}`)
    return found
  }
}
