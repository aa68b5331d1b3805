import { isUtf8 } from 'node:buffer'
import { IdFinder, LONGEST_ID } from './id-finder.ts'
import { type Fault, type FaultReason, faultOf, type Message, tooLargeText } from './message.ts'
import { skipPlain, wordsOf } from './plain-text.ts'
import { DEFAULT_MAX_LINE } from './tunnel/constants.ts'

/** Deepest nesting of objects and arrays, the envelope included. */
export const MAX_DEPTH = 64

export interface ScannerInit {
  /** Longest message in bytes. @default 10_485_760 */
  maxLine?: number
}

class Violation {
  readonly reason: FaultReason
  readonly text: string
  constructor(reason: FaultReason, text: string) {
    this.reason = reason
    this.text = text
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** Objects with more keys than this are checked for duplicates with a set of decoded keys. */
const LISTED_KEYS = 16
/** A string is looked through in words once so many of its bytes were only text. */
const LONG_RUN = 48

// What an object's keys mean: 0 nothing, 1 the envelope, 2 params, 3 params._meta, 4 params.ref
type Role = 0 | 1 | 2 | 3 | 4
const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'
const KEYS: readonly (readonly string[])[] = [
  [],
  ['jsonrpc', 'id', 'method', 'params', 'result', 'error'],
  [
    'name',
    'uri',
    'arguments',
    '_meta',
    'ref',
    'requestId',
    'progressToken',
    'taskId',
    'requestState',
    'inputResponses'
  ],
  [
    PROTOCOL_VERSION,
    'io.modelcontextprotocol/clientCapabilities',
    'io.modelcontextprotocol/clientInfo',
    'progressToken'
  ],
  ['type', 'name', 'uri']
]

const known = KEYS.map(keys => new Map(keys.map(key => [hashOf(Buffer.from(key)), { key, bytes: Buffer.from(key) }])))
const folded = KEYS.map(keys => new Set(keys.map(fold)))
const longestKnown = Math.max(...KEYS.flat().map(key => key.length)) * 6

/** FNV-1a, 32 bits. Only a filter: equal hashes are compared in full, and long objects use a set. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5 | 0
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}

/** Folds as lenient decoders do (Go's also takes ſ for s and the Kelvin sign for k). */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase()
}

/**
 * Reads one line as one JSON-RPC message of MCP without building it: every byte is validated as JSON (RFC 8259) and UTF-8,
 * and what another parser could read differently is refused: duplicate keys (after unescaping, at every depth), case
 * variants of the keys that decide what is called, batches, nesting over 64, line breaks. What passes is forwarded as it is.
 */
export class Scanner {
  readonly maxLine: number
  // three numbers a key (hash, start, end with the escape flag in the sign), for the objects now open
  readonly #keys = new Int32Array((MAX_DEPTH + 1) * LISTED_KEYS * 3)
  #top = 0
  #line: Buffer = Buffer.alloc(0)
  #words: Int32Array | undefined
  #at = 0
  #escaped = false
  // what was found
  #seen = 0
  #version: string | undefined
  #id: string | undefined
  #idStart = -1
  #method: string | undefined
  #name: string | undefined
  #uri: string | undefined
  #ref: { name?: string; uri?: string } | undefined
  #requestId: string | undefined
  #requestIdStart = -1
  #progressToken: string | undefined
  #protocolVersion: string | undefined

  constructor(init: ScannerInit = {}) {
    this.maxLine = init.maxLine ?? DEFAULT_MAX_LINE
  }

  scan(line: Uint8Array): Message | Fault {
    if (line.byteLength > this.maxLine)
      return this.#fault(line, new Violation('too-large', tooLargeText(line.byteLength, this.maxLine)))
    this.#line = Buffer.isBuffer(line) ? line : Buffer.from(line.buffer, line.byteOffset, line.byteLength)
    this.#at = 0
    this.#top = 0
    this.#seen = 0
    this.#version = undefined
    this.#id = undefined
    this.#idStart = -1
    this.#method = undefined
    this.#name = undefined
    this.#uri = undefined
    this.#ref = undefined
    this.#requestId = undefined
    this.#requestIdStart = -1
    this.#progressToken = undefined
    this.#protocolVersion = undefined
    try {
      if (!isUtf8(this.#line)) throw new Violation('not-utf8', 'the message is not valid UTF-8')
      return this.#message()
    } catch (violation) {
      if (!(violation instanceof Violation)) throw violation
      return this.#fault(line, violation)
    } finally {
      // a large line must not live on in here
      this.#line = NOTHING
      this.#words = undefined
    }
  }

  #message(): Message {
    const line = this.#line
    this.#space()
    if (line[this.#at] === 0x5b) throw new Violation('batch', 'batches are not part of MCP: send one message a line')
    if (line[this.#at] !== 0x7b) {
      this.#value(0, 0)
      this.#end()
      throw new Violation('not-an-object', 'a message is one JSON object')
    }
    this.#object(1, 1)
    this.#end()
    return this.#classify()
  }

  #end(): void {
    this.#space()
    if (this.#at < this.#line.length) this.#unexpected()
  }

  #classify(): Message {
    const seen = this.#seen
    if (this.#version !== '2.0') throw new Violation('envelope', '"jsonrpc" must be "2.0"')
    const hasMethod = (seen & HAS.method) !== 0
    const outcomes = (seen & HAS.result ? 1 : 0) + (seen & HAS.error ? 1 : 0)
    if ((hasMethod ? 1 : 0) + outcomes !== 1) {
      throw new Violation('envelope', 'a message has exactly one of "method", "result" and "error"')
    }
    if (!hasMethod && seen & HAS.params) throw new Violation('envelope', 'a response has no "params"')
    const kind = hasMethod ? (seen & HAS.id ? 'request' : 'notification') : seen & HAS.result ? 'result' : 'error'
    if (kind === 'result' && !(seen & HAS.id)) throw new Violation('id', 'a result has an "id"')
    if (this.#id === 'null' && kind !== 'error') throw new Violation('id', 'only an error may have the id null')
    return {
      ok: true,
      kind,
      id: this.#id,
      idStart: this.#idStart,
      method: this.#method ?? '',
      name: this.#name,
      uri: this.#uri,
      ref: this.#ref,
      requestId: this.#requestId,
      requestIdStart: this.#requestIdStart,
      progressToken: this.#progressToken,
      protocolVersion: this.#protocolVersion
    }
  }

  #fault(line: Uint8Array, { reason, text }: Violation): Fault {
    const finder = new IdFinder()
    finder.push(line)
    return faultOf(reason, text, finder)
  }

  // --- JSON ---

  #space(): void {
    const line = this.#line
    let at = this.#at
    while (line[at] === 0x20 || line[at] === 0x09) at++
    this.#at = at
  }

  #unexpected(): never {
    const byte = this.#line[this.#at]
    if (byte === undefined) throw new Violation('syntax', 'the JSON ends too early')
    if (byte === 0x0d || byte === 0x0a) throw new Violation('line-break', `raw line break at byte ${this.#at}`)
    throw new Violation('syntax', `unexpected byte 0x${byte.toString(16).padStart(2, '0')} at ${this.#at}`)
  }

  #value(role: Role, depth: number): void {
    switch (this.#line[this.#at]) {
      case QUOTE:
        this.#string()
        return
      case 0x7b:
        this.#object(role, depth + 1)
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
      if (this.#line[this.#at] !== word.charCodeAt(i)) this.#unexpected()
      this.#at++
    }
  }

  #number(): void {
    const line = this.#line
    let at = this.#at
    if (line[at] === 0x2d) at++
    if (line[at] === 0x30) at++
    else at = this.#digits(at)
    if (line[at] === 0x2e) at = this.#digits(at + 1)
    if (line[at] === 0x65 || line[at] === 0x45) {
      at++
      if (line[at] === 0x2b || line[at] === 0x2d) at++
      at = this.#digits(at)
    }
    this.#at = at
  }

  #digits(at: number): number {
    const line = this.#line
    const start = at
    for (let byte = line[at]; byte !== undefined && byte >= 0x30 && byte <= 0x39; byte = line[++at]);
    if (at === start) {
      this.#at = at
      this.#unexpected()
    }
    return at
  }

  /** From the opening quote to behind the closing one; says in #escaped whether there was a backslash. */
  #string(): void {
    const line = this.#line
    const end = line.length
    let at = this.#at + 1
    let run = at
    const offset = line.byteOffset
    this.#escaped = false
    while (at < end) {
      const byte = line[at]!
      if (byte === QUOTE) {
        this.#at = at + 1
        return
      }
      if (byte === BACKSLASH) {
        this.#escaped = true
        at = this.#escape(at)
        run = at
      } else if (byte < 0x20) break
      else {
        at++
        if (at - run >= LONG_RUN && ((offset + at) & 3) === 0) at = this.#skipPlain(at)
      }
    }
    this.#at = at
    this.#unexpected()
  }

  /** Over text in a long string that is just text, four bytes at a time. */
  #skipPlain(at: number): number {
    const line = this.#line
    this.#words ??= wordsOf(line)
    return skipPlain(this.#words, line.byteOffset + at, line.byteOffset + line.length) - line.byteOffset
  }

  /** From a backslash to behind its escape. */
  #escape(at: number): number {
    const line = this.#line
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
            this.#at = i
            this.#unexpected()
          }
        }
        return at + 6
      default:
        this.#at = at + 1
        return this.#unexpected()
    }
  }

  #array(depth: number): void {
    if (depth > MAX_DEPTH) throw new Violation('too-deep', `nested deeper than ${MAX_DEPTH}`)
    this.#at++
    this.#space()
    if (this.#line[this.#at] === 0x5d) {
      this.#at++
      return
    }
    for (;;) {
      this.#value(0, depth)
      this.#space()
      const byte = this.#line[this.#at]
      if (byte !== 0x2c && byte !== 0x5d) this.#unexpected()
      this.#at++
      if (byte === 0x5d) return
      this.#space()
    }
  }

  #object(role: Role, depth: number): void {
    if (depth > MAX_DEPTH) throw new Violation('too-deep', `nested deeper than ${MAX_DEPTH}`)
    const line = this.#line
    const base = this.#top
    let many: Set<string> | undefined
    this.#at++
    this.#space()
    if (line[this.#at] === 0x7d) {
      this.#at++
      return
    }
    for (;;) {
      if (line[this.#at] !== QUOTE) this.#unexpected()
      const start = this.#at + 1
      let hash = this.#key()
      const end = this.#at - 1
      const escaped = this.#escaped
      if (escaped) hash = hashOf(Buffer.from(this.#text(start, end, true)))
      if (many !== undefined || this.#top - base === LISTED_KEYS * 3) {
        many ??= this.#listed(base)
        const size = many.size
        if (many.add(this.#text(start, end, escaped)).size === size) this.#duplicate(start, end)
      } else this.#once(base, hash, start, end, escaped)
      this.#space()
      if (line[this.#at] !== 0x3a) this.#unexpected()
      this.#at++
      this.#space()
      if (role === 0) this.#value(0, depth)
      else this.#member(role, this.#keyName(role, hash, start, end, escaped), depth)
      this.#space()
      const byte = line[this.#at]
      if (byte !== 0x2c && byte !== 0x7d) this.#unexpected()
      this.#at++
      if (byte === 0x7d) break
      this.#space()
    }
    this.#top = base
  }

  /** A key: as #string, and hashes it on the way. */
  #key(): number {
    const line = this.#line
    const end = line.length
    let at = this.#at + 1
    let hash = 0x811c9dc5 | 0
    this.#escaped = false
    while (at < end) {
      const byte = line[at]!
      if (byte === QUOTE) {
        this.#at = at + 1
        return hash
      }
      if (byte === BACKSLASH) {
        this.#escaped = true
        at = this.#escape(at)
      } else if (byte < 0x20) break
      else {
        hash = Math.imul(hash ^ byte, 0x01000193)
        at++
      }
    }
    this.#at = at
    return this.#unexpected()
  }

  /** Lists one key of the open object that starts at `base`; refuses it when it is there already. */
  #once(base: number, hash: number, start: number, end: number, escaped: boolean): void {
    const keys = this.#keys
    for (let i = base; i < this.#top; i += 3) {
      if (keys[i] === hash && this.#listedKey(i) === this.#text(start, end, escaped)) this.#duplicate(start, end)
    }
    keys[this.#top] = hash
    keys[this.#top + 1] = start
    keys[this.#top + 2] = escaped ? -end : end
    this.#top += 3
  }

  #listedKey(i: number): string {
    const end = this.#keys[i + 2]!
    return this.#text(this.#keys[i + 1]!, Math.abs(end), end < 0)
  }

  #listed(base: number): Set<string> {
    const all = new Set<string>()
    for (let i = base; i < this.#top; i += 3) all.add(this.#listedKey(i))
    return all
  }

  #duplicate(start: number, end: number): never {
    throw new Violation('duplicate-key', `the key ${this.#quote(start, end)} appears twice in one object`)
  }

  #quote(start: number, end: number): string {
    return JSON.stringify(this.#line.toString('utf8', start, Math.min(end, start + 64)))
  }

  #text(start: number, end: number, escaped: boolean): string {
    const text = this.#line.toString('utf8', start, end)
    return escaped ? JSON.parse(`"${text}"`) : text
  }

  // --- JSON-RPC and MCP ---

  /** The key's name when it is one that means something here, else ''. */
  #keyName(role: Role, hash: number, start: number, end: number, escaped: boolean): string {
    const candidate = known[role]!.get(hash)
    if (candidate !== undefined) {
      if (escaped) {
        if (this.#text(start, end, true) === candidate.key) return candidate.key
      } else if (end - start === candidate.bytes.length) {
        let i = 0
        while (i < candidate.bytes.length && this.#line[start + i] === candidate.bytes[i]) i++
        if (i === candidate.bytes.length) return candidate.key
      }
    }
    if (end - start <= longestKnown && folded[role]!.has(fold(this.#text(start, end, escaped)))) {
      throw new Violation('case-variant', `${this.#quote(start, end)} is a case variant of a key that MCP defines`)
    }
    return ''
  }

  #member(role: Role, key: string, depth: number): void {
    if (role === 1) this.#envelope(key, depth)
    else if (role === 2) this.#param(key, depth)
    else if (role === 3) this.#meta(key, depth)
    else this.#refMember(key, depth)
  }

  #envelope(key: string, depth: number): void {
    switch (key) {
      case 'jsonrpc':
        this.#version = this.#captureText(depth)
        return
      case 'id':
        this.#seen |= HAS.id
        this.#idStart = this.#at
        this.#id = this.#captureId()
        if (this.#id === undefined) throw new Violation('id', 'an "id" is a string or an integer')
        return
      case 'method':
        this.#seen |= HAS.method
        this.#method = this.#captureText(depth)
        if (this.#method === undefined) throw new Violation('envelope', '"method" is a string')
        return
      case 'params': {
        this.#seen |= HAS.params
        const byte = this.#line[this.#at]
        if (byte !== 0x7b && byte !== 0x6e) throw new Violation('envelope', '"params" is an object')
        this.#value(2, depth)
        return
      }
      case 'result':
        this.#seen |= HAS.result
        this.#value(0, depth)
        return
      case 'error':
        this.#seen |= HAS.error
        if (this.#line[this.#at] !== 0x7b) throw new Violation('envelope', '"error" is an object')
        this.#value(0, depth)
        return
      default:
        this.#value(0, depth)
    }
  }

  #param(key: string, depth: number): void {
    switch (key) {
      case 'name':
        this.#name = this.#captureText(depth)
        return
      case 'uri':
        this.#uri = this.#captureText(depth)
        return
      case '_meta':
        this.#value(3, depth)
        return
      case 'ref':
        if (this.#line[this.#at] === 0x7b) this.#ref = {}
        this.#value(4, depth)
        return
      case 'requestId':
        this.#requestIdStart = this.#at
        this.#requestId = this.#captureId(depth)
        return
      case 'progressToken':
        this.#progressToken = this.#captureId(depth)
        return
      default:
        this.#value(0, depth)
    }
  }

  #meta(key: string, depth: number): void {
    if (key === PROTOCOL_VERSION) this.#protocolVersion = this.#captureText(depth)
    else if (key === 'progressToken') this.#progressToken = this.#captureId(depth)
    else this.#value(0, depth)
  }

  #refMember(key: string, depth: number): void {
    const text = this.#captureText(depth)
    if (text === undefined || this.#ref === undefined) return
    if (key === 'name') this.#ref.name = text
    if (key === 'uri') this.#ref.uri = text
  }

  /** The string here, decoded; undefined when the value is something else. */
  #captureText(depth: number): string | undefined {
    const start = this.#at + 1
    if (this.#line[this.#at] !== QUOTE) {
      this.#value(0, depth)
      return undefined
    }
    this.#string()
    const escaped = this.#escaped
    const text = this.#text(start, this.#at - 1, escaped)
    if (escaped && !text.isWellFormed()) throw new Violation('envelope', 'a lone surrogate in a name')
    return text
  }

  /** The id here as raw JSON in latin1 text; undefined when it cannot be one. */
  #captureId(depth = 1): string | undefined {
    const start = this.#at
    const first = this.#line[start]
    this.#value(0, depth)
    const length = this.#at - start
    if (length > LONGEST_ID || first === 0x7b || first === 0x5b || first === 0x74 || first === 0x66) return undefined
    const raw = this.#line.toString('latin1', start, this.#at)
    if (first === QUOTE || first === 0x6e || Number.isInteger(Number(raw))) return raw
    return undefined
  }
}

const NOTHING = Buffer.alloc(0)
const HAS = { id: 1, method: 2, params: 4, result: 8, error: 16 } as const
