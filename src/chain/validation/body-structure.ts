import { decodeBody } from '../block.ts'
import { FormatError } from '../format-error.ts'
import { decodeRecord, recordId } from '../record.ts'
import { type CheckedEntry, reject, type Validator } from './context.ts'

/** Every record has its one encoding and a length that the chain allows. Runs when the header was worth it. */
export const bodyStructure: Validator = {
  name: 'body-structure',
  layer: 'structural',
  level: 'MINIMAL',
  run(context) {
    const { header, body, chain } = context
    if (context.entries === undefined) context.entries = entriesOf(context)
    context.counts.records += context.entries.length
    if (body === undefined && context.entries.length !== header!.recordCount) {
      return reject(context, 'MALFORMED_BLOCK', 'the block has another number of records than the header says')
    }
    const { maxRecordLength } = chain.params
    for (let i = 0; i < context.entries.length; i++) {
      if (context.entries[i]!.bytes.length > maxRecordLength) {
        return reject(context, 'SIZE_EXCEEDED', `a record has at most ${maxRecordLength} bytes`, i)
      }
    }
  }
}

function entriesOf(context: Parameters<Validator['run']>[0]): CheckedEntry[] {
  const entries: CheckedEntry[] = []
  for (const { record: bytes, signature } of decodeBody(context.body!, context.header!)) {
    try {
      const [record, id] = [decodeRecord(bytes), recordId(bytes)]
      entries.push(signature === undefined ? { bytes, record, id } : { bytes, record, id, signature })
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      reject(context, error.violation, error.message, entries.length)
      break
    }
  }
  return entries
}
