import { hexOf } from '../../crypto/peer-key.ts'
import { idOf } from './codec.ts'
import { ITEM_OVERHEAD, MAX_PAGE, MAX_TTL, PAGE_LENGTH, RETENTION } from './constants.ts'
import { GroupCommit, type MailboxDatabase, type Operation } from './group-commit.ts'
import { StoredItem, StoredRecipient } from './pb/mailbox.ts'

export interface StoreLimits {
  /** Recipients that have a mailbox here. */
  maxRecipients: number
  /** Recipients that came from one network address. */
  maxRecipientsPerAddress: number
  /** Boxes of one recipient, and their bytes. */
  itemsPerRecipient: number
  bytesPerRecipient: number
  /** Bytes of all boxes. */
  maxBytes: number
}

export type PutOutcome =
  | { status: 'ok'; until: number; isNew: boolean }
  | { status: 'unknownRecipient' | 'tooLarge' | 'full' | 'expired'; message: string }

export type KeepOutcome = { status: 'ok'; until: number } | { status: 'full'; message: string }

export interface BoxPage {
  boxes: Uint8Array[]
  /** What to give as `after` for the next page. */
  next: number
  more: boolean
}

interface Recipient {
  seenAt: number
  address: string
  items: number
  bytes: number
}

const EMPTY = new Uint8Array()

/**
 * The boxes of a mailbox, in Level. What is answered with ok is on disk. Numbers have 16 decimal digits; they grow with each
 * box, so that a recipient gets them in the order in which they came.
 *
 *     r:<tag>               StoredRecipient
 *     i:<tag>:<number>      StoredItem
 *     b:<tag>:<number>      the box
 *     d:<tag>:<id>          the number
 *     x:<expiresAt>:<tag>:<number>   empty; the order in which the sweep removes
 */
export class MailboxStore {
  readonly #database: MailboxDatabase
  readonly #commit: GroupCommit
  readonly #limits: StoreLimits
  readonly #recipients = new Map<string, Recipient>()
  readonly #perAddress = new Map<string, number>()
  /** Boxes that are being written, so that the same one at the same time is written once. */
  readonly #writing = new Map<string, Promise<PutOutcome>>()
  #bytes = 0
  #items = 0
  #number = 0
  #last: Promise<unknown> = Promise.resolve()

  private constructor(database: MailboxDatabase, limits: StoreLimits) {
    this.#database = database
    this.#commit = new GroupCommit(database)
    this.#limits = limits
  }

  static async open(database: MailboxDatabase, limits: StoreLimits): Promise<MailboxStore> {
    const store = new MailboxStore(database, limits)
    for await (const [key, value] of database.iterator({ gte: 'r:', lt: 'r;' })) {
      const { seenAt, address } = StoredRecipient.decode(value)
      store.#addRecipient(key.slice(2), { seenAt: Number(seenAt), address, items: 0, bytes: 0 })
    }
    for await (const [key, value] of database.iterator({ gte: 'i:', lt: 'i;' })) {
      const [, tag, number] = key.split(':') as [string, string, string]
      store.#number = Math.max(store.#number, Number(number))
      store.#count(tag, 1, StoredItem.decode(value).size)
    }
    return store
  }

  get items(): number {
    return this.#items
  }

  get bytes(): number {
    return this.#bytes
  }

  get recipients(): number {
    return this.#recipients.size
  }

  /** Keeps a mailbox for the recipient from now on, with the bundle that is given out for it. */
  async keep(tagBytes: Uint8Array, bundle: Uint8Array, address: string, now: number): Promise<KeepOutcome> {
    const tag = hexOf(tagBytes)
    const known = this.#recipients.get(tag)
    const isNewHere = known?.address !== address
    if (known === undefined && this.#recipients.size >= this.#limits.maxRecipients) {
      return { status: 'full', message: 'no more recipients are taken' }
    }
    if (isNewHere && (this.#perAddress.get(address) ?? 0) >= this.#limits.maxRecipientsPerAddress) {
      return { status: 'full', message: 'no more recipients are taken from this network address' }
    }
    const { items = 0, bytes = 0 } = known ?? {}
    if (known !== undefined) this.#dropRecipient(tag, known)
    this.#addRecipient(tag, { seenAt: now, address, items, bytes })
    const value = StoredRecipient.encode({ seenAt: BigInt(now), bundle: Uint8Array.from(bundle), address })
    try {
      await this.#commit.write([{ type: 'put', key: `r:${tag}`, value }])
    } catch (error) {
      if (known === undefined) this.#dropRecipient(tag, this.#recipients.get(tag)!)
      throw error
    }
    return { status: 'ok', until: now + RETENTION }
  }

  /** The bundle that the recipient left here; undefined when it has no mailbox. */
  async bundle(tagBytes: Uint8Array, now: number): Promise<Uint8Array | undefined> {
    const tag = hexOf(tagBytes)
    if (!this.#isKept(this.#recipients.get(tag), now)) return undefined
    const value = await this.#database.get(`r:${tag}`)
    return value === undefined ? undefined : StoredRecipient.decode(value).bundle
  }

  /** Stores a box, or finds that it is stored already. */
  async put(tagBytes: Uint8Array, box: Uint8Array, wanted: number, now: number): Promise<PutOutcome> {
    const tag = hexOf(tagBytes)
    if (!this.#isKept(this.#recipients.get(tag), now)) {
      return { status: 'unknownRecipient', message: 'this recipient has no mailbox here' }
    }
    if (wanted <= now) return { status: 'expired', message: 'it is over already' }
    const until = Math.min(wanted, now + MAX_TTL)
    const id = idOf(box)
    const key = `d:${tag}:${hexOf(id)}`
    const writing = this.#writing.get(key)
    if (writing !== undefined) return writing
    const work = this.#putNew(tag, key, id, box, until)
    this.#writing.set(key, work)
    try {
      return await work
    } finally {
      this.#writing.delete(key)
    }
  }

  /** Boxes of the recipient that came after number `after`, in order; as many as fill a page, and one at least. */
  async page(tagBytes: Uint8Array, after: number, now: number): Promise<BoxPage> {
    const tag = hexOf(tagBytes)
    const range = { gt: `i:${tag}:${digits(after)}`, lt: `i:${tag};` }
    const wanted = new Set<string>()
    let next = after
    let length = 0
    let more = false
    for await (const [key, value] of this.#database.iterator(range)) {
      const { size, expiresAt } = StoredItem.decode(value)
      const number = key.slice(-DIGITS)
      if (Number(expiresAt) > now) {
        length += size + ITEM_OVERHEAD
        more = wanted.size === MAX_PAGE || (wanted.size > 0 && length > PAGE_LENGTH)
        if (more) break
        wanted.add(number)
      }
      next = Number(number)
    }
    const boxes: Uint8Array[] = []
    if (wanted.size > 0) {
      const keys = [...wanted].map(number => `b:${tag}:${number}`)
      // one that was removed meanwhile is missing
      for (const box of await this.#database.getMany(keys)) if (box !== undefined) boxes.push(box)
    }
    return { boxes, next, more }
  }

  /** Forgets these boxes of the recipient; those that are not there are forgotten already. */
  async remove(tagBytes: Uint8Array, ids: readonly Uint8Array[]): Promise<void> {
    const tag = hexOf(tagBytes)
    await this.#inTurn(async () => {
      const keys = [...new Set(ids.map(id => `d:${tag}:${hexOf(id)}`))]
      const numbers = (await this.#database.getMany(keys)).filter(value => value !== undefined)
      await this.#removeItems(numbers.map(number => `${tag}:${Buffer.from(number).toString('latin1')}`))
    })
  }

  /** Removes up to `limit` boxes that are over, and the recipients that stayed away too long; returns how many boxes. */
  async sweep(now: number, limit: number): Promise<number> {
    return this.#inTurn(async () => {
      const gone = [...this.#recipients].filter(([, recipient]) => !this.#isKept(recipient, now))
      let removed = 0
      for (const [tag, recipient] of gone) {
        const names: string[] = []
        for await (const [key] of this.#database.iterator({ gt: `i:${tag}:`, lt: `i:${tag};`, limit })) {
          names.push(key.slice(2))
        }
        removed += await this.#removeItems(names)
        // the rest of a long one at the next sweep
        if (recipient.items > 0) continue
        await this.#commit.write([{ type: 'del', key: `r:${tag}` }])
        this.#dropRecipient(tag, recipient)
      }
      const over: string[] = []
      for await (const [key] of this.#database.iterator({ gte: 'x:', lt: `x:${digits(now)}`, limit })) {
        over.push(key.slice('x:'.length + DIGITS + 1))
      }
      return removed + (await this.#removeItems(over))
    })
  }

  async #putNew(tag: string, idKey: string, id: Uint8Array, box: Uint8Array, until: number): Promise<PutOutcome> {
    // before anything that takes time: those that came together keep their order
    const number = digits(++this.#number)
    const there = await this.#database.get(idKey)
    if (there !== undefined) return { status: 'ok', until, isNew: false }
    const full = this.#refuseFull(tag, box.byteLength)
    if (full !== undefined) return full
    const size = box.byteLength
    const name = `${tag}:${number}`
    const item = StoredItem.encode({ id: Uint8Array.from(id), expiresAt: BigInt(until), size })
    this.#count(tag, 1, size)
    try {
      await this.#commit.write([
        { type: 'put', key: `i:${name}`, value: item },
        { type: 'put', key: `b:${name}`, value: box },
        { type: 'put', key: idKey, value: Buffer.from(number, 'latin1') },
        { type: 'put', key: `x:${digits(until)}:${name}`, value: EMPTY }
      ])
    } catch (error) {
      this.#count(tag, -1, -size)
      throw error
    }
    return { status: 'ok', until, isNew: true }
  }

  /** Counted when it is asked for, so that many at once do not get past it together. */
  #refuseFull(tag: string, size: number): PutOutcome | undefined {
    const { itemsPerRecipient, bytesPerRecipient, maxBytes } = this.#limits
    const recipient = this.#recipients.get(tag)
    if (recipient === undefined) return { status: 'unknownRecipient', message: 'this recipient has no mailbox here' }
    if (size > bytesPerRecipient || size > maxBytes) {
      return { status: 'tooLarge', message: `nothing above ${Math.min(bytesPerRecipient, maxBytes)} bytes is taken` }
    }
    if (recipient.items >= itemsPerRecipient || recipient.bytes + size > bytesPerRecipient) {
      return { status: 'full', message: 'the mailbox of this recipient is full' }
    }
    if (this.#bytes + size > maxBytes) return { status: 'full', message: 'there is no room for anybody' }
    return undefined
  }

  /** `names`: `<tag>:<number>`. */
  async #removeItems(names: string[]): Promise<number> {
    const operations: Operation[] = []
    const sizes: Array<[tag: string, size: number]> = []
    const values = names.length === 0 ? [] : await this.#database.getMany(names.map(name => `i:${name}`))
    for (const [at, value] of values.entries()) {
      if (value === undefined) continue
      const name = names[at]!
      const tag = name.slice(0, -DIGITS - 1)
      const { id, expiresAt, size } = StoredItem.decode(value)
      const keys = [`i:${name}`, `b:${name}`, `d:${tag}:${hexOf(id)}`, `x:${digits(Number(expiresAt))}:${name}`]
      operations.push(...keys.map(key => ({ type: 'del' as const, key })))
      sizes.push([tag, size])
    }
    await this.#commit.write(operations)
    for (const [tag, size] of sizes) this.#count(tag, -1, -size)
    return sizes.length
  }

  #isKept(recipient: Recipient | undefined, now: number): recipient is Recipient {
    return recipient !== undefined && now < recipient.seenAt + RETENTION
  }

  #addRecipient(tag: string, recipient: Recipient): void {
    this.#recipients.set(tag, recipient)
    this.#perAddress.set(recipient.address, (this.#perAddress.get(recipient.address) ?? 0) + 1)
  }

  #dropRecipient(tag: string, { address }: Recipient): void {
    this.#recipients.delete(tag)
    const left = this.#perAddress.get(address)! - 1
    if (left > 0) this.#perAddress.set(address, left)
    else this.#perAddress.delete(address)
  }

  #count(tag: string, items: number, bytes: number): void {
    this.#items += items
    this.#bytes += bytes
    const recipient = this.#recipients.get(tag)
    if (recipient === undefined) return
    recipient.items += items
    recipient.bytes += bytes
  }

  /** What reads before it writes runs one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => {})
    return turn
  }
}

const DIGITS = 16

function digits(number: number): string {
  return String(Math.max(0, number)).padStart(DIGITS, '0')
}
