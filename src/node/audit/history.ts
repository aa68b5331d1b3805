import { type LocalChain, recordsOfAll } from '../../chain/index.ts'
import { crypto } from '../../crypto/index.ts'
import { HASH, type HistoryEntry, operationOf } from '../../protocols/messaging/index.ts'

/** A message with where it is recorded. */
export type RecordedMessage = HistoryEntry & {
  /** Missing when the record was erased or pruned. */
  audit?: {
    /** Its number in the audit chain. */
    record: number
    /** Height of its block; missing while it is in none, which takes about a second. */
    block?: number
    /** The content is not what was recorded. */
    differs?: true
  }
}

/** Looks up in the chain where each message is recorded, and whether it is what was recorded. */
export async function withRecords(chain: LocalChain, messages: readonly HistoryEntry[]): Promise<RecordedMessage[]> {
  const records = await recordsOfAll(
    chain,
    messages.map(({ id }) => operationOf(id))
  )
  return messages.map((message, i) => {
    const found = records[i]
    if (found === undefined) return message
    const { sequence: record, height: block, payload } = found
    const hash = payload?.fields.find(({ name }) => name === HASH)?.value
    const isSame = !(hash instanceof Uint8Array) || Buffer.compare(hash, crypto.sha256(message.content)) === 0
    const audit = { record, ...(block === undefined ? {} : { block }), ...(isSame ? {} : { differs: true as const }) }
    return { ...message, audit }
  })
}
