import type { MessageStream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

/** What is written within one tick goes out at once, up to this length; more is copied for nothing. Bytes. */
const MAX_COALESCED = 64 * 1024

/**
 * A connection whose small writes are joined. Each message below noise is a write, and each is answered with one of yamux:
 * two system calls where one will do, which is a good part of what a small message costs.
 */
export function joinWrites<T extends MessageStream>(stream: T): T {
  const send = stream.send.bind(stream)
  const close = stream.close.bind(stream)
  let pending: Uint8ArrayList | undefined
  let isScheduled = false
  let isFull = false
  stream.addEventListener('drain', () => {
    isFull = false
  })

  function flush(): void {
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
    if (!isScheduled) {
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
