import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeEvidence, verifyEvidence } from '../../src/chain/evidence.ts'
import { parseNote, parseSignatures, verifyNote } from '../../src/chain/note.ts'
import { chainOf, encodeParams, localParams } from '../../src/chain/params.ts'
import { formatAddCheckpoint } from '../../src/chain/witness.ts'
import { crypto } from '../../src/crypto/index.ts'
import type { SessionStore } from '../../src/protocols/sessions/index.ts'
import { Witness, type WitnessInit } from '../../src/protocols/witness/witness.ts'
import { START } from '../support/chain-builder.ts'
import { ownerOf } from '../support/keys.ts'
import { durableStore, TestLog } from '../support/witness.ts'

const open = (store: SessionStore, init: Partial<WitnessInit> = {}) =>
  Witness.open({ store, crypto, name: 'witness.example', serves: () => true, ...init })

const add = (witness: Witness, log: TestLog, from: number, to: number, params = log.chain.encodedParams) =>
  witness.addCheckpoint(formatAddCheckpoint(from, log.proof(from, to), log.note(to)), params)

const isCosigned = (witness: Witness, log: TestLog, size: number, body: string | undefined) =>
  verifyNote({ text: log.text(size), signatures: parseSignatures(body ?? '') }, witness.key)

test('a log that grows is cosigned, step by step, and again', async () => {
  const { store, reopen } = await durableStore()
  const log = new TestLog()
  let witness = await open(store)
  let size = 0
  for (const next of [1, 2, 7, 7, 8, 64]) {
    const answer = await add(witness, log, size, next)
    expect(answer.status, String(next)).toBe('ok')
    expect(isCosigned(witness, log, next, answer.body)).toBe(true)
    size = next
  }
  const { body } = await witness.latest(log.chain.id)
  const note = parseNote(body!)
  expect(note.text).toBe(log.text(64))
  expect([verifyNote(note, log.key), verifyNote(note, witness.key)]).toEqual([true, true])
  // with the key and the memory of before
  const before = witness.key
  witness = await open(await reopen())
  expect(witness.key).toEqual(before)
  expect(witness.size).toBe(1)
  expect(await witness.latest(log.chain.id)).toEqual({ status: 'ok', body })
  expect(await add(witness, log, 0, 10)).toEqual({ status: 'conflict', body: '64\n' })
})

test('each thing that is wrong has the status of the specification, and leaves nothing behind', async () => {
  const { store } = await durableStore()
  const witness = await open(store, { serves: owner => owner[0] !== ownerOf(9).publicKey[0] })
  const log = new TestLog()
  await add(witness, log, 0, 5)
  const kept = await witness.latest(log.chain.id)
  const raw = (text: string, params = log.chain.encodedParams) => witness.addCheckpoint(text, params)
  const [stranger, other] = [new TestLog(9), new TestLog(2)]
  const good = formatAddCheckpoint(5, log.proof(5, 9), log.note(9))
  const list = encodeParams({ ...localParams(ownerOf(1).publicKey, START, 1), admission: 'list' })
  const cases: Array<[string, string, Promise<{ status: string; body?: string }>]> = [
    ['no request', 'malformed', raw('')],
    ['no old size', 'malformed', raw(good.replace('old 5\n', ''))],
    ['a size with a zero before it', 'malformed', raw(good.replace('old 5', 'old 05'))],
    ['64 lines of proof', 'malformed', raw(formatAddCheckpoint(5, Array(64).fill(new Uint8Array(32)), log.note(9)))],
    ['a line that is no hash', 'malformed', raw(good.replace('\n', '\nAAAA\n'))],
    ['no signature', 'malformed', raw(good.slice(0, good.lastIndexOf('—')))],
    ['a fourth line', 'malformed', raw(good.replace('=\n\n—', '=\nmore\n\n—'))],
    ['an old size above the new one', 'malformed', raw(formatAddCheckpoint(10, [], log.note(9)))],
    ['a chain that is not served', 'unknown', add(witness, stranger, 0, 5)],
    ['a chain whose owner is not known', 'unknown', add(witness, other, 0, 5, new Uint8Array())],
    ['parameters of another chain', 'unknown', add(witness, other, 0, 5, log.chain.encodedParams)],
    ['parameters of a chain of many writers', 'unknown', raw(good.replaceAll(log.origin, 'talos/x'), list)],
    ['parameters that are none', 'unknown', add(witness, other, 0, 5, new Uint8Array(99))],
    ['a signature by another key', 'forbidden', raw(formatAddCheckpoint(5, log.proof(5, 9), log.note(9, ownerOf(3))))],
    ['a smaller old size', 'conflict', add(witness, log, 4, 9)],
    ['a larger old size', 'conflict', add(witness, log, 6, 9)],
    ['a rollback', 'conflict', add(witness, log, 3, 4)],
    ['no proof', 'inconsistent', raw(formatAddCheckpoint(5, [], log.note(9)))],
    ['a proof for another step', 'inconsistent', raw(formatAddCheckpoint(5, log.proof(4, 9), log.note(9)))],
    [
      'a proof from nothing',
      'inconsistent',
      raw(formatAddCheckpoint(0, [new Uint8Array(32)], other.note(9)), other.chain.encodedParams)
    ]
  ]
  for (const [what, status, answer] of cases) {
    const { status: found, body } = await answer
    expect(found, what).toBe(status)
    expect(body, what).toBe(status === 'conflict' ? '5\n' : undefined)
  }
  expect(await witness.latest(log.chain.id)).toEqual(kept)
  expect(await witness.latest(other.chain.id)).toEqual({ status: 'unknown' })
  expect(witness.size).toBe(1)
  expect((await add(witness, log, 5, 9)).status).toBe('ok')
})

test('the race that the specification warns of: of two requests that begin at one size, one is cosigned', async () => {
  const { store } = await durableStore()
  const log = new TestLog()
  // A is checked first and is slow to be stored: B is checked before A is on disk
  let slow = Promise.resolve()
  const delayed: SessionStore = {
    transact: async work => {
      const result = await store.transact(work)
      await slow
      return result
    }
  }
  const witness = await open(delayed)
  await add(witness, log, 0, 10)
  const release = Promise.withResolvers<void>()
  slow = release.promise
  const [a, b] = [add(witness, log, 10, 20), add(witness, log, 10, 30)]
  release.resolve()
  expect([(await a).status, await b]).toEqual(['ok', { status: 'conflict', body: '20\n' }])
  expect((await add(witness, log, 20, 30)).status).toBe('ok')
  // and never back
  expect((await add(witness, log, 10, 20)).status).toBe('conflict')
})

test('nothing is signed that is not on disk', async () => {
  const { store } = await durableStore()
  const log = new TestLog()
  let isFull = false
  const failing: SessionStore = {
    transact: work =>
      store.transact(async transaction => {
        const result = await work(transaction)
        if (isFull) throw new Error('no space')
        return result
      })
  }
  const witness = await open(failing)
  await add(witness, log, 0, 10)
  isFull = true
  await expect(add(witness, log, 10, 20)).rejects.toThrow('no space')
  isFull = false
  expect(await add(witness, log, 20, 30)).toEqual({ status: 'conflict', body: '10\n' })
})

test('whatever is asked at once, in any order, a witness signs one root for a size, and sizes only grow', async () => {
  const step = fc.record({
    from: fc.nat({ max: 12 }),
    to: fc.nat({ max: 12 }),
    fork: fc.nat({ max: 1 }),
    isTogether: fc.boolean()
  })
  const { store } = await durableStore()
  let genesis = START
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async steps => {
      const logs = [new TestLog(1, 0, 5, ++genesis), new TestLog(1, 1, 5, genesis)]
      const witness = await open(store, { limits: { maxChainsPerOwner: 1_000 } })
      const roots = new Map<number, string>()
      let last = 0
      let running: Array<Promise<void>> = []
      for (const { from, to, fork, isTogether } of steps) {
        if (!isTogether) await Promise.all(running.splice(0))
        const log = logs[fork]!
        const note = log.note(to)
        const proof = from <= to ? log.proof(from, to) : []
        const body = formatAddCheckpoint(from, proof, note)
        const one = witness.addCheckpoint(body, log.chain.encodedParams).then(answer => {
          if (answer.status !== 'ok') return
          expect(isCosigned(witness, log, to, answer.body)).toBe(true)
          expect(to).toBeGreaterThanOrEqual(last)
          last = to
          expect(roots.get(to) ?? log.text(to)).toBe(log.text(to))
          roots.set(to, log.text(to))
        })
        running.push(one)
      }
      await Promise.all(running)
      running = []
      // what was signed belongs to one history
      const signed = [...roots].filter(([size]) => size > 5).map(([, text]) => text)
      for (const log of logs) {
        const own = [...roots].filter(([size, text]) => size > 5 && text === log.text(size)).length
        expect([0, signed.length]).toContain(own)
      }
    }),
    { numRuns: 60 }
  )
})

test('who signs two histories is caught, told so, and cosigned no more; nor after a restart', async () => {
  const { store, reopen } = await durableStore()
  const [log, fork] = [new TestLog(), new TestLog(1, 1)]
  const found: Uint8Array[] = []
  let witness = await open(store, { onEvidence: evidence => found.push(evidence) })
  await add(witness, log, 0, 9)
  // whatever old size it names
  const answer = await add(witness, fork, 5, 9)
  expect(answer).toMatchObject({ status: 'conflict', body: '9\n' })
  expect(verifyEvidence(answer.evidence!)).toMatchObject({ culprit: log.owner.publicKey, origin: log.origin, place: 9 })
  expect(found).toEqual([answer.evidence])
  for (const [again, from, to] of [
    [log, 9, 10],
    [fork, 9, 10],
    [fork, 9, 9]
  ] as const) {
    expect(await add(witness, again, from, to)).toEqual({ status: 'forbidden', evidence: answer.evidence })
  }
  witness = await open(await reopen())
  expect(await add(witness, log, 9, 10)).toEqual({ status: 'forbidden', evidence: answer.evidence })
  expect(await witness.latest(log.chain.id)).toMatchObject({ status: 'ok', evidence: answer.evidence })
  expect(found).toHaveLength(1)
  // another chain of the same owner is another matter
  expect((await add(witness, new TestLog(1, 0, 5, START + 1), 0, 3)).status).toBe('ok')
})

test('who goes on from a second history is caught by its own proof, where that says what it goes on from', async () => {
  const { store } = await durableStore()
  const found: Uint8Array[] = []
  const witness = await open(store, { onEvidence: evidence => found.push(evidence) })
  const log = new TestLog()
  const fork = new TestLog(1, 1)
  await add(witness, log, 0, 7)
  // a proof that does not lead to what was signed shows nothing, and neither does one from another size
  const wrong = formatAddCheckpoint(7, log.proof(7, 11), fork.note(12))
  expect(await witness.addCheckpoint(wrong, log.chain.encodedParams)).toEqual({ status: 'inconsistent' })
  expect(await add(witness, fork, 6, 12)).toEqual({ status: 'conflict', body: '7\n' })
  expect((await add(witness, log, 7, 8)).status).toBe('ok')
  // from 8, a complete subtree, a proof leaves out what it begins with
  expect(await add(witness, fork, 8, 12)).toEqual({ status: 'inconsistent' })
  expect((await add(witness, log, 8, 9)).status).toBe('ok')
  expect(found).toEqual([])
  const { status, evidence } = await add(witness, fork, 9, 12)
  expect(status).toBe('inconsistent')
  expect(verifyEvidence(evidence!)).toMatchObject({
    what: 'histories',
    culprit: log.owner.publicKey,
    origin: log.origin,
    place: 9
  })
  expect(found).toEqual([evidence])
  expect(await add(witness, log, 9, 10)).toEqual({ status: 'forbidden', evidence })
  // another witness of the chain takes it from this one
  const other = await open((await durableStore()).store)
  await add(other, log, 0, 5)
  expect(await other.learn(evidence!)).toBe(true)
})

test('what another witness has found is learned of a chain that is known, if it convicts its owner', async () => {
  const { store, reopen } = await durableStore()
  const [log, fork] = [new TestLog(), new TestLog(1, 1)]
  const pairOf = (one: TestLog, other: TestLog) =>
    encodeEvidence({ what: 'checkpoints', key: one.key, pair: [one.note(9), other.note(9)] })
  const evidence = pairOf(log, fork)
  let witness = await open(store)
  expect(await witness.learn(evidence)).toBe(false)
  await add(witness, log, 0, 7)
  // two states that a stranger signed under the name of this chain
  const eve = ownerOf(9)
  const key = { ...log.key, publicKey: eve.publicKey }
  const pair = [log.note(9, eve), fork.note(9, eve)] as const
  expect(await witness.learn(encodeEvidence({ what: 'checkpoints', key, pair }))).toBe(false)
  await expect(witness.learn(evidence.subarray(1))).rejects.toMatchObject({ code: 'CHAIN_EVIDENCE_INVALID' })
  expect(await witness.someEvidence(16)).toEqual([])
  expect((await add(witness, log, 7, 8)).status).toBe('ok')
  expect(await witness.learn(evidence)).toBe(true)
  expect(await witness.learn(evidence)).toBe(false)
  witness = await open(await reopen())
  expect(await add(witness, log, 8, 9)).toEqual({ status: 'forbidden', evidence })
  expect(await witness.someEvidence(16)).toEqual([evidence])
})

test('a witness remembers so many chains, and so many of one owner', async () => {
  const { store } = await durableStore()
  const witness = await open(store, { limits: { maxChains: 5, maxChainsPerOwner: 2 } })
  const statusOf = async (seed: number, genesis: number) =>
    (await add(witness, new TestLog(seed, 0, 5, START + genesis), 0, 1)).status
  expect([await statusOf(1, 0), await statusOf(1, 1), await statusOf(1, 2)]).toEqual(['ok', 'ok', 'full'])
  expect([await statusOf(2, 0), await statusOf(3, 0), await statusOf(4, 0), await statusOf(5, 0)]).toEqual([
    'ok',
    'ok',
    'ok',
    'full'
  ])
  // what it knows it goes on with
  expect((await add(witness, new TestLog(1, 0, 5, START), 1, 9)).status).toBe('ok')
  expect(chainOf(localParams(ownerOf(1).publicKey, START, 1)).id).toEqual(new TestLog().chain.id)
})

test('a clock that was set back makes no cosignature older', async () => {
  const { store } = await durableStore()
  const log = new TestLog()
  let now = 5_000_000
  const witness = await open(store, { now: () => now })
  const timeOf = ({ body }: { body?: string }) => Buffer.from(parseSignatures(body!)[0]!.signature).readBigUInt64BE(0)
  expect(timeOf(await add(witness, log, 0, 1))).toBe(5_000n)
  now = 1_000
  expect(timeOf(await add(witness, log, 1, 2))).toBe(5_000n)
})
