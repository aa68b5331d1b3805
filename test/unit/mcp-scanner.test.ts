import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Fault, Message } from '../../src/protocols/mcp/message.ts'
import { Scanner } from '../../src/protocols/mcp/scanner.ts'

const scanner = new Scanner()
const scan = (text: string | Uint8Array) => scanner.scan(typeof text === 'string' ? Buffer.from(text) : text)

function message(text: string | Uint8Array): Message {
  const result = scan(text)
  if (!result.ok) throw new Error(`refused: ${result.reason}: ${result.error.message}`)
  return result
}

function fault(text: string | Uint8Array): Fault {
  const result = scan(text)
  if (result.ok) throw new Error('accepted')
  return result
}

describe('what a message is', () => {
  test('request, notification, result, error', () => {
    expect(message('{"jsonrpc":"2.0","id":1,"method":"ping"}')).toMatchObject({
      kind: 'request',
      id: '1',
      method: 'ping'
    })
    expect(message('{"jsonrpc":"2.0","method":"notifications/initialized"}')).toMatchObject({
      kind: 'notification',
      id: undefined
    })
    expect(message('{"id":"a","jsonrpc":"2.0","result":{}}')).toMatchObject({ kind: 'result', id: '"a"', method: '' })
    expect(message('{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}')).toMatchObject({
      kind: 'error',
      id: 'null'
    })
    expect(message('{"jsonrpc":"2.0","error":{"code":1,"message":""}}')).toMatchObject({ kind: 'error', id: undefined })
  })

  test('what a decision rests on', () => {
    const text = `{"method":"tools/call","params":{"_meta":{"progressToken":"t\\u0031","io.modelcontextprotocol/protocolVersion":"2026-07-28"},"n\\u0061me":"w\\u0065b","uri":"file:///a","arguments":{"name":"other","NAME":1}},"jsonrpc":"2.0","id":7}`
    expect(message(text)).toMatchObject({
      name: 'web',
      uri: 'file:///a',
      progressToken: '"t\\u0031"',
      protocolVersion: '2026-07-28',
      idStart: Buffer.from(text).lastIndexOf('7')
    })
    expect(
      message(
        '{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"}}}'
      ).ref
    ).toEqual({ name: 'p' })
    expect(
      message('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId": 9007199254740993}}').requestId
    ).toBe('9007199254740993')
  })

  test.each(['9007199254740993', '-1', '1.0', '1e2', '"\\u0061"', '"é"', '""'])(
    'the id %s stays as it was written',
    id => {
      const got = message(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`)
      expect(Buffer.from(got.id!, 'latin1').toString()).toBe(id)
    }
  )

  test.each(['1.5', '1e400', 'null', 'true', '{}', '[1]', `"${'x'.repeat(1100)}"`])('the id %s is none', id => {
    expect(fault(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`)).toMatchObject({
      reason: 'id',
      error: { code: -32600 }
    })
  })
})

describe('what is refused', () => {
  const call = (inner: string) => `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":${inner}}`

  test.each<[string, string, string, number]>([
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 'batch', -32600],
    ['no object', '"hello"', 'not-an-object', -32600],
    ['a word', '[undefined]', 'batch', -32600],
    ['junk', 'Server running on stdio', 'syntax', -32700],
    ['a byte-order mark', '\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}', 'syntax', -32700],
    ['text behind it', '{"jsonrpc":"2.0","id":1,"method":"ping"}{}', 'syntax', -32700],
    ['a raw carriage return', '{"jsonrpc":"2.0",\r"id":1,"method":"ping"}', 'line-break', -32700],
    ['a raw control character', '{"jsonrpc":"2.0","id":1,"method":"p\u0001"}', 'syntax', -32700],
    ['an open end', '{"jsonrpc":"2.0","id":1,"method":"ping"', 'syntax', -32700],
    ['a trailing comma', '{"jsonrpc":"2.0","id":1,"method":"ping",}', 'syntax', -32700],
    ['the same key twice', call('{"name":"a","name":"b"}'), 'duplicate-key', -32600],
    ['the same key twice, unescaped', call('{"name":"a","na\\u006de":"b"}'), 'duplicate-key', -32600],
    ['the same key twice, deep', call('{"arguments":{"x":[{"a":1,"b":2,"\\u0061":3}]}}'), 'duplicate-key', -32600],
    ['a case variant of name', call('{"Name":"a"}'), 'case-variant', -32600],
    [
      'a case variant of params by Unicode folding',
      '{"jsonrpc":"2.0","id":5,"method":"a","param\u017f":{}}',
      'case-variant',
      -32600
    ],
    ['a case variant of jsonrpc', '{"jsonRpc":"2.0","id":5,"method":"a"}', 'case-variant', -32600],
    ['a case variant in _meta', call('{"_meta":{"ProgressToken":1}}'), 'case-variant', -32600],
    ['no version', '{"id":5,"method":"ping"}', 'envelope', -32600],
    ['another version', '{"jsonrpc":"1.0","id":5,"method":"ping"}', 'envelope', -32600],
    ['a request and a response in one', '{"jsonrpc":"2.0","id":5,"method":"ping","result":{}}', 'envelope', -32600],
    ['two outcomes', '{"jsonrpc":"2.0","id":5,"result":{},"error":{}}', 'envelope', -32600],
    ['a method that is no string', '{"jsonrpc":"2.0","id":5,"method":1}', 'envelope', -32600],
    ['params that are a list', call('[1]'), 'envelope', -32600],
    ['a lone surrogate in a name', call('{"name":"\\ud800"}'), 'envelope', -32600]
  ])('%s', (_what, text, reason, code) => {
    expect(fault(text)).toMatchObject({ reason, error: { code } })
  })

  test('bytes that are no UTF-8', () => {
    const line = Buffer.from('{"jsonrpc":"2.0","id":3,"method":"x\xff"}', 'latin1')
    expect(fault(line)).toMatchObject({ reason: 'not-utf8', id: '3', error: { code: -32700 } })
  })

  test('nesting over 64, the envelope included', () => {
    const nested = (depth: number) => call(`{"arguments":${'['.repeat(depth)}${']'.repeat(depth)}}`)
    message(nested(62))
    expect(fault(nested(63))).toMatchObject({ reason: 'too-deep', id: '5' })
    expect(fault(nested(1_000_000)).reason).toBe('too-deep')
  })

  test('a line over the limit, whose id is found', () => {
    const small = new Scanner({ maxLine: 100 })
    const text = `{"method":"tools/call","params":{"id":1,"arguments":{"id":2,"x":"${'"id":3}'.replaceAll('"', '\\"').repeat(50)}"}},"jsonrpc":"2.0","id":"four"}`
    expect(small.scan(Buffer.from(text))).toMatchObject({ reason: 'too-large', id: '"four"', response: false })
  })

  test('the sender of a broken request learns its id, even behind the break', () => {
    expect(fault('{"jsonrpc":"2.0","method":"a","params":{"x":1,"x":2},"id":77}').id).toBe('77')
    expect(fault('{"method":"a","params":{"x":tru},"id":77}').id).toBe('77')
    expect(fault('{"id":1,"id":2,"method":"a"}').id).toBeUndefined()
    expect(fault('{"id":1,"result":{"a":1,"a":2}}')).toMatchObject({ id: '1', response: true })
    expect(fault('{"jsonrpc":"2.0","method":"a","params":{"x":1,"x":2}}').notification).toBe(true)
  })

  test('100,000 keys, and keys made to collide, cost linear time', () => {
    const keys = Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join(',')
    message(call(`{"arguments":{${keys}}}`))
    expect(fault(call(`{"arguments":{${keys},"k17":1}}`)).reason).toBe('duplicate-key')
  })
})

describe('against JSON.parse', () => {
  test('in a long string, wherever it lies in memory and whatever ends the plain text', () => {
    const scanner = new Scanner()
    const specials = [
      '"',
      '\\',
      '\\n',
      '\\"',
      '\\u00e9',
      '\\x',
      '\u0000',
      '\u001f',
      ' ',
      '\u007f',
      'é',
      '€',
      '😀',
      '\u00a2',
      '\u00dc'
    ]
    for (const special of specials) {
      for (let before = 40; before < 72; before++) {
        const line = Buffer.from(`{"jsonrpc":"2.0","method":"${'x'.repeat(before)}${special}${'y'.repeat(60)}"}`)
        for (let offset = 0; offset < 4; offset++) {
          const memory = new Uint8Array(offset + line.length + 3).fill(0x78)
          memory.set(line, offset)
          const text = line.toString()
          let valid = true
          try {
            JSON.parse(text)
          } catch {
            valid = false
          }
          expect(scanner.scan(memory.subarray(offset, offset + line.length)).ok, JSON.stringify(text)).toBe(valid)
        }
      }
    }
  })

  test('a long string that does not end is not read beyond the line', () => {
    const memory = Buffer.from(`{"jsonrpc":"2.0","method":"${'x'.repeat(100)}"}`)
    for (let end = memory.length - 8; end < memory.length; end++) {
      expect(new Scanner().scan(memory.subarray(0, end)).ok).toBe(false)
    }
    expect(new Scanner().scan(memory).ok).toBe(true)
  })

  // the scanner also refuses what JSON.parse lets through: these rules are checked here the slow way
  function expected(text: string): boolean {
    if (/[\r\n]/.test(text)) return false
    let duplicate = false
    try {
      JSON.parse(text)
      duplicate = hasDuplicate(text)
    } catch {
      return false
    }
    return !duplicate
  }

  /** Puts `text` where only JSON matters. */
  const wrap = (text: string) => `{"jsonrpc":"2.0","id":1,"result":${text}}`

  const key = fc.oneof(fc.constantFrom('a', 'b', 'name', '', '\u0000', 'é', '\ud83d\ude00', '"', '\\'), fc.string())
  const { value } = fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('null', 'true', 'false', '0', '-0', '1.0', '1e400', '12345678901234567890', '-1.5E-3'),
      key.map(text => encode(text)),
      fc.array(tie('value') as fc.Arbitrary<string>, { maxLength: 4 }).map(items => `[${items.join(' , ')}]`),
      fc
        .array(fc.tuple(key.map(encode), tie('value') as fc.Arbitrary<string>), { maxLength: 5 })
        .map(members => `{${members.map(([name, item]) => `${name}:\t${item}`).join(',')}}`)
    )
  })) as { value: fc.Arbitrary<string> }
  const mutated = fc
    .tuple(
      value,
      fc.nat(),
      fc.constantFrom('', '"', '{', '}', '[', ',', ':', '\\', '0', '-', '.', 'e', 'u', ' ', '\u0001', '\r', '\u00e9'),
      fc.nat(2)
    )
    .map(([text, at, insert, remove]) => {
      const i = at % (text.length + 1)
      return text.slice(0, i) + insert + text.slice(i + remove)
    })

  function encode(text: string): string {
    const plain = JSON.stringify(text)
    // every other one with escapes where none are needed
    return text.length % 2 === 0
      ? plain
      : plain.replace(/[a-z]/g, c => (plain.includes('\\') ? c : `\\u00${c.charCodeAt(0).toString(16)}`))
  }

  test('accepts the same texts, but for duplicate keys and line breaks (60,000 cases)', () => {
    let accepted = 0
    let refused = 0
    fc.assert(
      fc.property(fc.oneof(value, mutated), text => {
        const line = Buffer.from(wrap(text))
        const result = scanner.scan(line)
        const wanted = expected(line.toString()) && depthOf(line.toString()) <= 64 && !breaksOut(line.toString())
        if (wanted) accepted++
        else refused++
        return result.ok === wanted
      }),
      { numRuns: 60_000 }
    )
    expect(accepted).toBeGreaterThan(10_000)
    expect(refused).toBeGreaterThan(10_000)
  })

  test('accepts and refuses random bytes as JSON.parse of valid UTF-8 does', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), bytes => {
        const line = Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"result":"'), bytes, Buffer.from('"}')])
        let wanted: boolean
        try {
          const text = decoder.decode(line)
          wanted = expected(text) && !breaksOut(text)
        } catch {
          wanted = false
        }
        return scanner.scan(line).ok === wanted
      }),
      { numRuns: 20_000 }
    )
  })

  /** Mutations can close the result early and add members to the envelope; those rules are tested above. */
  function breaksOut(text: string): boolean {
    const keys = Object.keys(JSON.parse(text))
    return keys.join() !== 'jsonrpc,id,result'
  }
})

/**
 * Whether any object of valid JSON has a key twice. Counting the members of what JSON.parse returns would not do: that of
 * V8 13.6 (Node 24) takes an escaped key that repeats for another one, e.g. for "\\".
 */
function hasDuplicate(text: string): boolean {
  const open: Set<string>[] = []
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:[ \t]*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (token.endsWith(':')) {
      const keys = open.at(-1)!
      const key = JSON.parse(token.slice(0, -1)) as string
      if (keys.has(key)) return true
      keys.add(key)
    }
  }
  return false
}

function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (const char of text.replace(/"(?:[^"\\]|\\.)*"/g, '')) {
    if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth)
    else if (char === '}' || char === ']') depth--
  }
  return deepest
}
