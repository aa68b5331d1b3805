import { TypedEventEmitter } from 'main-event'
import { TalosError } from '../errors.ts'
import type { FileDecision, FileOffer } from '../protocols/files/index.ts'

export interface FilePolicyInit {
  /** Whose files are taken without asking. */
  isAllowed(peer: string): boolean | Promise<boolean>
  /** Largest size that is taken without asking, in bytes; larger ones are asked for. @default no limit */
  maxUnasked?: number
}

export interface FilePolicyEvents {
  /** Somebody has to decide. */
  asked: CustomEvent<FileOffer>
  /** Decided, or the peer has gone. */
  answered: CustomEvent<{ id: string }>
}

interface Waiting {
  offer: FileOffer
  answer: (decision: FileDecision) => void
}

/** Which files are taken: those of allowed peers at once, all others when a person says so. Nothing is taken by silence. */
export class FilePolicy extends TypedEventEmitter<FilePolicyEvents> {
  readonly #init: FilePolicyInit
  readonly #waiting = new Map<string, Waiting>()

  constructor(init: FilePolicyInit) {
    super()
    this.#init = init
  }

  /** Offers that somebody has to decide, oldest first. */
  get waiting(): FileOffer[] {
    return [...this.#waiting.values()].map(({ offer }) => offer)
  }

  async decide(offer: FileOffer, signal: AbortSignal): Promise<FileDecision> {
    const isSmall = offer.size <= (this.#init.maxUnasked ?? Number.POSITIVE_INFINITY)
    if (isSmall && (await this.#init.isAllowed(offer.peer))) return { accept: true }
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<FileDecision>()
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#waiting.set(offer.id, { offer, answer: resolve })
    this.dispatchEvent(new CustomEvent('asked', { detail: offer }))
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#waiting.delete(offer.id)
      this.dispatchEvent(new CustomEvent('answered', { detail: { id: offer.id } }))
    }
  }

  /** A person's answer. Throws FILE_UNKNOWN when no such offer waits. */
  answer(id: string, accept: boolean): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) {
      throw new TalosError('FILE_UNKNOWN', `no offer ${id} waits for an answer`, { hint: '"talos files" lists them.' })
    }
    waiting.answer(accept ? { accept: true } : { accept: false, reason: 'the receiver said no' })
  }
}
