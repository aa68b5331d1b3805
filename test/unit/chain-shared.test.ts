import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBody, decodeHeader, SIGNED_HEADER_LENGTH } from '../../src/chain/block.ts'
import { compareBytes, toHex } from '../../src/chain/bytes.ts'
import { encodeClaim } from '../../src/chain/claim.ts'
import { chainOf, localParams } from '../../src/chain/params.ts'
import { EXTENSION, encodeRecord, KIND, recordId } from '../../src/chain/record.ts'
import { signRecord } from '../../src/chain/record-signature.ts'
import { type Conflict, MEMPOOL_LIMITS } from '../../src/chain/shared/mempool.ts'
import { migrate, SCHEMA_VERSION } from '../../src/chain/shared/migrate.ts'
import { readNetwork } from '../../src/chain/shared/network-file.ts'
import { SharedChain, type SharedChainInit } from '../../src/chain/shared/shared-chain.ts'
import { hashLeaf, MerkleTree } from '../../src/chain/tree.ts'
import { ChainState } from '../../src/chain/validation/state.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { ownerOf } from '../support/keys.ts'
import { MemoryStore } from '../support/memory-store.ts'

const authors = [ownerOf(1), ownerOf(2), ownerOf(3)]
const chain = chainOf({
  ...localParams(authors[0]!.publicKey, START, 0),
  name: 'shared',
  admission: 'list',
  keys: authors.map(({ publicKey }) => publicKey).sort(Buffer.compare),
  spacing: 1_000
})
const node = (init: Partial<SharedChainInit> = {}) =>
  SharedChain.open({ chain, store: new MemoryStore(), now: () => START + 1e9, ...init })

/** Records of each author, one stream each: what all branches have in common. */
const source = new ChainBuilder(chain)
const streams = authors.map((author, at) => source.records(40, author, {}, at + 1))
const signatureOf = (author: number, record: Uint8Array) => signRecord(authors[author]!, chain.id, recordId(record))

interface Branch {
  block: Uint8Array
  state: ReturnType<ChainState['point']>
}
/** A block after `parent` with the next `count` records of an author. */
async function extend(parent: Branch | undefined, author: number, count: number, time: number): Promise<Branch> {
  const builder = new ChainBuilder(chain, authors[author]!)
  if (parent !== undefined) builder.state = new ChainState(chain, parent.state)
  const head = builder.state.headOf(authors[author]!.publicKey, author + 1)?.sequence ?? 0
  const records = streams[author]!.slice(head, head + count)
  const block = builder.block({
    records,
    author: authors[author]!,
    header: { time: START + 1_000 * builder.state.height + time }
  })
  const { block: checked, errors } = await builder.validate(block)
  if (checked === undefined) throw new Error(JSON.stringify(errors))
  builder.state.advance(checked)
  return { block, state: builder.state.point() }
}

/** Ids of all records of the chain, each of which is found by its id. */
const recordsIn = (shared: SharedChain): Set<string> => {
  const ids = new Set<string>()
  for (let height = 1; height <= shared.tip.height; height++) {
    const block = shared.block(shared.tree.hashAt(height)!)!
    for (const { record } of decodeBody(block.subarray(SIGNED_HEADER_LENGTH), decodeHeader(block))) {
      const id = recordId(record)
      expect(shared.record(id)?.node.height).toBe(height)
      ids.add(toHex(id))
    }
  }
  return ids
}

const dag = fc.array(
  fc.record({
    parent: fc.nat(),
    author: fc.nat(2),
    count: fc.integer({ min: 1, max: 3 }),
    time: fc.integer({ min: 1, max: 500 })
  }),
  { minLength: 1, maxLength: 14 }
)

test('random trees of blocks end at one tip in every order of arrival, and chain and mempool together lose no record (fault 16)', async () => {
  await fc.assert(
    fc.asyncProperty(
      dag,
      fc.infiniteStream(fc.nat()),
      fc.array(fc.tuple(fc.nat(2), fc.nat(12))),
      async (plan, order, offers) => {
        const made: Branch[] = []
        for (const { parent, author, count, time } of plan) {
          made.push(await extend(made[parent % (made.length + 1)], author, count, time))
        }
        const best = made
          .map(({ state }) => state)
          .sort((a, b) => b.height - a.height || compareBytes(a.hash, b.hash))[0]!
        for (let round = 0; round < 3; round++) {
          const shuffled = made.map(({ block }) => ({ block, at: order.next().value })).sort((a, b) => a.at - b.at)
          const store = new MemoryStore()
          let shared = await node({ store })
          const accepted = new Set<string>()
          for (const [author, at] of offers) {
            const record = streams[author]![at]!
            if (shared.offer(record, signatureOf(author, record)) === 'accepted') accepted.add(toHex(recordId(record)))
          }
          await shared.written()
          for (const { block, at } of shuffled) {
            await shared.accept(block)
            // what is on disk is all there is
            if (round > 0 && at % 3 === 0) shared = await node({ store })
            const present = recordsIn(shared)
            for (const id of present) accepted.add(id)
            const lost = [...accepted].filter(id => !present.has(id) && !shared.mempool.has(Buffer.from(id, 'hex')))
            expect(lost).toEqual([])
          }
          // orphans are not kept on disk
          if (round > 0) for (const { block } of shuffled.concat(shuffled)) await shared.accept(block)
          expect(toHex(shared.tip.hash)).toBe(toHex(best.hash))
          const again = await node({ store })
          expect(again.tip).toEqual(shared.tip)
          expect(again.mempool.page(new Uint8Array(), 1e4, 1e9)).toEqual(
            shared.mempool.page(new Uint8Array(), 1e4, 1e9)
          )
          expect(shared.tip.work).toBe(BigInt(best.height) * (shared.tip.work / BigInt(shared.tip.height)))
        }
      }
    ),
    { numRuns: 60 }
  )
})

test('a longer chain with the same genesis takes over whole, whatever was there before (fault 2)', async () => {
  const shared = await node()
  let [short, long]: [Branch | undefined, Branch | undefined] = [undefined, undefined]
  for (let i = 0; i < 5; i++) {
    short = await extend(short, 0, 1, 7)
    await shared.accept(short.block)
  }
  const blocks: Uint8Array[] = []
  for (let i = 0; i < 15; i++) {
    long = await extend(long, 1, 1, 3)
    blocks.push(long.block)
  }
  for (const block of blocks) await shared.accept(block)
  expect(toHex(shared.tip.hash)).toBe(toHex(long!.state.hash))
  expect([shared.tip.height, shared.mempool.size]).toEqual([15, 5])
})

test('a reorganisation is one write, or none when it cannot be written, and a deep one needs consent', async () => {
  const a1 = await extend(undefined, 0, 1, 1)
  const b1 = await extend(undefined, 1, 1, 2)
  const b2 = await extend(b1, 1, 1, 2)
  const changes: string[] = []
  const store = new MemoryStore()
  const shared = await node({
    store,
    onChange: ({ disconnect, connect }) => changes.push(`-${disconnect.length} +${connect.length}`)
  })
  const [best, other] = compareBytes(a1.state.hash, b1.state.hash) < 0 ? [a1, b1] : [b1, a1]
  await shared.accept(best.block)
  await shared.accept(other.block)
  const before = structuredClone(store.values)
  const record = streams[2]![0]!
  store.isBroken = true
  shared.offer(record, signatureOf(2, record))
  await expect(shared.written()).rejects.toThrow('the disk')
  expect(shared.mempool.size).toBe(0)
  shared.offer(record, signatureOf(2, record))
  const third = best === a1 ? b2 : await extend(a1, 0, 1, 2)
  await expect(shared.accept(third.block)).rejects.toThrow('the disk')
  expect([shared.tip.height, toHex(shared.tip.hash), shared.mempool.size]).toEqual([1, toHex(best.state.hash), 0])
  expect(store.values).toEqual(before)
  store.isBroken = false
  const writes = store.writes
  expect((await shared.accept(third.block)).state).toBe('accepted')
  expect([shared.tip.height, store.writes - writes]).toEqual([2, 1])
  expect(changes).toEqual(['-0 +1', '-1 +2'])
  expect(shared.mempool.has(recordId(streams[best === a1 ? 0 : 1]![0]!))).toBe(true)

  const deep = async () => {
    const careful = await node({ maxReorganisation: 0 })
    let [short, long] = [await extend(undefined, 0, 1, 1), await extend(undefined, 1, 1, 1)]
    if (compareBytes(short.state.hash, long.state.hash) > 0) [short, long] = [long, short]
    await careful.accept(short.block)
    return { careful, long, longer: await extend(long, long.state.heads[0]!.stream - 1, 1, 1) }
  }
  const { careful, long, longer } = await deep()
  expect((await careful.accept(long.block)).state).toBe('too-deep')
  expect((await careful.accept(longer.block)).state).toBe('orphan')
  await careful.consent(long.state.hash)
  expect((await careful.accept(long.block)).state).toBe('accepted')
  expect([careful.tip.height, careful.deep]).toEqual([2, undefined])
})

test('a branch that was kept before it became too deep is told of, and followed when the operator consents', async () => {
  const store = new MemoryStore()
  const shared = await node({ store, maxReorganisation: 1 })
  const a: Branch[] = []
  const b: Branch[] = []
  for (let i = 0; i < 3; i++) a.push(await extend(a[i - 1], 0, 1, 1))
  for (let i = 0; i < 5; i++) b.push(await extend(b[i - 1], 1, 1, 2))
  await shared.accept(a[0]!.block)
  await shared.accept(b[0]!.block)
  await shared.accept(a[1]!.block)
  await shared.accept(a[2]!.block)
  expect((await shared.accept(b[1]!.block)).state).toBe('too-deep')
  expect(shared.mayReorganise({ first: b[0]!.state.hash, fork: 0, depth: 3, height: 5 })).toBe(false)
  expect(shared.deep).toMatchObject({ fork: 0, depth: 3, height: 5 })
  await shared.consent(shared.deep!.first)
  const again = await node({ store, maxReorganisation: 1 })
  const verdicts = await again.acceptAll(b.slice(1).map(({ block }) => block))
  expect(verdicts.map(({ state }) => state)).toEqual(['accepted', 'accepted', 'accepted', 'accepted'])
  expect([again.tip.height, again.mempool.size]).toEqual([5, 3])
})

test('headers after a locator, and a locator that is short however long the chain', async () => {
  const shared = await node()
  let at: Branch | undefined
  for (let i = 0; i < 40; i++) {
    at = await extend(at, i % 3, 1, 1)
    await shared.accept(at.block)
  }
  const locator = shared.locator()
  expect(locator.map(hash => shared.tree.node(hash)!.height)).toEqual([
    40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 29, 25, 17, 1, 0
  ])
  const { height, headers } = shared.headersAfter([new Uint8Array(32), shared.tree.hashAt(5)!, chain.genesisHash], 10)!
  expect([height, headers.length]).toEqual([6, 10 * SIGNED_HEADER_LENGTH])
  expect(headers.subarray(0, 228)).toEqual(shared.tree.at(6)!.signedHeader)
  expect(shared.headersAfter([new Uint8Array(32)], 10)).toBeUndefined()
  expect(shared.headersAfter(locator, 10)!.headers).toHaveLength(0)
})

test('what an author claims of its own chain shows that it only grows; a block with another claim is not valid', async () => {
  const own = new MerkleTree(Array.from({ length: 9 }, (_, i) => hashLeaf(Uint8Array.of(i))))
  const fork = new MerkleTree(Array.from({ length: 9 }, (_, i) => hashLeaf(Uint8Array.of(i === 2 ? 99 : i))))
  const claimed = chainOf({ ...chain.params, kinds: ['CHECKPOINT'] })
  const claim = (tree: MerkleTree, previousSize: number, size: number) =>
    encodeClaim({
      chain: new Uint8Array(32).fill(3),
      size,
      root: tree.root(size),
      previousSize,
      path: tree.consistencyPath(previousSize, size)
    })
  const shared = await node({ chain: claimed })
  let head: { sequence: number; id: Uint8Array } = { sequence: 0, id: new Uint8Array(32) }
  const make = (value: Uint8Array | undefined) => {
    const record = encodeRecord({
      kind: KIND.CHECKPOINT,
      author: authors[0]!.publicKey,
      stream: 1,
      sequence: head.sequence + 1,
      previous: head.id,
      time: START,
      commitment: new Uint8Array(32),
      extensions: value === undefined ? [] : [{ type: EXTENSION.CHECKPOINT, value }]
    })
    return { record, signature: signRecord(authors[0]!, claimed.id, recordId(record)) }
  }
  const offer = (value: Uint8Array | undefined, mayFollow = true) => {
    const { record, signature } = make(value)
    const verdict = shared.offer(record, signature)
    if (verdict === 'accepted' && mayFollow) head = { sequence: head.sequence + 1, id: recordId(record) }
    return verdict
  }
  const builder = new ChainBuilder(claimed, authors[0])
  const add = async (records: Uint8Array[]) => {
    const block = builder.block({ records, author: authors[0]! })
    const verdict = await shared.accept(block)
    if (verdict.state === 'accepted') builder.state.advance((await builder.validate(block)).block!)
    return verdict
  }
  for (const wrong of [undefined, new Uint8Array(79), new Uint8Array(80), claim(own, 3, 7).subarray(0, -32)]) {
    expect(offer(wrong)).toBe('invalid')
  }
  const first = make(claim(own, 0, 3)).record
  expect(offer(claim(own, 0, 3))).toBe('accepted')
  expect(shared.mempool.pick(10, 1e6)).toHaveLength(1)
  expect((await add([first])).state).toBe('accepted')
  for (const other of [claim(own, 0, 5), claim(fork, 3, 7), claim(own, 2, 7)]) {
    expect(await add([make(other).record])).toMatchObject({
      state: 'invalid',
      errors: [{ violation: 'EQUIVOCATION', layer: 'semantic' }]
    })
  }
  // waits, and is never put into a block
  expect(offer(claim(fork, 3, 7), false)).toBe('accepted')
  expect(shared.mempool.pick(10, 1e6)).toEqual([])
  const [second, third] = [make(claim(own, 3, 7)).record, claim(own, 7, 9)]
  head = { sequence: 2, id: recordId(second) }
  expect((await add([second, make(third).record])).state).toBe('accepted')
})

test('two records that an author signed for one place are told of, with both signatures', async () => {
  const conflicts: Conflict[] = []
  const shared = await node({ onConflict: conflict => conflicts.push(conflict) })
  const twin = (changes: object) => source.records(1, authors[1], changes, 2)[0]!
  const good = streams[1]![0]!
  expect(shared.offer(good, signatureOf(1, good))).toBe('accepted')
  expect(shared.offer(twin({ time: 1 }), signatureOf(0, twin({ time: 1 })))).toBe('invalid')
  expect(conflicts).toEqual([])
  expect(shared.offer(twin({ time: 1 }), signatureOf(1, twin({ time: 1 })))).toBe('conflict')
  await shared.accept((await extend(undefined, 1, 2, 1)).block)
  expect(shared.offer(twin({ time: 2 }), signatureOf(1, twin({ time: 2 })))).toBe('passed')
  expect(conflicts.map(({ known, offered }) => [known.id, offered.record.time])).toEqual([
    [recordId(good), 1],
    [recordId(good), 2]
  ])
  const frozen = await node({ isBarred: () => true })
  expect(frozen.offer(good, signatureOf(1, good))).toBe('barred')
})

test('what is not worth it is refused: rubbish, no work, orphans of no work, records of strangers', async () => {
  const shared = await node()
  const good = await extend(undefined, 0, 2, 1)
  expect((await shared.accept(new Uint8Array(9))).state).toBe('invalid')
  expect((await shared.accept(good.block.slice(0, 300))).state).toBe('invalid')
  expect((await shared.accept(good.block)).state).toBe('accepted')
  expect((await shared.accept(good.block)).state).toBe('known')
  const hard = await node({ chain: chainOf({ ...chain.params, bits: localParams(authors[0]!.publicKey, 0, 8).bits }) })
  expect((await hard.accept(good.block)).state).toBe('invalid')

  const [first, second] = [streams[1]![0]!, streams[1]![1]!]
  expect(shared.offer(second, signatureOf(1, second))).toBe('accepted')
  expect(shared.mempool.pick(10, 1e6)).toEqual([])
  expect(shared.offer(first, signatureOf(1, first))).toBe('accepted')
  expect(shared.offer(first, signatureOf(1, first))).toBe('known')
  expect(shared.mempool.pick(10, 1e6).map(({ record }) => record.sequence)).toEqual([1, 2])
  expect(shared.mempool.pick(1, 1e6)).toHaveLength(1)
  expect(shared.mempool.pick(10, 200)).toHaveLength(1)
  expect(shared.offer(streams[0]![0]!, signatureOf(0, streams[0]![0]!))).toBe('passed')
  expect(shared.offer(streams[2]![0]!, signatureOf(1, streams[2]![0]!))).toBe('invalid')
  const stranger = source.records(1, ownerOf(9))[0]!
  expect(shared.offer(stranger, signRecord(ownerOf(9), chain.id, recordId(stranger)))).toBe('invalid')
  const twin = source.records(1, authors[1], { time: 1 }, 2)[0]!
  expect(shared.offer(twin, signatureOf(1, twin))).toBe('conflict')
  const far = source.records(1, authors[2], { sequence: MEMPOOL_LIMITS.ahead + 1 }, 3)[0]!
  expect(shared.offer(far, signatureOf(2, far))).toBe('ahead')
  shared.mempool.prune(START + 1e9 + MEMPOOL_LIMITS.age + 1)
  expect([shared.mempool.size, shared.mempool.bytes]).toEqual([0, 0])
})

test('one author cannot fill the mempool', async () => {
  const shared = await node()
  let accepted = 0
  for (let stream = 100; stream < 108; stream++) {
    for (const record of source.records(50, authors[0], {}, stream)) {
      if (shared.offer(record, signatureOf(0, record)) === 'accepted') accepted++
    }
  }
  expect(accepted).toBe(MEMPOOL_LIMITS.ofAuthor)
})

test('the same network file, in whatever order, is the same chain; a wrong one is refused with its reason', () => {
  const [a, b] = authors.map(({ publicKey }) => toHex(publicKey))
  const one = readNetwork(
    `name: team\ngenesis: 2026-11-24T00:00:00Z\nwriters: ["${a}", "${b}"]\nkinds: [IDENTITY, CHECKPOINT]\n`
  )
  const two = readNetwork(
    `kinds: [CHECKPOINT, IDENTITY]\nwriters:\n  - "${b}"\n  - "${a}"\ngenesis: "2026-11-24T00:00:00.000Z"\nname: team\n`
  )
  expect(chainOf(one).genesis).toEqual(chainOf(two).genesis)
  expect(one).toMatchObject({ admission: 'list', spacing: 5_000 })
  expect(readNetwork('name: all\ngenesis: 2026-11-24T00:00:00Z\n').admission).toBe('open')
  for (const wrong of [
    'name: x',
    'a: [',
    `name: x\ngenesis: yesterday`,
    `name: x\ngenesis: 2026-11-24T00:00:00Z\nwriters: [abc]`,
    `name: x\ngenesis: 2026-11-24T00:00:00Z\nextra: 1`
  ]) {
    expect(() => readNetwork(wrong)).toThrow(expect.objectContaining({ code: 'CHAIN_NETWORK_INVALID' }))
  }
})

test('an older layout is brought up to date step by step, each whole or not at all; a newer one, or another network, is left alone', async () => {
  const store = new MemoryStore()
  await node({ store })
  expect(store.get('V')).toEqual(Uint8Array.of(SCHEMA_VERSION))
  await migrate(
    store,
    { 1: async () => new Map([['x', Uint8Array.of(1)]]), 2: async () => new Map([['x', undefined]]) },
    3
  )
  expect([store.get('V'), store.get('x')]).toEqual([Uint8Array.of(3), undefined])
  await expect(node({ store })).rejects.toThrow(expect.objectContaining({ code: 'CHAIN_STORE_NEWER' }))
  const other = new MemoryStore()
  await node({ store: other })
  await expect(node({ store: other, chain: chainOf({ ...chain.params, name: 'other' }) })).rejects.toThrow(
    expect.objectContaining({ code: 'CHAIN_OTHER_NETWORK' })
  )
})
