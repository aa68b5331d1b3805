import type { StreamMuxerFactory } from '@libp2p/interface'
import { yamux as libp2pYamux, type YamuxMuxerInit } from '@libp2p/yamux'
import { giveUpWhenSilent, SIGN_EACH } from './silence.ts'

/** A window that was half used up within so long is doubled, up to its limit. Milliseconds. */
const QUICKLY = 50

/** yamux's StreamState.Established: before that, window updates carry the flags that open the stream. */
const ESTABLISHED = 3

/** The part of a yamux stream that tells the other side how much more it may send. */
interface Windowed {
  state: number
  /** The whole window, and what of it is not used up. Bytes. */
  recvWindow: number
  recvWindowCapacity: number
  readonly maxStreamWindowSize: number
  /** When the window was last filled up. Milliseconds since the epoch. */
  readonly epochStart: number
  sendWindowUpdate(): void
}

/**
 * libp2p's yamux, which answers each frame of data with a window update: a frame more to be sealed, sent and opened for every
 * message. Here, as in other implementations, the window is filled up when half of it is used.
 */
export function yamux(init: YamuxMuxerInit): () => StreamMuxerFactory {
  return () => {
    const factory = libp2pYamux({ keepAliveInterval: SIGN_EACH, ...init })()
    const createStreamMuxer = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = connection => {
      const muxer = createStreamMuxer(connection)
      giveUpWhenSilent(connection)
      const onCreateStream = muxer.onCreateStream.bind(muxer)
      const onRemoteStream = muxer.onRemoteStream.bind(muxer)
      muxer.onCreateStream = () => {
        const stream = onCreateStream()
        updateByHalves(stream as unknown as Windowed)
        return stream
      }
      muxer.onRemoteStream = stream => {
        updateByHalves(stream as unknown as Windowed)
        onRemoteStream(stream)
      }
      return muxer
    }
    return factory
  }
}

function updateByHalves(stream: Windowed): void {
  const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    if (stream.state === ESTABLISHED) {
      if (stream.recvWindowCapacity > stream.recvWindow / 2) return
      if (Date.now() - stream.epochStart <= QUICKLY) {
        stream.recvWindow = Math.min(stream.recvWindow * 2, stream.maxStreamWindowSize)
      }
    }
    sendWindowUpdate()
  }
}
