import { crypto } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import type { Depositor } from '../../protocols/mailbox/index.ts'
import { isOfNetwork } from '../network/addresses.ts'
import { createNode } from '../network/create-node.ts'
import { dialFirst } from '../network/race.ts'
import { VERSION } from '../version.ts'

/**
 * A throw-away identity for depositing (docs/spec/mailbox.md §6): a libp2p node of a random key, that listens nowhere, keeps
 * nothing, and has nothing in common with this agent's own but the network address that its connections come from.
 */
export async function throwAwayDepositor(): Promise<Depositor> {
  const node = await createNode({ signer: crypto.ed25519.generate(), role: 'client', version: VERSION })
  await node.start()
  return {
    connect: async ({ peerId, addresses }, signal) => {
      const open = node.getConnections(peerId).find(({ status }) => status === 'open')
      if (open !== undefined) return open
      const dialled = addresses.filter(isOfNetwork)
      if (dialled.length === 0) {
        throw new TalosError('NETWORK_PEER_UNREACHABLE', `no address of the mailbox ${peerId} can be dialled`)
      }
      return dialFirst(node, dialled, peerId, signal)
    },
    close: async () => node.stop()
  }
}
