import { didKeyOf, hexOf, peerIdOf } from '../../crypto/peer-key.ts'
import { MAILBOX_VALIDITY, MAX_CANDIDATES } from './constants.ts'
import { StoredRegistration } from './pb/registry.ts'
import {
  isAlive,
  nameKey,
  namesMailboxes,
  type Registration,
  readRegistration,
  type SignedRegistration
} from './registration.ts'

type Operation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }

/** What the store needs of a Level database (or a sublevel) with string keys and byte values. */
export interface RegistryDatabase {
  get(key: string): Promise<Uint8Array | undefined>
  batch(operations: Operation[]): Promise<void>
  iterator(range: { gt?: string; gte?: string; lt?: string; limit?: number }): AsyncIterable<[string, Uint8Array]>
}

export interface StoreLimits {
  /** Registrations kept, living and held. */
  maxRegistrations: number
  /** Registrations made from one network address. */
  maxPerAddress: number
  /** How long after its expiry a name stays reserved for its holder, in milliseconds. */
  holdTime: number
}

export type RegisterOutcome =
  | { status: 'ok'; expiresAt: number; heldUntil: number }
  | { status: 'staleSequence'; sequence: number }
  | { status: 'nameTaken'; holder: Uint8Array; until: number }
  | { status: 'full'; what: string }

interface Stored {
  signed: SignedRegistration
  registration: Registration
  /** The network address that registered it: see maxPerAddress. */
  address: string
}

/**
 * The registrations of a registry, in Level. One record per key and indexes that lead to it, changed in one atomic batch:
 *
 *     k:<hex>              StoredRegistration
 *     n:<name, lower case> public key
 *     p:<PeerId>           public key
 *     d:<did:key>          public key
 *     x:<time, 16 decimal digits>:<hex>  public key; the order in which the sweep removes: expiresAt, and for one that
 *                          names mailboxes as much later as they are of use longer than its name is held
 *     e:<expiresAt, 16 decimal digits>:<hex>  public key, of those that name mailboxes
 */
export class RegistryStore {
  readonly #database: RegistryDatabase
  readonly #limits: StoreLimits
  readonly #perAddress = new Map<string, number>()
  #size = 0
  #last: Promise<unknown> = Promise.resolve()

  private constructor(database: RegistryDatabase, limits: StoreLimits) {
    this.#database = database
    this.#limits = limits
  }

  static async open(database: RegistryDatabase, limits: StoreLimits): Promise<RegistryStore> {
    const store = new RegistryStore(database, limits)
    const unreadable: Operation[] = []
    for await (const [key, value] of database.iterator({ gte: 'k:', lt: 'k;' })) {
      try {
        store.#count(decode(value).address, 1)
      } catch {
        // stored under rules that have been tightened since; its agent registers again
        unreadable.push({ type: 'del', key })
      }
    }
    await database.batch(unreadable)
    return store
  }

  /** Registrations kept, living and held. */
  get size(): number {
    return this.#size
  }

  /** Stores a registration whose form, signature and times have been checked. */
  async register(
    registration: Registration,
    signed: SignedRegistration,
    address: string,
    now: number
  ): Promise<RegisterOutcome> {
    return this.#inTurn(async () => {
      const previous = await this.#get(registration.publicKey)
      const refused = this.#refuseStale(previous, registration, signed) ?? (await this.#refuseName(registration, now))
      if (refused !== undefined) return refused
      const removed = previous === undefined ? [] : [previous]
      const holder = await this.#byNameKey(nameKey(registration.name))
      // not refused, so its time is over
      if (holder !== undefined && !isSame(holder, registration.publicKey)) removed.push(holder)
      const full = await this.#makeRoom(removed, address, now)
      if (full !== undefined) return full
      const stored = { signed, registration, address }
      await this.#database.batch([...removed.flatMap(one => this.#removal(one)), ...this.#addition(stored)])
      for (const one of removed) this.#count(one.address, -1)
      this.#count(address, 1)
      return { status: 'ok', expiresAt: registration.expiresAt, heldUntil: this.#heldUntil(registration) }
    })
  }

  /** Forgets a key's registration and frees its name at once. */
  async unregister(publicKey: Uint8Array): Promise<void> {
    await this.#inTurn(async () => {
      const stored = await this.#get(publicKey)
      if (stored !== undefined) await this.#remove([stored])
    })
  }

  /** With `away` also one that is not alive, as long as it says where the peer's mailboxes are. */
  async byKey(publicKey: Uint8Array, now: number, away = false): Promise<SignedRegistration | undefined> {
    const stored = await this.#get(publicKey)
    if (away && stored !== undefined && namesMailboxes(stored.registration, now)) return stored.signed
    return living(stored, now)
  }

  async byName(name: string, now: number): Promise<SignedRegistration | undefined> {
    return living(await this.#byNameKey(nameKey(name)), now)
  }

  /** Up to MAX_CANDIDATES living registrations whose name, PeerId, did:key or hex key begins with `prefix`. */
  async byPrefix(prefix: string, now: number): Promise<SignedRegistration[]> {
    const found = new Map<string, SignedRegistration>()
    const ranges = [`n:${nameKey(prefix)}`, `p:${prefix}`, `d:${prefix}`, `k:${prefix.toLowerCase()}`]
    for (const start of ranges) {
      // held ones are passed over, within bounds
      const range = { gte: start, lt: `${start}\u{10ffff}`, limit: 4 * MAX_CANDIDATES }
      for await (const [key, value] of this.#database.iterator(range)) {
        const stored = key.startsWith('k:') ? decode(value) : await this.#get(value)
        const signed = living(stored, now)
        if (signed !== undefined) found.set(hexOf(stored!.registration.publicKey), signed)
        if (found.size >= MAX_CANDIDATES) return [...found.values()]
      }
    }
    return [...found.values()]
  }

  /** Up to `limit` living registrations in the order of their names, beginning after the name `after`. */
  async list(after: string, limit: number, now: number): Promise<{ page: SignedRegistration[]; next: string }> {
    const page: SignedRegistration[] = []
    let next = ''
    // as many again may be held; a page may thus be empty and still have a next one
    const range = { gt: `n:${nameKey(after)}`, lt: 'n;', limit: 2 * limit }
    let seen = 0
    for await (const [key, publicKey] of this.#database.iterator(range)) {
      seen++
      next = key.slice(2)
      const signed = living(await this.#get(publicKey), now)
      if (signed !== undefined) page.push(signed)
      if (page.length === limit) return { page, next }
    }
    return { page, next: seen === range.limit ? next : '' }
  }

  /** Removes up to `limit` registrations whose names are no longer held; returns how many. */
  async sweep(now: number, limit: number): Promise<number> {
    return this.#inTurn(async () => {
      const over: Stored[] = []
      const range = { gte: 'x:', lt: timeKey('x', now - this.#limits.holdTime), limit }
      for await (const [, publicKey] of this.#database.iterator(range)) {
        const stored = await this.#get(publicKey)
        if (stored !== undefined) over.push(stored)
      }
      await this.#remove(over)
      return over.length
    })
  }

  #refuseStale(
    previous: Stored | undefined,
    registration: Registration,
    signed: SignedRegistration
  ): RegisterOutcome | undefined {
    if (previous === undefined || previous.registration.sequence < registration.sequence) return undefined
    // the same one again: its answer was lost
    if (Buffer.compare(previous.signed.registration, signed.registration) === 0) return undefined
    return { status: 'staleSequence', sequence: previous.registration.sequence }
  }

  async #refuseName(registration: Registration, now: number): Promise<RegisterOutcome | undefined> {
    const holder = await this.#byNameKey(nameKey(registration.name))
    if (holder === undefined || isSame(holder, registration.publicKey)) return undefined
    const until = this.#heldUntil(holder.registration)
    return now < until ? { status: 'nameTaken', holder: holder.registration.publicKey, until } : undefined
  }

  /** When full, a name that is only held gives way to one that lives. */
  async #makeRoom(removed: Stored[], address: string, now: number): Promise<RegisterOutcome | undefined> {
    const freedHere = removed.filter(one => one.address === address).length
    if ((this.#perAddress.get(address) ?? 0) - freedHere >= this.#limits.maxPerAddress) {
      return { status: 'full', what: `${this.#limits.maxPerAddress} registrations from one network address` }
    }
    if (this.#size - removed.length < this.#limits.maxRegistrations) return undefined
    for (const index of ['x', 'e']) {
      for await (const [, publicKey] of this.#database.iterator({ gte: `${index}:`, lt: `${index};`, limit: 1 })) {
        const oldest = await this.#get(publicKey)
        if (oldest === undefined || isAlive(oldest.registration, now)) break
        removed.push(oldest)
        return undefined
      }
    }
    return { status: 'full', what: `${this.#limits.maxRegistrations} registrations` }
  }

  #addition(stored: Stored): Operation[] {
    const { publicKey } = stored.registration
    const value = StoredRegistration.encode({
      registration: Uint8Array.from(stored.signed.registration),
      signature: Uint8Array.from(stored.signed.signature),
      address: stored.address
    })
    const [record, ...indexes] = this.#keysOf(stored.registration)
    return [
      { type: 'put', key: record!, value },
      ...indexes.map(key => ({ type: 'put' as const, key, value: publicKey }))
    ]
  }

  #removal(stored: Stored): Operation[] {
    return this.#keysOf(stored.registration).map(key => ({ type: 'del', key }))
  }

  #keysOf(registration: Registration): string[] {
    const { publicKey, name, expiresAt, issuedAt, mailboxes } = registration
    const hex = hexOf(publicKey)
    const isNamingMailboxes = mailboxes.length > 0
    const sweepAt = isNamingMailboxes ? issuedAt + MAILBOX_VALIDITY - this.#limits.holdTime : 0
    return [
      `k:${hex}`,
      `n:${nameKey(name)}`,
      `p:${peerIdOf(publicKey)}`,
      `d:${didKeyOf(publicKey)}`,
      `${timeKey('x', Math.max(expiresAt, sweepAt))}:${hex}`,
      ...(isNamingMailboxes ? [`${timeKey('e', expiresAt)}:${hex}`] : [])
    ]
  }

  #heldUntil(registration: Registration): number {
    return registration.expiresAt + this.#limits.holdTime
  }

  async #remove(some: Stored[]): Promise<void> {
    await this.#database.batch(some.flatMap(one => this.#removal(one)))
    for (const one of some) this.#count(one.address, -1)
  }

  async #get(publicKey: Uint8Array): Promise<Stored | undefined> {
    const value = await this.#database.get(`k:${hexOf(publicKey)}`)
    return value === undefined ? undefined : decode(value)
  }

  async #byNameKey(key: string): Promise<Stored | undefined> {
    const publicKey = await this.#database.get(`n:${key}`)
    return publicKey === undefined ? undefined : this.#get(publicKey)
  }

  #count(address: string, change: 1 | -1): void {
    this.#size += change
    const count = (this.#perAddress.get(address) ?? 0) + change
    if (count > 0) this.#perAddress.set(address, count)
    else this.#perAddress.delete(address)
  }

  /** Changes read before they write, so they run one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => {})
    return turn
  }
}

function decode(value: Uint8Array): Stored {
  const { registration, signature, address } = StoredRegistration.decode(value)
  return { signed: { registration, signature }, registration: readRegistration(registration), address }
}

function living(stored: Stored | undefined, now: number): SignedRegistration | undefined {
  return stored !== undefined && isAlive(stored.registration, now) ? stored.signed : undefined
}

function isSame(stored: Stored, publicKey: Uint8Array): boolean {
  return Buffer.compare(stored.registration.publicKey, publicKey) === 0
}

function timeKey(index: string, time: number): string {
  return `${index}:${String(Math.max(0, time)).padStart(16, '0')}`
}
