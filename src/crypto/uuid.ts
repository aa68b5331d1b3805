const ID_LENGTH = 16

/** Makes UUIDv7 (RFC 9562), each greater than the one before, also when the clock stands still or is put back. */
export class UuidSource {
  readonly #now: () => number
  readonly #random: (length: number) => Uint8Array
  #last = 0
  #counter = 0

  constructor(now: () => number, random: (length: number) => Uint8Array) {
    this.#now = now
    this.#random = random
  }

  /** 16 bytes. */
  next(): Uint8Array {
    const bytes = this.#random(ID_LENGTH)
    const time = this.#now()
    if (time > this.#last) {
      this.#last = time
      this.#counter = ((bytes[6]! & 0x07) << 8) | bytes[7]!
    } else if (++this.#counter > 0xfff) {
      this.#last++
      this.#counter = 0
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    view.setUint16(0, Math.floor(this.#last / 2 ** 32))
    view.setUint32(2, this.#last % 2 ** 32)
    view.setUint16(6, 0x7000 | this.#counter)
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    return bytes
  }
}

/** True for 16 bytes of version 7 and the variant of RFC 9562. */
export function isUuidV7(bytes: Uint8Array): boolean {
  return bytes.length === ID_LENGTH && bytes[6]! >> 4 === 7 && bytes[8]! >> 6 === 2
}

/** 8-4-4-4-12 lower-case hexadecimal digits. */
export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
