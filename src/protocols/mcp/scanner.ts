import { isUtf8 } from 'node:buffer'
import { IdFinder, LONGEST_ID } from './id-finder.ts'
import { JsonWalk, QUOTE, Violation } from './json-walk.ts'
import { fold, folded, known, longestKnown, PROTOCOL_VERSION, type Role } from './known-keys.ts'
import { type Fault, faultOf, type Message, tooLargeText } from './message.ts'
import { DEFAULT_MAX_LINE } from './tunnel/constants.ts'

export interface ScannerInit {
  /** Longest message in bytes. @default 10_485_760 */
  maxLine?: number
}

const HAS = { id: 1, method: 2, params: 4, result: 8, error: 16 } as const

/**
 * Reads one line as one JSON-RPC message of MCP without building it: every byte is validated as JSON (RFC 8259) and UTF-8,
 * and what another parser could read differently is refused: duplicate keys (after unescaping, at every depth), case
 * variants of the keys that decide what is called, batches, nesting over 64, line breaks. What passes is forwarded as it is.
 */
export class Scanner extends JsonWalk {
  readonly maxLine: number
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
    super()
    this.maxLine = init.maxLine ?? DEFAULT_MAX_LINE
  }

  scan(line: Uint8Array): Message | Fault {
    if (line.byteLength > this.maxLine)
      return this.#fault(line, new Violation('too-large', tooLargeText(line.byteLength, this.maxLine)))
    this.begin(line)
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
      if (!isUtf8(this.line)) throw new Violation('not-utf8', 'the message is not valid UTF-8')
      return this.#message()
    } catch (violation) {
      if (!(violation instanceof Violation)) throw violation
      return this.#fault(line, violation)
    } finally {
      this.release()
    }
  }

  #message(): Message {
    const line = this.line
    this.space()
    if (line[this.at] === 0x5b) throw new Violation('batch', 'batches are not part of MCP: send one message a line')
    if (line[this.at] !== 0x7b) {
      this.value(0, 0)
      this.end()
      throw new Violation('not-an-object', 'a message is one JSON object')
    }
    this.object(1, 1)
    this.end()
    return this.#classify()
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

  /** The key's name when it is one that means something here, else ''. */
  #keyName(role: Role, hash: number, start: number, end: number, escaped: boolean): string {
    const candidate = known[role]!.get(hash)
    if (candidate !== undefined) {
      if (escaped) {
        if (this.text(start, end, true) === candidate.key) return candidate.key
      } else if (end - start === candidate.bytes.length) {
        let i = 0
        while (i < candidate.bytes.length && this.line[start + i] === candidate.bytes[i]) i++
        if (i === candidate.bytes.length) return candidate.key
      }
    }
    if (end - start <= longestKnown && folded[role]!.has(fold(this.text(start, end, escaped)))) {
      throw new Violation('case-variant', `${this.quote(start, end)} is a case variant of a key that MCP defines`)
    }
    return ''
  }

  protected override member(
    role: Role,
    hash: number,
    start: number,
    end: number,
    escaped: boolean,
    depth: number
  ): void {
    const key = this.#keyName(role, hash, start, end, escaped)
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
        this.#idStart = this.at
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
        const byte = this.line[this.at]
        if (byte !== 0x7b && byte !== 0x6e) throw new Violation('envelope', '"params" is an object')
        this.value(2, depth)
        return
      }
      case 'result':
        this.#seen |= HAS.result
        this.value(0, depth)
        return
      case 'error':
        this.#seen |= HAS.error
        if (this.line[this.at] !== 0x7b) throw new Violation('envelope', '"error" is an object')
        this.value(0, depth)
        return
      default:
        this.value(0, depth)
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
        this.value(3, depth)
        return
      case 'ref':
        if (this.line[this.at] === 0x7b) this.#ref = {}
        this.value(4, depth)
        return
      case 'requestId':
        this.#requestIdStart = this.at
        this.#requestId = this.#captureId(depth)
        return
      case 'progressToken':
        this.#progressToken = this.#captureId(depth)
        return
      default:
        this.value(0, depth)
    }
  }

  #meta(key: string, depth: number): void {
    if (key === PROTOCOL_VERSION) this.#protocolVersion = this.#captureText(depth)
    else if (key === 'progressToken') this.#progressToken = this.#captureId(depth)
    else this.value(0, depth)
  }

  #refMember(key: string, depth: number): void {
    const text = this.#captureText(depth)
    if (text === undefined || this.#ref === undefined) return
    if (key === 'name') this.#ref.name = text
    if (key === 'uri') this.#ref.uri = text
  }

  /** The string here, decoded; undefined when the value is something else. */
  #captureText(depth: number): string | undefined {
    const start = this.at + 1
    if (this.line[this.at] !== QUOTE) {
      this.value(0, depth)
      return undefined
    }
    this.string()
    const escaped = this.escaped
    const text = this.text(start, this.at - 1, escaped)
    if (escaped && !text.isWellFormed()) throw new Violation('envelope', 'a lone surrogate in a name')
    return text
  }

  /** The id here as raw JSON in latin1 text; undefined when it cannot be one. */
  #captureId(depth = 1): string | undefined {
    const start = this.at
    const first = this.line[start]
    this.value(0, depth)
    const length = this.at - start
    if (length > LONGEST_ID || first === 0x7b || first === 0x5b || first === 0x74 || first === 0x66) return undefined
    const raw = this.line.toString('latin1', start, this.at)
    if (first === QUOTE || first === 0x6e || Number.isInteger(Number(raw))) return raw
    return undefined
  }
}
