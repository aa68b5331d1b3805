import { type AgreementKey, type CryptoProvider, wipe } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import { ascii, concat, EMPTY } from './codec.ts'
import {
  type ChainStep,
  chainStep,
  initiatorRatchet,
  open,
  type Ratchet,
  responderRatchet,
  retire,
  type SendStep,
  seal,
  sendStepOf
} from './double-ratchet.ts'

/** When a sending ratchet step that is due is made; whichever comes first. */
export const STREAM_REKEY = {
  /** Messages sealed since the last own step. */
  messages: 1000,
  /** Milliseconds since the last own step. */
  interval: 1000
} as const

const ROOT_INFO = ascii('talos/stream-root/v1\0')
const FIRST_INFO = ascii('talos/stream-first/v1\0')

export interface StreamOptions {
  crypto: CryptoProvider
  /** Milliseconds, never going back (`performance.now`, or Date.now in tests). */
  clock: () => number
  /** 32 bytes that the two sides share through their main session, for this stream only. Wiped here. */
  secret: Uint8Array
  /** What the stream is: both identities and an id that is never used twice. Equal on both sides, any length. */
  context: Uint8Array
}

/**
 * The Double Ratchet of one long-lived stream, in memory only: mutable, and gone with the stream.
 *
 * Every message has its own key, erased when used: **forward secrecy is per message**. The Diffie-Hellman step, which lets
 * the two sides recover from a stolen state, costs 250 µs, as much as ten messages; so a side makes it at most once per
 * rekey interval (1,000 messages or 1 s, whichever comes first), and only after it has heard a new key of the other side:
 * **recovery from a compromise is per interval**, complete once each side has stepped after it, and needs traffic both ways.
 * The receiving side follows at once whenever the other steps, so the two intervals need not agree.
 *
 * Either side may speak first. Wire form: the ratchet message of docs/spec/session.md §5, see §7 for the keys.
 */
export class StreamSession {
  readonly #crypto: CryptoProvider
  readonly #clock: () => number
  readonly #ad: Uint8Array
  #ratchet: Ratchet | undefined
  #steppedAt: number
  #toSend: SendStep | undefined
  #toReceive: ChainStep | undefined

  private constructor({ crypto, clock, context }: StreamOptions, ratchet: Ratchet) {
    this.#crypto = crypto
    this.#clock = clock
    this.#ad = crypto.sha256(context)
    this.#ratchet = ratchet
    this.#steppedAt = clock()
  }

  /** The side that was given the other's ratchet public key (32 bytes). */
  static initiator(options: StreamOptions, remoteKey: Uint8Array): StreamSession {
    const [root, first] = streamKeys(options)
    const ratchet = initiatorRatchet(options.crypto, root, remoteKey, first)
    wipe(root)
    return new StreamSession(options, ratchet)
  }

  /** The side that made the ratchet key for this stream and sent its public half to the other. */
  static responder(options: StreamOptions, key: AgreementKey): StreamSession {
    const [root, first] = streamKeys(options)
    return new StreamSession(options, responderRatchet(root, key, first))
  }

  /** @throws SESSION_CLOSED, SESSION_EXHAUSTED */
  seal(plaintext: Uint8Array): Uint8Array {
    const before = this.#live()
    const now = this.#clock()
    const wait = before.ns < STREAM_REKEY.messages && now - this.#steppedAt < STREAM_REKEY.interval
    const { ratchet, message } = seal(
      before,
      plaintext,
      { crypto: this.#crypto, ad: this.#ad, now },
      wait,
      this.#toSend
    )
    if (ratchet.steps !== before.steps) this.#steppedAt = now
    this.#replace(before, ratchet)
    return message
  }

  /**
   * Opens a message of the other side. On failure the stream is as it was.
   *
   * @throws SESSION_CLOSED SESSION_MALFORMED SESSION_DUPLICATE SESSION_SKIP_LIMIT SESSION_FORGED
   */
  open(message: Uint8Array): Uint8Array {
    const before = this.#live()
    const context = { crypto: this.#crypto, ad: this.#ad, now: this.#clock() }
    const { ratchet, plaintext } = open(before, message, context, this.#toReceive)
    this.#replace(before, ratchet)
    return plaintext
  }

  /**
   * Derives the keys of the next message each way, while nobody waits for one: half of what a short message costs. They follow
   * from the chain keys that are held anyway, so a stolen state tells no more with them.
   */
  prepare(): void {
    const ratchet = this.#ratchet
    if (ratchet === undefined) return
    const { sendChain, receiveChain } = ratchet
    if (sendChain !== undefined) this.#toSend ??= sendStepOf(this.#crypto, sendChain)
    if (receiveChain !== undefined) this.#toReceive ??= chainStep(this.#crypto, receiveChain)
  }

  /** Wipes the keys. Further calls of `seal` and `open` throw. */
  close(): void {
    if (this.#ratchet !== undefined) retire(this.#ratchet, undefined)
    this.#ratchet = undefined
    this.#forget(undefined)
  }

  /** What was prepared and is of another chain key now was used, or is not needed any more. */
  #forget(now: Ratchet | undefined): void {
    const [send, receive] = [this.#toSend, this.#toReceive]
    if (send !== undefined && send.chain !== now?.sendChain) {
      wipe(send.messageKey, send.keys, send.next === now?.sendChain ? undefined : send.next)
      this.#toSend = undefined
    }
    if (receive !== undefined && receive.chain !== now?.receiveChain) {
      wipe(receive.messageKey, receive.next === now?.receiveChain ? undefined : receive.next)
      this.#toReceive = undefined
    }
  }

  #live(): Ratchet {
    if (this.#ratchet === undefined) throw new TalosError('SESSION_CLOSED', 'The stream session was closed')
    return this.#ratchet
  }

  #replace(before: Ratchet, after: Ratchet): void {
    this.#ratchet = after
    this.#forget(after)
    retire(before, after)
  }
}

function streamKeys({ crypto, secret, context }: StreamOptions): [Uint8Array, Uint8Array] {
  const root = crypto.hkdf(secret, EMPTY, concat(ROOT_INFO, context), 32)
  const first = crypto.hkdf(secret, EMPTY, concat(FIRST_INFO, context), 32)
  wipe(secret)
  return [root, first]
}
