import type { ComponentLogger, Logger, PeerId, Startable } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../errors.ts'
import { type PrekeyBundle, sealBox, verifyBundle } from '../ratchet/index.ts'
import { invalidAnswer, tagOf } from './codec.ts'
import { Collector } from './collector.ts'
import { MAX_ENVELOPE_LENGTH, MAX_TTL, STATUS } from './constants.ts'
import { type Courier, failureOf, type Said } from './courier.ts'
import { Couriers } from './couriers.ts'
import { refusalIn } from './link.ts'
import type { Deposited, MailboxAddress, MailboxClient, MailboxClientInit, MailboxState } from './types.ts'

/** What a deposit says of its end is rounded up to this, in milliseconds: the exact time may tell senders apart. */
const EXPIRY_STEP = 60 * 60_000

export interface MailboxClientComponents {
  logger: ComponentLogger
}

interface Bundle {
  bytes: Uint8Array
  verified: PrekeyBundle
}

/** Leaves envelopes at other peers' mailboxes, and collects at its own (docs/spec/mailbox.md §6). */
export class MailboxClientService implements MailboxClient, Startable {
  readonly [Symbol.toStringTag] = '@talos/mailbox-client'
  readonly counts = { received: 0, poisoned: 0 }
  readonly #init: MailboxClientInit
  readonly #log: Logger
  readonly #now: () => number
  readonly #collectors = new Map<string, Collector>()
  readonly #bundles = new WeakMap<Courier, Promise<Bundle>>()
  #couriers: Couriers
  #isRunning = false
  readonly #ending = new Set<Promise<void>>()

  constructor(components: MailboxClientComponents, init: MailboxClientInit) {
    this.#init = init
    this.#log = components.logger.forComponent('talos:mailbox:client')
    this.#now = init.now ?? Date.now
    this.#couriers = new Couriers(init)
  }

  start(): void {
    this.#couriers = new Couriers(this.#init)
  }

  /** The node can dial now. */
  afterStart(): void {
    this.#isRunning = true
    this.refresh()
  }

  /** While there still are connections to say goodbye on. */
  async beforeStop(): Promise<void> {
    this.#isRunning = false
    for (const [key, collector] of this.#collectors) this.#end(key, collector)
    await Promise.all([...this.#ending, this.#couriers.close()])
  }

  stop(): void {}

  states(): MailboxState[] {
    return [...this.#collectors.values()].map(({ state }) => state)
  }

  refresh(): void {
    if (!this.#isRunning) return
    const wanted = new Map(this.#init.mailboxes().map(mailbox => [keyOf(mailbox), mailbox]))
    for (const [key, collector] of this.#collectors) if (!wanted.has(key)) this.#end(key, collector)
    for (const [key, mailbox] of wanted) {
      if (this.#collectors.has(key)) continue
      const onState = (state: MailboxState): void => this.#init.onState?.(state)
      this.#collectors.set(key, new Collector(mailbox, this.#init, this.counts, this.#log, onState))
    }
  }

  async deposit(peer: PeerId, envelope: Uint8Array, expiresAt: number, signal: AbortSignal): Promise<Deposited> {
    if (envelope.byteLength > MAX_ENVELOPE_LENGTH) {
      throw new TalosError(
        'MAILBOX_TOO_LARGE',
        `an envelope of ${envelope.byteLength} bytes is more than a mailbox takes (${MAX_ENVELOPE_LENGTH})`
      )
    }
    if (expiresAt <= this.#now()) throw new TalosError('MAILBOX_EXPIRED', 'it has expired already')
    return abortable(
      signal,
      this.#couriers.with(peer, async courier => {
        const { verified } = await this.#newestBundle(courier, peer)
        signal.throwIfAborted()
        const box = Uint8Array.from(sealBox(this.#init.crypto, verified, envelope))
        const until = BigInt(Math.ceil(expiresAt / EXPIRY_STEP) * EXPIRY_STEP)
        const tag = Uint8Array.from(tagOf(publicKeyOf(peer)))
        const said = await courier.askAll({ put: { tag, expiresAt: until, box } })
        const ends = said.flatMap(one =>
          'response' in one && one.response.status === STATUS.ok ? [Number(one.response.until)] : []
        )
        if (ends.length === 0) throw failureOf(said)
        // a mailbox may say anything: it is not believed that it keeps a box for longer than it may, or for no time
        const now = this.#now()
        return { copies: ends.length, until: Math.min(Math.max(...ends, now + EXPIRY_STEP), now + MAX_TTL) }
      })
    )
  }

  async bundle(peer: PeerId, signal: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      const find = (courier: Courier): Promise<Bundle> => this.#newestBundle(courier, peer)
      return (await abortable(signal, this.#couriers.with(peer, find))).bytes
    } catch (error) {
      if (isTalosError(error, 'MAILBOX_UNKNOWN_RECIPIENT') || isTalosError(error, 'MAILBOX_RECIPIENT_AWAY'))
        return undefined
      throw error
    }
  }

  /** Asked for once in a courier's life. Throws MAILBOX_*. */
  #newestBundle(courier: Courier, peer: PeerId): Promise<Bundle> {
    const known = this.#bundles.get(courier)
    if (known !== undefined) return known
    const asked = this.#askBundle(courier, peer)
    this.#bundles.set(courier, asked)
    asked.catch(() => this.#bundles.delete(courier))
    return asked
  }

  async #askBundle(courier: Courier, peer: PeerId): Promise<Bundle> {
    const publicKey = publicKeyOf(peer)
    const said = await courier.askAll({ askBundle: { tag: Uint8Array.from(tagOf(publicKey)) } })
    const bundles: Bundle[] = []
    const failures: Said[] = []
    let isAway = false
    for (const one of said) {
      if ('error' in one || refusalIn(one.response) !== undefined) {
        failures.push(one)
        continue
      }
      try {
        const bytes = one.response.bundle
        const verified = verifyBundle(this.#init.crypto, bytes, publicKey, this.#now())
        bundles.push({ bytes, verified })
      } catch (cause) {
        if (isTalosError(cause, 'SESSION_BUNDLE_EXPIRED')) isAway = true
        else failures.push({ mailbox: one.mailbox, error: invalidAnswer((cause as Error).message, cause) })
      }
    }
    bundles.sort((a, b) => b.verified.expires - a.verified.expires)
    const [newest] = bundles
    if (newest !== undefined) return newest
    if (isAway) {
      throw new TalosError('MAILBOX_RECIPIENT_AWAY', `${peer} has not been at its mailboxes for more than two weeks`, {
        hint: 'What was left for it could not be opened any more: it takes part again when it has been online.'
      })
    }
    throw failureOf(failures)
  }

  #end(key: string, collector: Collector): void {
    this.#collectors.delete(key)
    const ending: Promise<void> = collector.stop().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }
}

function keyOf({ peerId, addresses }: MailboxAddress): string {
  return [peerId, ...addresses].map(String).join(' ')
}

function publicKeyOf(peer: PeerId): Uint8Array {
  if (peer.type === 'Ed25519') return peer.publicKey.raw
  throw new TalosError('PEER_KEY_TYPE', `${peer} is not an Ed25519 peer, so it is not a Talos agent`)
}

/** What was begun goes on, and nobody waits for it. */
async function abortable<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
