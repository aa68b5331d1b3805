import { equalBytes, toHex } from '../bytes.ts'
import type { ChainRecord } from '../record.ts'
import { type Head, reject, type ValidationContext, type Validator } from './context.ts'

/** The records of each author and stream follow one another without gap, repetition or fork. */
export const sequence: Validator = {
  name: 'sequence',
  layer: 'semantic',
  level: 'STRICT',
  run(context) {
    const { entries, view } = context
    // of a chain with one writer the map has one entry, and its key need not be made anew for each record
    const heads = new Map<string, Head>()
    let last: { record: ChainRecord; id: Uint8Array } | undefined
    let latest = 0
    for (let i = 0; i < entries!.length; i++) {
      const { record, id } = entries![i]!
      const isSame =
        last !== undefined && last.record.stream === record.stream && equalBytes(last.record.author, record.author)
      if (!isSame) {
        if (last !== undefined) heads.set(keyOf(last.record), headAt(last))
        const head = heads.get(keyOf(record)) ?? view.headOf(record.author, record.stream) ?? NO_HEAD
        if (!follows(context, record, id, head, i)) return
      } else if (
        (record.sequence !== last!.record.sequence + 1 || !equalBytes(record.previous, last!.id)) &&
        !follows(context, record, id, headAt(last!), i)
      ) {
        return
      }
      last = entries![i]!
      if (record.time > latest) latest = record.time
    }
    if (context.chain.params.admission === 'owner' && latest > context.header!.time) {
      reject(context, 'MESSAGE_FORMAT_INVALID', 'a record is younger than its block')
    }
  }
}

const NO_HEAD: Head = { sequence: 0, id: new Uint8Array(32) }
const headAt = ({ record: { sequence }, id }: { record: ChainRecord; id: Uint8Array }): Head => ({ sequence, id })
const keyOf = ({ author, stream }: ChainRecord): string => `${toHex(author)}/${stream}`

function follows(context: ValidationContext, record: ChainRecord, id: Uint8Array, head: Head, at: number): boolean {
  const { sequence: number } = record
  if (number === head.sequence + 1) {
    if (equalBytes(record.previous, head.id)) return true
    reject(context, 'EQUIVOCATION', 'the record continues another history of its author', at)
  } else if (number > head.sequence) {
    reject(context, 'SEQUENCE_GAP', `record ${number} of its author after ${head.sequence}`, at)
  } else if (number === head.sequence && !equalBytes(id, head.id)) {
    reject(context, 'EQUIVOCATION', `its author has another record ${number}`, at)
  } else {
    reject(context, 'DUPLICATE_MESSAGE', `record ${number} of its author is in the chain already`, at)
  }
  return false
}
