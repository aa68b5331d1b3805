const QUOTE = 0x22
const BACKSLASH = 0x5c
const LONGEST_KEY = 48
/** Longest id in bytes of raw JSON; a longer one is refused and never echoed. */
export const LONGEST_ID = 1024
const ID = /^(?:"(?:[^"\\\x00-\x1f]|\\.)*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/

/**
 * Finds the `id` of a JSON-RPC message that is too long, too deep or too broken to be scanned, so that its sender gets an
 * answer that it can match. Takes the line in pieces, in constant memory; looks at the outermost object only.
 */
export class IdFinder {
  /** The one id seen, raw JSON as latin1 text; undefined when there is none, several, or nothing that can be an id. */
  id: string | undefined
  /** Whether the outermost object has a `method` (a request or notification). */
  hasMethod = false
  /** Whether it has a `result` or an `error` (a response). */
  hasOutcome = false
  #ids = 0
  #depth = 0
  #inString = false
  #escaped = false
  #atKey = false
  #inId = false
  #text = ''

  push(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.#inString) this.#inStringByte(byte)
      else this.#structure(byte)
    }
  }

  #inStringByte(byte: number): void {
    this.#keep(byte)
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else if (byte === QUOTE) this.#inString = false
  }

  #structure(byte: number): void {
    switch (byte) {
      case QUOTE:
        this.#inString = true
        this.#keep(byte)
        return
      case 0x7b: // {
      case 0x5b: // [
        this.#depth++
        this.#text = ''
        this.#inId = false
        this.#atKey = this.#depth === 1 && byte === 0x7b
        return
      case 0x7d: // }
      case 0x5d: // ]
        if (this.#depth === 1) this.#endOfValue()
        this.#depth--
        return
      case 0x3a: // :
        if (this.#depth === 1) this.#endOfKey()
        return
      case 0x2c: // ,
        if (this.#depth === 1) {
          this.#endOfValue()
          this.#atKey = true
        }
        return
      default:
        if (byte > 0x20) this.#keep(byte)
    }
  }

  #keep(byte: number): void {
    if (this.#depth !== 1 || !(this.#atKey || this.#inId)) return
    if (this.#text.length <= (this.#atKey ? LONGEST_KEY : LONGEST_ID)) this.#text += String.fromCharCode(byte)
  }

  #endOfKey(): void {
    if (!this.#atKey) return
    const key = keyOf(this.#text)
    this.#text = ''
    this.#atKey = false
    this.#inId = key === 'id'
    if (key === 'method') this.hasMethod = true
    if (key === 'result' || key === 'error') this.hasOutcome = true
  }

  #endOfValue(): void {
    if (this.#inId) {
      this.#ids++
      this.id = this.#ids === 1 && this.#text.length <= LONGEST_ID && ID.test(this.#text) ? this.#text : undefined
    }
    this.#text = ''
    this.#inId = false
  }
}

function keyOf(raw: string): string {
  try {
    return String(JSON.parse(raw))
  } catch {
    return ''
  }
}
