import { TalosError } from '../../errors.ts'
import type { IncomingStream, StreamOffer } from '../../protocols/streams/index.ts'

/** A stream that a peer would like to write to us. Nothing of it comes before accept(). */
export interface OfferedStream extends Omit<StreamOffer, 'peer'> {
  /** `12D3KooW…` */
  readonly peer: string
  /**
   * Takes it. Throws STREAM_OFFER_OVER when it was answered before, took too long, or the peer has gone, and the reason of the signal:
   * then it is given up, if it was not open yet.
   */
  accept(options?: { signal?: AbortSignal }): Promise<IncomingStream>
  refuse(): void
}

interface Waiting {
  answer: (accepted: boolean) => void
  opened: PromiseWithResolvers<IncomingStream>
}

/** Which streams are taken: those that somebody who decides here says yes to, in time. None while nobody does. */
export class StreamPolicy {
  readonly #deciders = new Set<(offer: OfferedStream) => void>()
  readonly #waiting = new Map<StreamOffer, Waiting>()

  /** Each offer from now on goes to `decider`, and to the other ones; the first answer counts. Returns the function that ends it. */
  onOffer(decider: (offer: OfferedStream) => void): () => void {
    this.#deciders.add(decider)
    return () => {
      this.#deciders.delete(decider)
      if (this.#deciders.size > 0) return
      for (const { answer } of this.#waiting.values()) answer(false)
    }
  }

  /** False when nobody decides here, or nobody has said yes before the offer's signal is aborted. */
  async decide(offer: StreamOffer): Promise<boolean> {
    if (this.#deciders.size === 0 || offer.signal.aborted) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const opened = Promise.withResolvers<IncomingStream>()
    opened.promise.catch(() => {}) // told to whoever has accepted it
    this.#waiting.set(offer, { answer: resolve, opened })
    const onAbort = (): void => {
      resolve(false)
      this.#waiting.delete(offer)
      opened.reject(offerOver())
    }
    offer.signal.addEventListener('abort', onAbort, { once: true })
    const shown = this.#shown(offer)
    for (const decider of this.#deciders) decider(shown)
    const accepted = await promise
    if (!accepted) this.#waiting.delete(offer)
    return accepted
  }

  /** The stream of an offer that was accepted. */
  opened(offer: StreamOffer, stream: IncomingStream): void {
    this.#waiting.get(offer)?.opened.resolve(stream)
    this.#waiting.delete(offer)
  }

  #shown(offer: StreamOffer): OfferedStream {
    const { peer, codec, priority, label, signal } = offer
    let isAnswered = false
    const answer = (accepted: boolean): Waiting | undefined => {
      const waiting = isAnswered ? undefined : this.#waiting.get(offer)
      isAnswered = true
      waiting?.answer(accepted)
      return waiting
    }
    return {
      peer: peer.toString(),
      codec,
      priority,
      label,
      signal,
      accept: async ({ signal: stop } = {}) => {
        stop?.throwIfAborted()
        const waiting = answer(true)
        if (waiting === undefined) throw offerOver()
        const { promise } = waiting.opened
        return stop === undefined ? promise : openedUnlessAborted(promise, stop)
      },
      refuse: () => void answer(false)
    }
  }
}

async function openedUnlessAborted(opened: Promise<IncomingStream>, signal: AbortSignal): Promise<IncomingStream> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => {
    aborted.reject(signal.reason)
    opened.then(
      stream => stream.abort('its program has given up'),
      () => {}
    )
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([opened, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

export function offerOver(): TalosError {
  return new TalosError('STREAM_OFFER_OVER', 'that stream is not offered any more', {
    hint: 'It was answered already, nobody answered in time, or the peer has gone.'
  })
}
