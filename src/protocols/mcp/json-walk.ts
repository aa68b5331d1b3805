import { hashOf, hashOn, NO_HASH, type Role } from './known-keys.ts'
import type { FaultReason } from './message.ts'
import { skipPlain, wordsOf } from './plain-text.ts'

/** Deepest nesting of objects and arrays, the envelope included. */
const MAX_DEPTH = 64

/** Why a line is refused. */
export class Violation {
  readonly reason: FaultReason
  readonly text: string
  constructor(reason: FaultReason, text: string) {
    this.reason = reason
    this.text = text
  }
}

export const QUOTE = 0x22
const BACKSLASH = 0x5c
/** Objects with more keys than this are checked for duplicates with a set of decoded keys. */
const LISTED_KEYS = 16
/** A string is looked through in words once so many of its bytes were only text. */
const LONG_RUN = 48
const NOTHING = Buffer.alloc(0)

/**
 * Walks over JSON (RFC 8259) without building it. Refuses what is no JSON, and what another parser could read differently: keys that are
 * twice in one object (after unescaping), nesting over 64, line breaks. Who extends it is told of the members of objects that have a role.
 */
export abstract class JsonWalk {
  protected line: Buffer = NOTHING
  protected at = 0
  /** Whether there was a backslash in the last string. */
  protected escaped = false
  // three numbers a key (hash, start, end with the escape flag in the sign), for the objects now open
  readonly #keys = new Int32Array((MAX_DEPTH + 1) * LISTED_KEYS * 3)
  #top = 0
  #words: Int32Array | undefined

  /** Reads the value of a key whose text is `start`..`end` of the line; `at` is at the value. */
  protected abstract member(role: Role, hash: number, start: number, end: number, escaped: boolean, depth: number): void

  protected begin(line: Uint8Array): void {
    this.line = Buffer.isBuffer(line) ? line : Buffer.from(line.buffer, line.byteOffset, line.byteLength)
    this.at = 0
    this.#top = 0
  }

  /** A large line must not live on in here. */
  protected release(): void {
    this.line = NOTHING
    this.#words = undefined
  }

  protected end(): void {
    this.space()
    if (this.at < this.line.length) this.unexpected()
  }

  protected space(): void {
    const line = this.line
    let at = this.at
    while (line[at] === 0x20 || line[at] === 0x09) at++
    this.at = at
  }

  protected unexpected(): never {
    const byte = this.line[this.at]
    if (byte === undefined) throw new Violation('syntax', 'the JSON ends too early')
    if (byte === 0x0d || byte === 0x0a) throw new Violation('line-break', `raw line break at byte ${this.at}`)
    throw new Violation('syntax', `unexpected byte 0x${byte.toString(16).padStart(2, '0')} at ${this.at}`)
  }

  protected value(role: Role, depth: number): void {
    switch (this.line[this.at]) {
      case QUOTE:
        this.string()
        return
      case 0x7b:
        this.object(role, depth + 1)
        return
      case 0x5b:
        this.#array(depth + 1)
        return
      case 0x74:
        this.#literal('true')
        return
      case 0x66:
        this.#literal('false')
        return
      case 0x6e:
        this.#literal('null')
        return
      default:
        this.#number()
    }
  }

  #literal(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (this.line[this.at] !== word.charCodeAt(i)) this.unexpected()
      this.at++
    }
  }

  #number(): void {
    const line = this.line
    let at = this.at
    if (line[at] === 0x2d) at++
    if (line[at] === 0x30) at++
    else at = this.#digits(at)
    if (line[at] === 0x2e) at = this.#digits(at + 1)
    if (line[at] === 0x65 || line[at] === 0x45) {
      at++
      if (line[at] === 0x2b || line[at] === 0x2d) at++
      at = this.#digits(at)
    }
    this.at = at
  }

  #digits(at: number): number {
    const line = this.line
    const start = at
    for (let byte = line[at]; byte !== undefined && byte >= 0x30 && byte <= 0x39; byte = line[++at]);
    if (at === start) {
      this.at = at
      this.unexpected()
    }
    return at
  }

  /** From the opening quote to behind the closing one. */
  protected string(): void {
    const line = this.line
    const end = line.length
    let at = this.at + 1
    let run = at
    const offset = line.byteOffset
    this.escaped = false
    while (at < end) {
      const byte = line[at]!
      if (byte === QUOTE) {
        this.at = at + 1
        return
      }
      if (byte === BACKSLASH) {
        this.escaped = true
        at = this.#escape(at)
        run = at
      } else if (byte < 0x20) break
      else {
        at++
        if (at - run >= LONG_RUN && ((offset + at) & 3) === 0) at = this.#skipPlain(at)
      }
    }
    this.at = at
    this.unexpected()
  }

  /** Over text in a long string that is just text, four bytes at a time. */
  #skipPlain(at: number): number {
    const line = this.line
    this.#words ??= wordsOf(line)
    return skipPlain(this.#words, line.byteOffset + at, line.byteOffset + line.length) - line.byteOffset
  }

  /** From a backslash to behind its escape. */
  #escape(at: number): number {
    const line = this.line
    switch (line[at + 1]) {
      case QUOTE:
      case BACKSLASH:
      case 0x2f:
      case 0x62:
      case 0x66:
      case 0x6e:
      case 0x72:
      case 0x74:
        return at + 2
      case 0x75:
        for (let i = at + 2; i < at + 6; i++) {
          const byte = line[i] ?? 0
          const hex = (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
          if (!hex) {
            this.at = i
            this.unexpected()
          }
        }
        return at + 6
      default:
        this.at = at + 1
        return this.unexpected()
    }
  }

  #array(depth: number): void {
    if (depth > MAX_DEPTH) throw new Violation('too-deep', `nested deeper than ${MAX_DEPTH}`)
    this.at++
    this.space()
    if (this.line[this.at] === 0x5d) {
      this.at++
      return
    }
    for (;;) {
      this.value(0, depth)
      this.space()
      const byte = this.line[this.at]
      if (byte !== 0x2c && byte !== 0x5d) this.unexpected()
      this.at++
      if (byte === 0x5d) return
      this.space()
    }
  }

  protected object(role: Role, depth: number): void {
    if (depth > MAX_DEPTH) throw new Violation('too-deep', `nested deeper than ${MAX_DEPTH}`)
    const line = this.line
    const base = this.#top
    let many: Set<string> | undefined
    this.at++
    this.space()
    if (line[this.at] === 0x7d) {
      this.at++
      return
    }
    for (;;) {
      if (line[this.at] !== QUOTE) this.unexpected()
      const start = this.at + 1
      let hash = this.#key()
      const end = this.at - 1
      const escaped = this.escaped
      if (escaped) hash = hashOf(Buffer.from(this.text(start, end, true)))
      if (many !== undefined || this.#top - base === LISTED_KEYS * 3) {
        many ??= this.#listed(base)
        const size = many.size
        if (many.add(this.text(start, end, escaped)).size === size) this.#duplicate(start, end)
      } else this.#once(base, hash, start, end, escaped)
      this.space()
      if (line[this.at] !== 0x3a) this.unexpected()
      this.at++
      this.space()
      if (role === 0) this.value(0, depth)
      else this.member(role, hash, start, end, escaped, depth)
      this.space()
      const byte = line[this.at]
      if (byte !== 0x2c && byte !== 0x7d) this.unexpected()
      this.at++
      if (byte === 0x7d) break
      this.space()
    }
    this.#top = base
  }

  /** A key: as string(), and hashes it on the way. */
  #key(): number {
    const line = this.line
    const end = line.length
    let at = this.at + 1
    let hash = NO_HASH
    this.escaped = false
    while (at < end) {
      const byte = line[at]!
      if (byte === QUOTE) {
        this.at = at + 1
        return hash
      }
      if (byte === BACKSLASH) {
        this.escaped = true
        at = this.#escape(at)
      } else if (byte < 0x20) break
      else {
        hash = hashOn(hash, byte)
        at++
      }
    }
    this.at = at
    return this.unexpected()
  }

  /** Lists one key of the open object that starts at `base`; refuses it when it is there already. */
  #once(base: number, hash: number, start: number, end: number, escaped: boolean): void {
    const keys = this.#keys
    for (let i = base; i < this.#top; i += 3) {
      if (keys[i] === hash && this.#listedKey(i) === this.text(start, end, escaped)) this.#duplicate(start, end)
    }
    keys[this.#top] = hash
    keys[this.#top + 1] = start
    keys[this.#top + 2] = escaped ? -end : end
    this.#top += 3
  }

  #listedKey(i: number): string {
    const end = this.#keys[i + 2]!
    return this.text(this.#keys[i + 1]!, Math.abs(end), end < 0)
  }

  #listed(base: number): Set<string> {
    const all = new Set<string>()
    for (let i = base; i < this.#top; i += 3) all.add(this.#listedKey(i))
    return all
  }

  #duplicate(start: number, end: number): never {
    throw new Violation('duplicate-key', `the key ${this.quote(start, end)} appears twice in one object`)
  }

  protected quote(start: number, end: number): string {
    return JSON.stringify(this.line.toString('utf8', start, Math.min(end, start + 64)))
  }

  protected text(start: number, end: number, escaped: boolean): string {
    const text = this.line.toString('utf8', start, end)
    return escaped ? JSON.parse(`"${text}"`) : text
  }
}
