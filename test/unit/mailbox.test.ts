import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeRequest, decodeResponse, tagOf } from '../../src/protocols/mailbox/codec.ts'
import { MAX_TTL, RETENTION } from '../../src/protocols/mailbox/constants.ts'
import { GroupCommit, type MailboxDatabase, type Operation } from '../../src/protocols/mailbox/group-commit.ts'
import { Request, Response } from '../../src/protocols/mailbox/pb/mailbox.ts'
import { PREKEY_POLICY } from '../../src/protocols/ratchet/index.ts'
import { makeFrameVectors } from '../support/mailbox-vectors.ts'

const vectors = JSON.parse(readFileSync(new URL('../vectors/mailbox.json', import.meta.url), 'utf8'))
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const hex = (some: Uint8Array) => Buffer.from(some).toString('hex')

describe('known answers of docs/spec/mailbox.md', () => {
  test('are made again, byte for byte', () => {
    expect(makeFrameVectors()).toEqual(vectors.frames)
  })

  test('the tag', () => {
    expect(hex(tagOf(bytes(vectors.sealedBoxes.recipient.publicKey)))).toBe(vectors.frames.tag)
  })

  test.each([...vectors.frames.requests])('the request: $what', ({ what, bytes: encoded }) => {
    expect(decodeRequest(bytes(encoded)).kind).toBe(what)
    expect(hex(Request.encode(Request.decode(bytes(encoded))))).toBe(encoded)
  })

  test.each([...vectors.frames.responses])('the response: $what', ({ bytes: encoded }) => {
    expect(hex(Response.encode(decodeResponse(bytes(encoded))))).toBe(encoded)
  })
})

test('whatever bytes arrive, reading them gives a request or one error, and a response or another', () => {
  const genuine = vectors.frames.requests.map((request: { bytes: string }) => bytes(request.bytes)) as Uint8Array[]
  const damaged = fc
    .tuple(
      fc.constantFrom(...genuine),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 })
    )
    .map(([one, changes]) => {
      const copy = one.slice()
      for (const [at, value] of changes) copy[at % copy.length] = value
      return copy
    })
  const codeOf = (run: () => unknown) => {
    try {
      run()
    } catch (error) {
      return (error as { code?: string }).code
    }
    return undefined
  }
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), input => {
      expect([undefined, 'MAILBOX_REQUEST_MALFORMED']).toContain(codeOf(() => decodeRequest(input)))
      expect([undefined, 'MAILBOX_ANSWER_INVALID']).toContain(codeOf(() => decodeResponse(input)))
    }),
    { numRuns: 2_000 }
  )
})

test('a box can be opened whenever a mailbox gives it out', () => {
  const { rotateAfter, bundleLifetime, deleteAfter } = PREKEY_POLICY
  // sealed with the last bundle of a prekey at the end of its life, and fetched at the end of its own
  expect(rotateAfter + bundleLifetime + MAX_TTL).toBeLessThanOrEqual(deleteAfter)
  expect(RETENTION).toBeGreaterThanOrEqual(bundleLifetime + MAX_TTL)
  expect(MAX_TTL).toBeGreaterThan(0)
})

describe('group commit', () => {
  test('writes what came meanwhile together, synced, and fails those that it could not write', async () => {
    const batches: Array<{ operations: Operation[]; sync: boolean; done: PromiseWithResolvers<void> }> = []
    const database = {
      batch: (operations: Operation[], { sync }: { sync: boolean }) => {
        const done = Promise.withResolvers<void>()
        batches.push({ operations, sync, done })
        return done.promise
      }
    } as MailboxDatabase
    const commit = new GroupCommit(database)
    const put = (key: string): Operation => ({ type: 'put', key, value: new Uint8Array() })
    const writes = ['a', 'b', 'c'].map(key => commit.write([put(key)]))
    expect(batches.map(({ operations }) => operations.length)).toEqual([1])
    batches[0]!.done.resolve()
    await writes[0]
    await new Promise(resolve => setImmediate(resolve))
    expect(batches[1]!.operations.map(({ key }) => key)).toEqual(['b', 'c'])
    expect(batches.every(({ sync }) => sync)).toBe(true)
    batches[1]!.done.reject(new Error('no space left'))
    expect((await Promise.allSettled(writes)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected'
    ])
    const next = commit.write([put('d')])
    batches[2]!.done.resolve()
    await next
  })
})
