import type { Entry, Field } from '../../chain/index.ts'
import { peerIdOf } from '../../crypto/peer-key.ts'
import { KEY_AGREEMENT, type SessionEvent } from '../ratchet/index.ts'

/** Who the two sides are. */
export interface Sides {
  /** Our Ed25519 key, 32 bytes. */
  self: Uint8Array
  /** PeerId of the other side. */
  peer: string
}

/**
 * What is recorded of an event. The operation, by which both sides compare, is in the first record of each side that knows of the
 * other's part: of who was asked that is how the session begins, of who asked that it was answered.
 */
export function sessionEntry({ self, peer }: Sides, event: SessionEvent): Entry | undefined {
  const { type, sid } = event
  if (type === 'abandoned') return { kind: 'SESSION', fields: fieldsOf('abandoned', peer, sid) }
  if (type === 'replaced') {
    return { kind: 'SESSION', fields: [...fieldsOf('replaced', peer, sid), { name: 'by', value: event.by }] }
  }
  const isOurs = event.role === 'initiator'
  // that the one who asked takes part changes nothing of what both have agreed on
  if (type === 'confirmed' && !isOurs) return undefined
  const name = type === 'confirmed' ? 'confirmed' : isOurs ? 'begun' : 'answered'
  const entry: Entry = {
    kind: 'SESSION',
    fields: [
      ...fieldsOf(name, peer, sid),
      { name: 'opened-by', value: isOurs ? peerIdOf(self) : peer },
      { name: 'handshake', value: KEY_AGREEMENT },
      { name: 'one-time', value: event.oneTime ? 'yes' : 'no' }
    ]
  }
  return name === 'begun' ? entry : { ...entry, operation: `session/${Buffer.from(sid).toString('hex')}` }
}

/** The record of an agreement key of the peer that is not the one that was pinned. 32 bytes each. */
export function keyEntry(
  event: 'key-refused' | 'key-accepted',
  peer: string,
  { pinned, offered }: { pinned: Uint8Array; offered: Uint8Array }
): Entry {
  return {
    kind: 'SESSION',
    fields: [
      { name: 'event', value: event },
      { name: 'peer', value: peer },
      { name: 'pinned', value: pinned.slice() },
      { name: 'offered', value: offered.slice() }
    ]
  }
}

const fieldsOf = (event: string, peer: string, sid: Uint8Array): Field[] => [
  { name: 'event', value: event },
  { name: 'peer', value: peer },
  { name: 'session', value: sid }
]
