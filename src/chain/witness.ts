import { isTalosError, TalosError } from '../errors.ts'
import { equalBytes, HASH_LENGTH } from './bytes.ts'
import { type Checkpoint, checkpointText, parseCheckpoint } from './checkpoint.ts'
import { base64, formatNote, fromBase64, type Note, type NoteKey, parseNote, verifyNote } from './note.ts'
import { EMPTY_ROOT, verifyConsistency } from './tree.ts'

/** What a log asks of a witness: https://c2sp.org/tlog-witness, add-checkpoint. */
export interface AddCheckpoint {
  /** Blocks of the checkpoint that the witness cosigned last, as the log knows. */
  oldSize: number
  /** That the new checkpoint continues that one: RFC 6962 §2.1.2. */
  proof: readonly Uint8Array[]
  note: Note
  /** What the note says. */
  checkpoint: Checkpoint
}

/** Statuses of HTTP, which the protocol has them from. */
export type WitnessRefusal = 400 | 403 | 409 | 422

const MAX_PROOF_LINES = 63

/** The text of a request. */
export function formatAddCheckpoint(oldSize: number, proof: readonly Uint8Array[], note: string): string {
  return `old ${oldSize}\n${proof.map(hash => `${base64(hash)}\n`).join('')}\n${note}`
}

/** Reads a request. @throws CHAIN_NOTE_INVALID, CHAIN_CHECKPOINT_INVALID for one that is malformed */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const end = body.indexOf('\n\n')
  const [first, ...lines] = body.slice(0, Math.max(0, end)).split('\n')
  const oldSize = Number(/^old (0|[1-9][0-9]{0,15})$/.exec(first ?? '')?.[1] ?? Number.NaN)
  if (!Number.isSafeInteger(oldSize) || lines.length > MAX_PROOF_LINES) {
    throw malformed(`it does not begin with "old", a size, and at most ${MAX_PROOF_LINES} hashes`)
  }
  const proof = lines.map(line => {
    const hash = fromBase64(line)
    if (hash?.length !== HASH_LENGTH) throw malformed('a line of the proof is no hash')
    return hash
  })
  const note = parseNote(body.slice(end + 2))
  const checkpoint = parseCheckpoint(note.text)
  // the lines below the root mean nothing to a witness, and would be cosigned with the rest
  if (checkpointText(checkpoint) !== note.text) throw malformed('its checkpoint has more than three lines')
  return { oldSize, proof, note, checkpoint }
}

/**
 * Whether a witness whose latest checkpoint of this log is `latest` (a size of 0 for none) may cosign the new one: undefined when it
 * may, else why not, in the order of the specification. Whether the log is known comes before.
 */
export function judgeCheckpoint(
  { oldSize, proof, note, checkpoint }: AddCheckpoint,
  log: NoteKey,
  latest: { size: number; root: Uint8Array }
): WitnessRefusal | undefined {
  if (verifyNote(note, log) !== true) return 403
  const { size, root } = checkpoint
  if (oldSize > size) return 400
  if (oldSize !== latest.size) return 409
  if (size === 0 && !equalBytes(root, EMPTY_ROOT)) return 422
  return verifyConsistency(latest, checkpoint, proof) ? undefined : 422
}

/** What a witness that has cosigned nothing of a log starts from. */
export const NOTHING_YET = { size: 0, root: EMPTY_ROOT } as const

/** The note with the signature of this key alone; undefined when it has none. */
export function signedOnlyBy({ text, signatures }: Note, key: NoteKey): string | undefined {
  const own = signatures.find(signature => verifyNote({ text, signatures: [signature] }, key) === true)
  return own && formatNote({ text, signatures: [own] })
}

/** Whether an error says that what was sent is malformed. */
export const isMalformed = (error: unknown): boolean =>
  isTalosError(error, 'CHAIN_NOTE_INVALID') || isTalosError(error, 'CHAIN_CHECKPOINT_INVALID')

function malformed(why: string): TalosError {
  return new TalosError('CHAIN_NOTE_INVALID', `a request to a witness: ${why}`, { hint: 'See c2sp.org/tlog-witness.' })
}
