import { MAX_IDS, REFUSAL } from './constants.ts'
import { EnvelopeError, plain } from './envelope.ts'
import type { Link } from './link.ts'
import { Refusal } from './pb/message.ts'

/** Why a message waits or failed, as its sender's application sees it. */
export interface Reason {
  code: string
  message: string
}

/** What the peer's refusals mean for us: what it takes to go on, or that there is no going on. */
export const WAITS: Readonly<Record<number, Reason>> = {
  [REFUSAL.full]: { code: 'MESSAGE_INBOX_FULL', message: 'the peer has no room for more messages now' },
  [REFUSAL.clock]: { code: 'MESSAGE_CLOCK', message: 'the clocks of both machines differ by more than a day' },
  [REFUSAL.keyNotAccepted]: {
    code: 'MESSAGE_KEY_NOT_ACCEPTED',
    message: 'our agreement key has changed, and the peer has not accepted the new one yet'
  }
}
export const FAILS: Readonly<Record<number, Reason>> = {
  [REFUSAL.notAccepted]: { code: 'MESSAGE_NOT_ACCEPTED', message: 'the peer does not accept messages from us' },
  [REFUSAL.malformed]: { code: 'MESSAGE_REFUSED', message: 'the peer takes it for malformed' },
  [REFUSAL.unsupported]: { code: 'MESSAGE_REFUSED', message: 'the peer does not know this kind of message' }
}

/** Throws EnvelopeError. */
export function decodeRefusal(bytes: Uint8Array): Refusal {
  try {
    return Refusal.decode(bytes, { limits: { ids: MAX_IDS } })
  } catch (cause) {
    throw new EnvelopeError(REFUSAL.malformed, 'a refusal cannot be decoded', undefined, cause)
  }
}

/** The refusals of one step, those of a kind together. */
export class Refusals {
  readonly #all: Array<{ link: Link; refusal: Refusal }> = []

  add(link: Link, refusal: Refusal): void {
    const alike = this.#all.find(
      one =>
        one.link === link &&
        one.refusal.reason === refusal.reason &&
        one.refusal.ids.length + refusal.ids.length <= MAX_IDS &&
        one.refusal.withoutOneTime === refusal.withoutOneTime &&
        Buffer.compare(one.refusal.notice, refusal.notice) === 0
    )
    if (alike === undefined)
      this.#all.push({ link, refusal: { ...refusal, ids: refusal.ids.map(id => plain(id.slice())) } })
    else alike.refusal.ids.push(...refusal.ids.map(id => plain(id.slice())))
  }

  *[Symbol.iterator](): IterableIterator<{ link: Link; refusal: Refusal }> {
    yield* this.#all
  }
}
