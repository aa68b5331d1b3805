import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareBytes, toHex } from '../../src/chain/bytes.ts'
import { chainOf, localParams } from '../../src/chain/params.ts'
import { recordId } from '../../src/chain/record.ts'
import { signRecord } from '../../src/chain/record-signature.ts'
import type { ForkNode } from '../../src/chain/shared/fork-tree.ts'
import { MEMPOOL_LIMITS } from '../../src/chain/shared/mempool.ts'
import { readNetwork } from '../../src/chain/shared/network-file.ts'
import { SharedChain } from '../../src/chain/shared/shared-chain.ts'
import { ChainState } from '../../src/chain/validation/state.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { ownerOf } from '../support/keys.ts'

const authors = [ownerOf(1), ownerOf(2), ownerOf(3)]
const chain = chainOf({
  ...localParams(authors[0]!.publicKey, START, 0),
  name: 'shared',
  admission: 'list',
  keys: authors.map(({ publicKey }) => publicKey).sort(Buffer.compare),
  spacing: 1_000
})
const node = (init: Partial<ConstructorParameters<typeof SharedChain>[0]> = {}) =>
  new SharedChain({ chain, now: () => START + 1e9, ...init })

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

const recordsIn = (tip: ForkNode): Set<string> => {
  const ids = new Set<string>()
  for (let at: ForkNode | undefined = tip; at !== undefined; at = at.parent)
    for (const { id } of at.entries) ids.add(toHex(id))
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
          const shared = node()
          const accepted = new Set<string>()
          for (const [author, at] of offers) {
            const record = streams[author]![at]!
            if (shared.offer(record, signatureOf(author, record)) === 'accepted') accepted.add(toHex(recordId(record)))
          }
          for (const { block } of shuffled) {
            await shared.accept(block)
            for (const id of recordsIn(shared.tip)) accepted.add(id)
            const present = recordsIn(shared.tip)
            const lost = [...accepted].filter(id => !present.has(id) && !shared.mempool.has(Buffer.from(id, 'hex')))
            expect(lost).toEqual([])
          }
          expect(toHex(shared.tip.hash)).toBe(toHex(best.hash))
          expect(shared.tip.work).toBe(BigInt(best.height) * (shared.tip.work / BigInt(shared.tip.height)))
        }
      }
    ),
    { numRuns: 60 }
  )
})

test('a longer chain with the same genesis takes over whole, whatever was there before (fault 2)', async () => {
  const shared = node()
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

test('a reorganisation is one change, or none when it cannot be written, and a deep one needs consent', async () => {
  const a1 = await extend(undefined, 0, 1, 1)
  const b1 = await extend(undefined, 1, 1, 2)
  const b2 = await extend(b1, 1, 1, 2)
  let isBroken = false
  const changes: string[] = []
  const shared = node({
    commit: async ({ disconnect, connect }) => {
      if (isBroken) throw new Error('the disk')
      changes.push(`-${disconnect.length} +${connect.length}`)
    }
  })
  await shared.accept(a1.block)
  isBroken = true
  await shared.accept(b1.block).catch(() => {})
  await expect(shared.accept(b2.block)).rejects.toThrow('the disk')
  expect(shared.tip.height).toBe(1)
  isBroken = false
  expect((await shared.accept(b2.block)).state).toBe('accepted')
  expect([shared.tip.height, changes]).toEqual([2, ['-0 +1', '-1 +2']])
  expect(shared.mempool.has(recordId(streams[0]![0]!))).toBe(true)

  for (const [isAllowed, wanted] of [
    [false, ['too-deep', 1]],
    [true, ['accepted', 2]]
  ] as const) {
    const careful = node({ maxReorganisation: 0, consent: async () => isAllowed })
    await careful.accept(a1.block)
    await careful.accept(b1.block)
    const { state } = await careful.accept(b2.block)
    expect([state, careful.tip.height]).toEqual(wanted)
  }
})

test('what is not worth it is refused: rubbish, no work, orphans of no work, records of strangers', async () => {
  const shared = node()
  const good = await extend(undefined, 0, 2, 1)
  expect((await shared.accept(new Uint8Array(9))).state).toBe('invalid')
  expect((await shared.accept(good.block.slice(0, 300))).state).toBe('invalid')
  expect((await shared.accept(good.block)).state).toBe('accepted')
  expect((await shared.accept(good.block)).state).toBe('known')
  const hard = new SharedChain({
    chain: chainOf({ ...chain.params, bits: localParams(authors[0]!.publicKey, 0, 8).bits }),
    now: () => START + 1e9
  })
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

test('one author cannot fill the mempool', () => {
  const shared = node()
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
