import type { VerifiedEvidence, VerifiedProof } from '../index.ts'
import { fieldLines, lines } from './audit-text.ts'
import { oneLine } from './printable.ts'

/** What a proof says, for a person. */
export function proofText(proof: VerifiedProof, nameOf: (peer: string) => string): string {
  const { author, record, kind, sequence, time, block, checkpoint, fields, fieldCount, counterpart } = proof
  const name = nameOf(author)
  const at = (milliseconds: number): string => new Date(milliseconds).toISOString()
  const rows: Array<[string, string]> = [
    ['agent', name === author ? author : `${author} (${oneLine(name)})`],
    ['record', `${record}, its number ${sequence}`],
    ['kind', kind],
    ['time', at(time)],
    ['block', `${block.height}, made ${at(block.time)}`],
    ['chain', `${oneLine(checkpoint.origin)}, ${checkpoint.size} blocks`]
  ]
  if (checkpoint.witnesses.length > 0) rows.push(['witnesses', oneLine(checkpoint.witnesses.join(', '))])
  if (counterpart !== undefined)
    rows.push(['answers', `record ${counterpart.record} of the chain ${counterpart.chainId}`])
  const opened =
    fields.length === 0
      ? ['Nothing of its contents is opened.']
      : [`Opened (${fields.length} of ${fieldCount} fields):`, ...fieldLines(fields)]
  return [lines(rows), ...opened].join('\n')
}

/** Who signed two histories, for a person. */
export function evidenceText({ what, culprit, origin, place, hashes }: VerifiedEvidence): string {
  const where = { blocks: 'height', records: 'number', checkpoints: 'size', histories: 'size' }[what]
  return [
    'PROVED: two histories were signed with one key',
    lines([
      ['key of', culprit],
      ['chain', oneLine(origin)],
      [where, String(place)],
      ['signed', `two ${what}`],
      ['one', hashes[0]],
      ['other', hashes[1]]
    ])
  ].join('\n')
}

/** The same for a program. */
export function proofJson({ fields, ...proof }: VerifiedProof): object {
  return { ...proof, fields: fieldsJson(fields) }
}

export const fieldsJson = (fields: VerifiedProof['fields']): object[] =>
  fields.map(({ name, value }) =>
    value instanceof Uint8Array ? { name, base64: Buffer.from(value).toString('base64') } : { name, value }
  )
