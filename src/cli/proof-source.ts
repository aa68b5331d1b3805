import { existsSync } from 'node:fs'
import { TalosError } from '../errors.ts'
import { readProofFile } from '../index.ts'

/**
 * The text of a proof: of the file that was named, or else made by `prove` for a record of the own chain. A file of that name comes
 * before a record.
 *
 * @throws USAGE_INVALID, and what the two ways throw
 */
export async function proofOf(
  { source, file }: { source: string | undefined; file: string | undefined },
  prove: ((record: string) => Promise<string>) | undefined
): Promise<string> {
  if ((source === undefined) === (file === undefined)) {
    throw new TalosError('USAGE_INVALID', 'one proof is wanted: a record, or a file', {
      hint: 'Give a record or a file, or --file.'
    })
  }
  if (file !== undefined) return readProofFile(file)
  if (existsSync(source!)) return readProofFile(source!)
  if (prove !== undefined) return prove(source!)
  throw new TalosError('USAGE_INVALID', `there is no file ${source!}`, {
    hint: 'With --offline a proof comes from a file.'
  })
}
