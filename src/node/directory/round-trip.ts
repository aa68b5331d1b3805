import { randomBytes } from 'node:crypto'
import type { Connection } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'
import { TalosError } from '../../errors.ts'

const PING_PROTOCOL = '/ipfs/ping/1.0.0'
const PING_LENGTH = 32
const PING_TIMEOUT = 5_000

/**
 * The time from sending 32 bytes over a connection to having them back, in milliseconds (libp2p's ping protocol). The opening
 * of the stream is not counted. Throws NETWORK_PING_FAILED, and the reason of the signal.
 */
export async function roundTrip(connection: Connection, signal?: AbortSignal): Promise<number> {
  const timeout = AbortSignal.timeout(PING_TIMEOUT)
  const options = { signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) }
  try {
    const stream = await connection.newStream(PING_PROTOCOL, { ...options, runOnLimitedConnection: true })
    const bytes = byteStream(stream)
    const sent = randomBytes(PING_LENGTH)
    try {
      const start = performance.now()
      await bytes.write(sent, options)
      const received = await bytes.read({ ...options, bytes: PING_LENGTH })
      const time = performance.now() - start
      if (!sent.equals(received.subarray())) throw new Error('other bytes came back')
      await stream.close(options)
      return time
    } catch (error) {
      stream.abort(error as Error)
      throw error
    }
  } catch (cause) {
    signal?.throwIfAborted()
    const why = timeout.aborted ? 'no answer' : cause instanceof Error ? cause.message : 'the stream was closed'
    throw new TalosError('NETWORK_PING_FAILED', `ping to ${connection.remotePeer} failed: ${why}`, { cause })
  }
}

/** Milliseconds, to the hundredth. */
export function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
