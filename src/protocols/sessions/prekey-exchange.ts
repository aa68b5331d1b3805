import type { Connection } from '@libp2p/interface'
import { TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import { MAX_BUNDLE_SIZE } from '../ratchet/index.ts'
import { PREKEY_REFUSAL, PREKEYS_PROTOCOL, PREKEYS_TIMEOUT, REQUEST_LIMIT, RESPONSE_OVERHEAD } from './constants.ts'
import { PrekeyRequest, PrekeyResponse } from './pb/prekeys.ts'

/**
 * Asks the peer at the other end of `connection` for a prekey bundle; the caller verifies it. Throws SESSION_NOT_AUTHORISED,
 * SESSION_BUSY, SESSION_MALFORMED, NETWORK_*.
 */
export async function fetchBundle(connection: Connection, oneTime: boolean, signal: AbortSignal): Promise<Uint8Array> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(PREKEYS_TIMEOUT)])
  const stream = await connection.newStream(PREKEYS_PROTOCOL, { signal: deadline, runOnLimitedConnection: true })
  const frames = new FrameStream(stream, { maxFrameLength: MAX_BUNDLE_SIZE + RESPONSE_OVERHEAD })
  try {
    await frames.write(PrekeyRequest.encode({ oneTime }), deadline)
    const frame = await frames.read(deadline)
    if (frame === undefined)
      throw new TalosError('NETWORK_STREAM_CLOSED', 'the peer closed the stream without an answer')
    const response = decodeResponse(frame)
    await frames.close(deadline)
    if (response.refused === PREKEY_REFUSAL.notAuthorised) {
      throw new TalosError('SESSION_NOT_AUTHORISED', 'not authorised', {
        hint: 'Ask the owner of the other side to add your PeerId (talos status shows it).'
      })
    }
    if (response.refused !== 0) {
      throw new TalosError('SESSION_BUSY', 'the peer refuses to begin another session so soon', {
        hint: 'Try again in a minute.'
      })
    }
    return response.bundle
  } catch (error) {
    frames.abort(error as Error)
    throw error
  }
}

/** Answers one request. `issue` has stored that the one-time prekey is gone before it resolves. */
export async function answerRequest(
  frames: FrameStream,
  admit: () => number,
  issue: (oneTime: boolean) => Promise<Uint8Array>
): Promise<void> {
  const deadline = AbortSignal.timeout(PREKEYS_TIMEOUT)
  const frame = await frames.read(deadline)
  if (frame === undefined || frame.byteLength > REQUEST_LIMIT) {
    throw new TalosError('SESSION_MALFORMED', 'a prekey request is missing or too long')
  }
  const refused = admit()
  const response =
    refused === 0
      ? { bundle: (await issue(decodeRequest(frame).oneTime)) as Uint8Array<ArrayBuffer>, refused }
      : { refused }
  await frames.write(PrekeyResponse.encode(response), deadline)
  await frames.finish(deadline)
}

function decodeRequest(frame: Uint8Array): PrekeyRequest {
  try {
    return PrekeyRequest.decode(frame)
  } catch (cause) {
    throw new TalosError('SESSION_MALFORMED', 'a prekey request cannot be decoded', { cause })
  }
}

function decodeResponse(frame: Uint8Array): PrekeyResponse {
  try {
    return PrekeyResponse.decode(frame)
  } catch (cause) {
    throw new TalosError('SESSION_MALFORMED', "the peer's answer to a prekey request cannot be decoded", { cause })
  }
}
