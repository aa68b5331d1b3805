import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

/** What is written within one tick goes out at once, up to this length; more is copied for nothing. Bytes. */
const MAX_COALESCED = 64 * 1024

/**
 * A yamux frame without a body below noise: a window update, mostly, the answer to each frame of data. Bytes: 12 of header, 16
 * of tag, 2 of length.
 */
const BARE_FRAME = 30

/** One such frame waits so long for something to travel with: the answer to what came, mostly. Milliseconds. */
const BARE_FRAME_DELAY = 1

/**
 * A connection encrypter whose small writes are joined. Noise hands each message to the socket as two buffers (length and
 * body), and yamux answers each with a window update of two more: four system calls where one will do, which is a third of
 * what a small message costs.
 */
export function coalesced<C, E extends ConnectionEncrypter>(encrypter: (components: C) => E): (components: C) => E {
  return components => {
    const inner = encrypter(components)
    const secureOutbound = inner.secureOutbound.bind(inner)
    const secureInbound = inner.secureInbound.bind(inner)
    inner.secureOutbound = (connection, options) => secureOutbound(joinWrites(connection), options)
    inner.secureInbound = (connection, options) => secureInbound(joinWrites(connection), options)
    return inner
  }
}

function joinWrites<T extends MessageStream>(stream: T): T {
  const send = stream.send.bind(stream)
  const close = stream.close.bind(stream)
  let pending: Uint8ArrayList | undefined
  let timer: NodeJS.Timeout | undefined
  let isScheduled = false
  let isFull = false
  stream.addEventListener('drain', () => {
    isFull = false
  })

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    isScheduled = false
    const data = pending
    if (data === undefined) return
    pending = undefined
    try {
      isFull = !send(data.byteLength <= MAX_COALESCED ? data.subarray() : data)
    } catch {
      // it closed meanwhile: its 'close' event has told whoever wrote this
    }
  }

  stream.send = data => {
    if (stream.status !== 'open') return send(data) // throws what the caller expects
    pending ??= new Uint8ArrayList()
    pending.append(data)
    if (pending.byteLength <= BARE_FRAME) timer ??= setTimeout(flush, BARE_FRAME_DELAY)
    else if (!isScheduled) {
      isScheduled = true
      process.nextTick(flush)
    }
    return !isFull
  }
  stream.close = options => {
    flush()
    return close(options)
  }
  return stream
}
