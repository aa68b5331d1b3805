import { expect, test } from 'vitest'
import { type LocalChain, pruneLocal, verifyLocal } from '../../src/chain/index.ts'
import { KEYS } from '../../src/chain/local/store.ts'
import { chainOf } from '../../src/chain/params.ts'
import { SegmentCutter } from '../../src/chain/validation/parallel.ts'
import { checkInThreads } from '../../src/chain/validation/segment-threads.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { ownerOf } from '../support/keys.ts'
import { localChain } from '../support/local-chain.ts'

const BLOCKS = 270
const PRUNED = 100

/** The same but for who did it and how long it took. */
function verdictOf({ duration: _, threads: __, layers, ...report }: Awaited<ReturnType<typeof verifyLocal>>) {
  return { ...report, layers: Object.values(layers).map(({ state }) => state) }
}

const verify = async (chain: LocalChain, threads: number) =>
  verdictOf(await verifyLocal(chain, { contents: true, threads }))

test('threads come to the verdict of one over what is on disk: pruned, changed, missing, and what is kept of records', {
  timeout: 300_000
}, async () => {
  const agent = await localChain({ difficulty: 1 })
  await agent.fill(2 * BLOCKS, 2)
  const { chain, store } = agent
  const report = await verifyLocal(chain, { contents: true, threads: 2 })
  expect(report).toMatchObject({
    valid: true,
    threads: 2,
    from: 1,
    to: BLOCKS,
    blocks: BLOCKS,
    counts: { records: 2 * BLOCKS, signatures: BLOCKS, commitments: 2 * BLOCKS }
  })
  expect(verdictOf(report)).toEqual(await verify(chain, 0))
  await pruneLocal(chain, PRUNED + 1)
  const pruned = await verify(chain, 2)
  expect(pruned).toMatchObject({ valid: true, headersOnly: PRUNED, counts: { commitments: 2 * (BLOCKS - PRUNED) } })
  expect(pruned).toEqual(await verify(chain, 0))

  const firstOf = (height: number) => 2 * height - 1
  for (const [key, at, codes] of [
    // a header that was pruned, in the first segment and after it; one in sixteen changed headers has enough work by chance
    [KEYS.block(10), 100, [300, 203]],
    [KEYS.block(PRUNED), 200, [203]],
    // records, at the edges of segments
    [KEYS.body(firstOf(128)), 60, [202]],
    [KEYS.body(firstOf(129)), 60, [202]],
    [KEYS.body(firstOf(BLOCKS)), 2, [104]],
    // what is kept of them
    [KEYS.group(firstOf(150)), -1, [204]]
  ] as Array<[string, number, number[]]>) {
    const before = (await store.transact(transaction => transaction.get(key)))!.slice()
    const changed = before.slice()
    const index = at < 0 ? changed.length + at : at
    changed[index]! ^= 1
    await store.transact(async transaction => transaction.put(key, changed))
    const one = await verify(chain, 0)
    expect(one.valid, key).toBe(false)
    if (codes[0] !== 104) expect(codes, key).toContain(one.errors[0]!.code)
    expect(await verify(chain, 2), key).toEqual(one)
    await store.transact(async transaction => transaction.put(key, before))
  }
  await store.transact(async transaction => transaction.delete(KEYS.block(200)))
  expect(await verify(chain, 2)).toMatchObject({ valid: false, to: 199, errors: [{ code: 101, height: 200 }] })

  // given up: at once, and with nothing left of it
  const controller = new AbortController()
  const stopped = verifyLocal(chain, {
    contents: true,
    threads: 2,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('enough'))
  })
  await expect(stopped).rejects.toThrow('enough')
})

test('a thread that ends before its work ends the check, whatever waits for it', async () => {
  const builder = new ChainBuilder()
  for (let i = 0; i < 4; i++) await builder.add({ count: 1 })
  const cutter = new SegmentCutter(builder.chain, { level: 'STRICT', now: START + 1e9 })
  const segments = builder.blocks.map(block => cutter.cut([block])!)
  // no parameters: the thread cannot even begin
  segments[1]!.job.params = new Uint8Array()
  const seen: boolean[] = []
  const checking = (async () => {
    for await (const { result } of checkInThreads(segments, 1)) seen.push(result.report.valid)
  })()
  await expect(checking).rejects.toMatchObject({ code: 'CHAIN_THREAD_FAILED' })
  expect(seen).toEqual([true])
})

test('of many signatures of records the first that is wrong is named, and all that are right are counted', async () => {
  const { params } = new ChainBuilder().chain
  const builder = new ChainBuilder(chainOf({ ...params, name: 'many', admission: 'open', keys: [], spacing: 1_000 }))
  for (const count of [1, 3, 4, 200]) {
    const good = await builder.validate(builder.block({ count }))
    expect([good.valid, good.counts.signatures]).toEqual([true, count + 1])
    for (const at of new Set([0, Math.floor(count / 2), count - 1])) {
      let index = 0
      const bad = builder.block({ count, sign: signature => (index++ === at ? new Uint8Array(64) : signature) })
      const { errors } = await builder.validate(bad)
      expect(errors).toMatchObject([{ violation: 'SIGNATURE_INVALID', record: at }])
    }
    const foreign = builder.block({ count, sign: () => ownerOf(2).sign(new Uint8Array(32)) })
    expect((await builder.validate(foreign)).errors).toMatchObject([{ violation: 'SIGNATURE_INVALID', record: 0 }])
  }
})
