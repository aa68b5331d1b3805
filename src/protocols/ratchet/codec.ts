import { TalosError } from '../../errors.ts'

/** Reads fixed-size fields in order and refuses to read past the end. All integers are big-endian. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #fail: (why: string) => TalosError
  #at = 0

  constructor(bytes: Uint8Array, fail: (why: string) => TalosError) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#fail = fail
  }

  get position(): number {
    return this.#at
  }

  #take(length: number): number {
    const at = this.#at
    if (at + length > this.#bytes.length) throw this.#fail(`it ends after ${this.#bytes.length} bytes, too early`)
    this.#at = at + length
    return at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** A time in milliseconds or a count; refused above 2^53 - 1. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8))
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#fail('a 64-bit field is too large')
    return Number(value)
  }

  /** One byte of flags, refused when a bit outside `known` is set. */
  flags(known: number): number {
    const flags = this.u8()
    if ((flags & ~known) !== 0) throw this.#fail(`its flags 0x${flags.toString(16)} are unknown`)
    return flags
  }

  /** A copy, so that nothing keeps the whole message alive. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.slice(at, at + length)
  }

  /** The rest, without a copy. */
  rest(): Uint8Array {
    const rest = this.#bytes.subarray(this.#at)
    this.#at = this.#bytes.length
    return rest
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#fail(`${this.#bytes.length - this.#at} bytes follow its end`)
  }
}

export class Writer {
  #bytes: Uint8Array
  #view: DataView
  #at = 0

  constructor(capacity = 512) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  #room(length: number): number {
    const at = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) {
      const old = this.#bytes
      this.#bytes = new Uint8Array(Math.max(this.#at, old.length * 2))
      this.#bytes.set(old)
      old.fill(0) // it may hold secrets
      this.#view = new DataView(this.#bytes.buffer)
    }
    return at
  }

  u8(value: number): this {
    const at = this.#room(1)
    this.#view.setUint8(at, value)
    return this
  }

  u16(value: number): this {
    const at = this.#room(2)
    this.#view.setUint16(at, value)
    return this
  }

  u32(value: number): this {
    const at = this.#room(4)
    this.#view.setUint32(at, value)
    return this
  }

  u64(value: number): this {
    const at = this.#room(8)
    this.#view.setBigUint64(at, BigInt(value))
    return this
  }

  bytes(value: Uint8Array): this {
    const at = this.#room(value.length)
    this.#bytes.set(value, at)
    return this
  }

  /** Writes secret bytes and wipes the argument. */
  secret(value: Uint8Array): this {
    this.bytes(value)
    value.fill(0)
    return this
  }

  /** The bytes written, in a buffer of exactly their size; a working buffer that was larger is wiped. */
  finish(): Uint8Array {
    if (this.#at === this.#bytes.length) return this.#bytes
    const whole = this.#bytes.slice(0, this.#at)
    this.#bytes.fill(0)
    return whole
  }
}

export function malformed(what: string): (why: string) => TalosError {
  return why => new TalosError('SESSION_MALFORMED', `${what} is malformed: ${why}`)
}

export function corrupt(what: string): (why: string) => TalosError {
  return why =>
    new TalosError('STORAGE_SESSION_CORRUPT', `${what} as stored cannot be read: ${why}`, {
      hint: 'Restore the data directory from a backup, or forget this peer’s sessions; a new handshake follows.'
    })
}

/** For public values only: it stops at the first difference. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const encoder = new TextEncoder()

export function ascii(text: string): Uint8Array {
  return encoder.encode(text)
}

export const EMPTY = new Uint8Array(0)
