import { hexOf } from '../../crypto/peer-key.ts'
import type { FrameStream } from '../framing/index.ts'
import { encodeAnswer } from './codec.ts'

/** Streams that one recipient is told on; the oldest goes when there is another. */
const MAX_STREAMS = 4

interface Subscriber {
  tag: string
  frames: FrameStream
  /** It was told, and has not asked since: once is enough. */
  isTold: boolean
}

/** The streams on which recipients wait for news. */
export class Subscribers {
  readonly #byTag = new Map<string, Subscriber[]>()
  readonly #byStream = new Map<FrameStream, Subscriber>()

  add(tagBytes: Uint8Array, frames: FrameStream): void {
    if (this.#byStream.has(frames)) return
    const tag = hexOf(tagBytes)
    const subscriber = { tag, frames, isTold: false }
    const same = [...(this.#byTag.get(tag) ?? []), subscriber]
    for (const old of same.splice(0, same.length - MAX_STREAMS)) {
      this.#byStream.delete(old.frames)
      old.frames.abort(new Error('replaced by another subscription'))
    }
    this.#byTag.set(tag, same)
    this.#byStream.set(frames, subscriber)
  }

  remove(frames: FrameStream): void {
    const subscriber = this.#byStream.get(frames)
    if (subscriber === undefined) return
    this.#byStream.delete(frames)
    const left = this.#byTag.get(subscriber.tag)!.filter(one => one !== subscriber)
    if (left.length > 0) this.#byTag.set(subscriber.tag, left)
    else this.#byTag.delete(subscriber.tag)
  }

  /** It looks for itself now, so that what comes from here on is news again. */
  asked(frames: FrameStream): void {
    const subscriber = this.#byStream.get(frames)
    if (subscriber !== undefined) subscriber.isTold = false
  }

  /** Says that something has come; waits for nobody. */
  tell(tagBytes: Uint8Array): void {
    for (const subscriber of this.#byTag.get(hexOf(tagBytes)) ?? []) {
      if (subscriber.isTold) continue
      subscriber.isTold = true
      // a stream that is closing is removed where it is read
      subscriber.frames.write(encodeAnswer({ status: 'ok', news: true })).catch(() => {})
    }
  }
}
