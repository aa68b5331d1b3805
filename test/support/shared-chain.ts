import { toHex } from '../../src/chain/bytes.ts'
import { type Chain, chainOf } from '../../src/chain/params.ts'
import { decodeRecord, encodeRecord, KIND, recordId } from '../../src/chain/record.ts'
import { signRecord } from '../../src/chain/record-signature.ts'
import { readNetwork } from '../../src/chain/shared/network-file.ts'
import type { CheckedEntry, Head } from '../../src/chain/validation/context.ts'
import { ownerOf } from './keys.ts'

export const authors = [1, 2, 3, 4, 5, 6, 7].map(ownerOf)

/** The text of a network file whose writers are `authors`. */
export function networkText({ difficulty = 0, spacing = 1, name = 'test' } = {}): string {
  const keys = authors.map(({ publicKey }) => `  - "${toHex(publicKey)}"`).join('\n')
  return `name: ${name}\ngenesis: 2026-11-01T00:00:00Z\ndifficulty: ${difficulty}\nspacing: ${spacing}\nkinds: [IDENTITY, CHECKPOINT]\nwriters:\n${keys}\n`
}

export const networkOf = (options: Parameters<typeof networkText>[0] = {}): Chain =>
  chainOf(readNetwork(networkText(options)))

/** The record of an author (by its number) that follows `head`. */
export function entryOf(chain: Chain, author: number, head: Head, stream = author + 1): CheckedEntry {
  const bytes = encodeRecord({
    kind: KIND.IDENTITY,
    author: authors[author]!.publicKey,
    stream,
    sequence: head.sequence + 1,
    previous: head.id,
    time: Date.now(),
    commitment: new Uint8Array(32).fill(author),
    extensions: []
  })
  const id = recordId(bytes)
  return { bytes, record: decodeRecord(bytes), id, signature: signRecord(authors[author]!, chain.id, id) }
}

/** Another record for the same place as an encoded one, with its author's signature. */
export function rivalOf(chain: Chain, encoded: Uint8Array): { bytes: Uint8Array; signature: Uint8Array } {
  const record = decodeRecord(encoded)
  const author = authors.find(({ publicKey }) => Buffer.compare(publicKey, record.author) === 0)!
  const bytes = encodeRecord({ ...record, time: record.time + 1 })
  return { bytes, signature: signRecord(author, chain.id, recordId(bytes)) }
}
