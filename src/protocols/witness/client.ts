import type { Connection } from '@libp2p/interface'
import { type Checkpoint, parseCheckpoint } from '../../chain/checkpoint.ts'
import { type NoteKey, type NoteSignature, parseNote, parseSignatures, verifyNote } from '../../chain/note.ts'
import { formatAddCheckpoint } from '../../chain/witness.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import { EXCHANGE_TIMEOUT, MAX_FRAME_LENGTH, STATUS, WITNESS_PROTOCOL } from './constants.ts'
import { WitnessRequest, WitnessResponse } from './pb/witness.ts'

/** A checkpoint for a witness. */
export interface Submission {
  /** A note with the owner's signature. */
  note: string
  /** Blocks of the checkpoint that this witness cosigned last. */
  oldSize: number
  /** That the new one continues it. */
  proof: readonly Uint8Array[]
  /** Of the chain, encoded: for a witness that does not know it yet. */
  params?: Uint8Array
}

export type SubmissionOutcome =
  | { state: 'cosigned'; signature: NoteSignature }
  /** It has cosigned another size last: to be proved from there. */
  | { state: 'conflict'; size: number }

/** What a witness has of a chain. */
export interface WitnessedCheckpoint {
  note: string
  checkpoint: Checkpoint
}

/**
 * Asks a witness to cosign. What it returns is verified with the key that the caller trusts.
 *
 * Throws WITNESS_REFUSED, WITNESS_INCONSISTENT, WITNESS_BUSY, WITNESS_ANSWER_INVALID, NETWORK_*. WITNESS_EVIDENCE carries what the witness holds
 * against the owner of the chain: it is the caller's to verify.
 */
export async function addCheckpoint(
  connection: Connection,
  key: NoteKey,
  { note, oldSize, proof, params }: Submission,
  signal: AbortSignal
): Promise<SubmissionOutcome> {
  const body = new TextEncoder().encode(formatAddCheckpoint(oldSize, proof, note))
  const response = await exchange(
    connection,
    { addCheckpoint: body, ...(params === undefined ? {} : { params: Uint8Array.from(params) }) },
    signal
  )
  const text = new TextDecoder().decode(response.body)
  if (response.evidence.length > 0) throw new WitnessEvidenceError(response.evidence)
  if (response.status === STATUS.ok) return { state: 'cosigned', signature: cosignatureOf(text, key, note) }
  if (response.status === STATUS.conflict) {
    const size = Number(/^(0|[1-9][0-9]{0,15})\n$/.exec(text)?.[1] ?? Number.NaN)
    if (!Number.isSafeInteger(size)) throw invalidAnswer('a conflict without a size')
    return { state: 'conflict', size }
  }
  throw refused(response)
}

/**
 * The checkpoint of a chain that a witness has cosigned last, with its signature verified; undefined when it has none. Throws as
 * addCheckpoint().
 */
export async function latestCheckpoint(
  connection: Connection,
  key: NoteKey,
  chainId: Uint8Array,
  signal: AbortSignal
): Promise<WitnessedCheckpoint | undefined> {
  const response = await exchange(connection, { latest: Uint8Array.from(chainId) }, signal)
  if (response.evidence.length > 0) throw new WitnessEvidenceError(response.evidence)
  if (response.status === STATUS.unknown) return undefined
  if (response.status !== STATUS.ok) throw refused(response)
  const note = new TextDecoder().decode(response.body)
  return strictly(() => {
    const parsed = parseNote(note)
    if (verifyNote(parsed, key) !== true) throw invalidAnswer('a checkpoint without its signature')
    return { note, checkpoint: parseCheckpoint(parsed.text) }
  })
}

/** A witness holds evidence that the owner of the chain signed two histories of it. */
export class WitnessEvidenceError extends TalosError {
  /** To be verified: see src/chain/evidence.ts. */
  readonly evidence: Uint8Array

  constructor(evidence: Uint8Array) {
    super('WITNESS_EVIDENCE', 'the witness holds evidence that two histories of this chain were signed', {
      hint: 'Was the data directory copied, or put back to an earlier state? Its chain cannot be witnessed any more.'
    })
    this.evidence = evidence
  }
}

async function exchange(
  connection: Connection,
  request: Partial<WitnessRequest>,
  signal: AbortSignal
): Promise<WitnessResponse> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(EXCHANGE_TIMEOUT)])
  const stream = await connection.newStream(WITNESS_PROTOCOL, { signal: deadline, runOnLimitedConnection: true })
  const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
  try {
    await frames.write(WitnessRequest.encode(request), deadline)
    const frame = await frames.read(deadline)
    if (frame === undefined)
      throw new TalosError('NETWORK_STREAM_CLOSED', 'the witness closed the stream without an answer')
    await frames.close(deadline)
    return decode(frame)
  } catch (error) {
    frames.abort(error as Error)
    throw error
  }
}

function decode(frame: Uint8Array): WitnessResponse {
  try {
    return WitnessResponse.decode(frame)
  } catch (cause) {
    throw invalidAnswer('it cannot be read', cause)
  }
}

/** The one signature of this witness among those that it returned: all others are ignored. */
function cosignatureOf(lines: string, key: NoteKey, note: string): NoteSignature {
  return strictly(() => {
    const { text } = parseNote(note)
    const found = parseSignatures(lines).find(one => verifyNote({ text, signatures: [one] }, key) === true)
    if (found === undefined) throw invalidAnswer('it has no signature by the key of the policy')
    return found
  })
}

function refused({ status, retryAfter }: WitnessResponse): TalosError {
  if (status === STATUS.rateLimited || status === STATUS.internal) {
    return new TalosError('WITNESS_BUSY', 'the witness cannot answer now', {
      hint:
        retryAfter > 0 ? `Try again in ${Math.ceil(retryAfter / 1000)} s.` : 'It is asked again at the next interval.'
    })
  }
  if (status === STATUS.inconsistent) {
    return new TalosError(
      'WITNESS_INCONSISTENT',
      'the witness does not sign: the chain does not continue what it signed before',
      {
        hint: 'Either it has another history of the chain, or it misbehaves.'
      }
    )
  }
  const why = REASONS[status] ?? `it answered with the status ${status}`
  return new TalosError('WITNESS_REFUSED', `the witness does not sign: ${why}`, {
    hint:
      status === STATUS.unknown
        ? 'Ask its operator to add your PeerId (talos status shows it).'
        : 'See docs/witness.md.'
  })
}

const REASONS: Record<number, string> = {
  [STATUS.malformed]: 'it finds the request malformed',
  [STATUS.forbidden]: 'it does not take the signature of the chain’s owner',
  [STATUS.unknown]: 'it does not serve this chain',
  [STATUS.full]: 'it has no room for another chain'
}

function strictly<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (isTalosError(error, 'CHAIN_NOTE_INVALID') || isTalosError(error, 'CHAIN_CHECKPOINT_INVALID')) {
      throw invalidAnswer(error.message, error)
    }
    throw error
  }
}

function invalidAnswer(why: string, cause?: unknown): TalosError {
  return new TalosError('WITNESS_ANSWER_INVALID', `the witness answered what cannot be: ${why}`, {
    hint: 'It is counted as if it had not answered.',
    cause
  })
}
