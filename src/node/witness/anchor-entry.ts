import { type Anchor, encodeAnchor, WITNESS_ANCHOR } from '../../chain/anchor.ts'
import { parseCheckpoint } from '../../chain/checkpoint.ts'
import { type Entry, EXTENSION } from '../../chain/index.ts'
import { parseNote, signatureLine, verifyNote } from '../../chain/note.ts'
import type { TrustPolicy } from '../../chain/policy.ts'

/** The record that witnesses of the policy signed this checkpoint: with their signatures, and no other. */
export function witnessEntry(note: string, { witnesses }: TrustPolicy): Entry {
  const { text, signatures } = parseNote(note)
  const { size, root } = parseCheckpoint(text)
  const theirs = signatures.filter(signature =>
    witnesses.some(({ key }) => verifyNote({ text, signatures: [signature] }, key) === true)
  )
  const proof = new TextEncoder().encode(theirs.map(signatureLine).join(''))
  return anchorEntry('witnessed', { provider: WITNESS_ANCHOR, size, root, proof })
}

/** The record of an anchor, once for each provider and size. */
export function anchorEntry(event: string, anchor: Anchor): Entry {
  const { provider, size } = anchor
  return {
    kind: 'ANCHOR',
    operation: `anchor/${provider}/${size}`,
    fields: [
      { name: 'event', value: event },
      { name: 'size', value: size }
    ],
    extensions: [{ type: EXTENSION.ANCHOR, value: encodeAnchor(anchor) }]
  }
}
