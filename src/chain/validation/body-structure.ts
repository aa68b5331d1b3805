import { decodeBody } from '../block.ts'
import { FormatError } from '../format-error.ts'
import { fromText, sha256Text } from '../hash.ts'
import { type ChainRecord, decodeRecord } from '../record.ts'
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
  let before: ChainRecord | undefined
  for (const { record: bytes, signature } of decodeBody(context.body!, context.header!)) {
    try {
      const record = decodeRecord(bytes, before)
      before = record
      const idText = sha256Text(bytes)
      const id = fromText(idText)
      entries.push(signature === undefined ? { bytes, record, id, idText } : { bytes, record, id, idText, signature })
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      reject(context, error.violation, error.message, entries.length)
      break
    }
  }
  return entries
}
