import type { Connection } from '@libp2p/interface'
import { crypto } from '../../crypto/index.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import {
  AUDIT_PROTOCOL,
  AUDIT_REFUSAL,
  DIGEST_LENGTH,
  FRAME_TIMEOUT,
  MAX_FRAME_LENGTH,
  NONCE_LENGTH
} from './constants.ts'
import { AuditAnswer, AuditRequest, type SharedEntry } from './pb/audit.ts'

/** What the peer has of an operation. */
export interface PeerEntry {
  operation: string
  /** As in the chain; not checked. */
  kind: number
  /** 32 bytes. */
  record: Uint8Array
  /** Milliseconds since 1970, by its clock. */
  time: number
  /** Digests of the fields that both know: see shared-fields.ts. */
  digests: ReadonlyMap<string, Uint8Array>
}

export interface PeerAnswer {
  /** What the digests were made with. */
  nonce: Uint8Array
  /** The state of its chain, signed: a C2SP note, not verified. */
  checkpoint: string
  /** All of them, in its order. Throws as askPeer(). */
  entries: AsyncGenerator<PeerEntry, void>
}

/**
 * Asks a peer for what it has recorded of the operations with us. Whoever stops reading early ends the stream.
 *
 * @throws AUDIT_UNSUPPORTED, AUDIT_REFUSED, AUDIT_BUSY, AUDIT_PROTOCOL when it breaks the rules, NETWORK_*, and the reason of the signal
 */
export async function askPeer(connection: Connection, signal: AbortSignal): Promise<PeerAnswer> {
  const stream = await connection
    .newStream(AUDIT_PROTOCOL, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(FRAME_TIMEOUT)]),
      runOnLimitedConnection: true
    })
    .catch((cause: unknown) => {
      signal.throwIfAborted()
      if ((cause as Error).name !== 'UnsupportedProtocolError') throw cause
      throw new TalosError('AUDIT_UNSUPPORTED', 'the peer does not compare records', {
        hint: 'Its Talos is older. Ask its owner for a file of "talos audit export --peer", and compare with --file.'
      })
    })
  const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
  try {
    const nonce = crypto.randomBytes(NONCE_LENGTH) as Uint8Array<ArrayBuffer>
    await frames.write(AuditRequest.encode({ nonce }), deadline(signal))
    const first = await next(frames, signal)
    if (first.refused !== 0) throw refusal(first.refused)
    return { nonce, checkpoint: first.checkpoint, entries: entriesOf(frames, first, signal) }
  } catch (error) {
    frames.abort(error as Error)
    throw error
  }
}

async function* entriesOf(
  frames: FrameStream,
  first: AuditAnswer,
  signal: AbortSignal
): AsyncGenerator<PeerEntry, void> {
  let answer = first
  let isOver = false
  try {
    for (;;) {
      for (const entry of answer.entries) yield read(entry)
      if (answer.last) break
      answer = await next(frames, signal)
    }
    isOver = true
    await frames.finish(deadline(signal))
  } finally {
    if (!isOver) frames.abort(new Error('not read to its end'))
  }
}

async function next(frames: FrameStream, signal: AbortSignal): Promise<AuditAnswer> {
  const frame = await frames.read(deadline(signal)).catch((error: unknown) => {
    signal.throwIfAborted()
    if (isTalosError(error)) throw error
    throw new TalosError('AUDIT_PROTOCOL', 'the peer did not answer in time', { hint: 'Try again.', cause: error })
  })
  if (frame === undefined) throw protocol('its answer is cut off')
  try {
    return AuditAnswer.decode(frame)
  } catch {
    throw protocol('its answer cannot be read')
  }
}

function read({ operation, kind, record, time, fields }: SharedEntry): PeerEntry {
  const digests = new Map(fields.map(({ name, digest }) => [name, Uint8Array.from(digest)]))
  const isWhole = record.length === 32 && time <= BigInt(Number.MAX_SAFE_INTEGER)
  if (
    !isWhole ||
    !/^[\x21-\x7e]{1,255}$/.test(operation) ||
    fields.some(({ digest }) => digest.length !== DIGEST_LENGTH)
  ) {
    throw protocol('an entry is malformed')
  }
  return { operation, kind, record: Uint8Array.from(record), time: Number(time), digests }
}

const deadline = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(FRAME_TIMEOUT)])

function refusal(refused: number): TalosError {
  if (refused === AUDIT_REFUSAL.tooMany) {
    return new TalosError('AUDIT_BUSY', 'the peer does not compare records again so soon', {
      hint: 'Try again in a minute.'
    })
  }
  return new TalosError('AUDIT_REFUSED', 'the peer does not compare its records with yours', {
    hint: 'Ask its owner to add your PeerId to audit.reconcileWith, or for a file of "talos audit export --peer".'
  })
}

function protocol(message: string): TalosError {
  return new TalosError('AUDIT_PROTOCOL', `the peer broke the rules: ${message}`)
}
