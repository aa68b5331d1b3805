import { formatNoteKey } from '../../chain/note.ts'
import { crypto } from '../../crypto/index.ts'
import { peerIdOf } from '../../crypto/peer-key.ts'
import type { SessionStore } from '../../protocols/sessions/index.ts'
import { type WitnessServer, witnessServer } from '../../protocols/witness/index.ts'
import { isAmong, resolveKnownPeer } from '../known-peer.ts'
import type { EvidenceKeeper } from './evidence-exchange.ts'

export interface OwnWitnessInit {
  dataDir: string
  peerId: string
  store: SessionStore
  /** Whose chains it signs: names of the address book, PeerIds, or * for everybody. */
  allow: readonly string[]
  /** The owner of a chain turned out to have signed two histories. */
  onEvidence: (evidence: Uint8Array) => void
}

/** The witness that a node is for others. Throws PEER_UNKNOWN, PEER_AMBIGUOUS for whom the address book does not know. */
export async function ownWitness({
  dataDir,
  allow,
  store,
  peerId,
  onEvidence
}: OwnWitnessInit): Promise<ReturnType<typeof witnessServer>> {
  for (const reference of allow) if (reference !== '*') await resolveKnownPeer(reference, { dataDir })
  return witnessServer({
    store,
    crypto,
    name: `talos-witness/${peerId}`,
    serves: owner => isAmong(allow, peerIdOf(owner), { dataDir }),
    onEvidence
  })
}

/** What a witness that runs makes of evidence that others bring. */
export const keeperOf = (server: WitnessServer): EvidenceKeeper => ({
  take: async evidence => ((await server.witness?.learn(evidence)) === true ? 'accept' : 'ignore'),
  some: async most => (await server.witness?.someEvidence(most)) ?? []
})

/** The line of a policy file that names a witness. */
export function policyLine(name: string, { witness }: WitnessServer, peerId: string): string {
  return `witness ${name.replace(/\s+/g, '-')} ${formatNoteKey(witness!.key)} /p2p/${peerId}`
}
