import { listPeers, TalosClient } from '../index.ts'
import { BaseCommand } from './base-command.ts'
import { interruption } from './interrupt.ts'
import { promptPassphrase } from './passphrase.ts'

/** A command that asks about the agent's own chain: through the node that runs, or as the node for as long as it takes. */
export abstract class ChainCommand extends BaseCommand {
  /** Aborted by Ctrl-C. */
  protected readonly interrupted = interruption()

  protected openClient(flags: { 'data-dir': string | undefined }): Promise<TalosClient> {
    return TalosClient.create({
      ...location(flags),
      role: 'client',
      prompt: promptPassphrase,
      signal: this.interrupted
    })
  }

  /** What the person calls a peer; its PeerId without a name. */
  protected async peerNames(flags: { 'data-dir': string | undefined }): Promise<(peer: string) => string> {
    const names = new Map((await listPeers(location(flags))).map(({ name, peerId }) => [peerId, name]))
    return peer => names.get(peer) ?? peer
  }
}

function location(flags: { 'data-dir': string | undefined }): { dataDir?: string } {
  return flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
}
