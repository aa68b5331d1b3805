import { performance } from 'node:perf_hooks'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  blockHash,
  decodeBody,
  decodeHeader,
  encodeHeader,
  SIGNED_HEADER_LENGTH,
  sealBlock
} from '../../src/chain/block.ts'
import { concatBytes, toHex } from '../../src/chain/bytes.ts'
import { LightChain } from '../../src/chain/light/light-chain.ts'
import { searchNonce } from '../../src/chain/miner.ts'
import { type Chain, chainOf, localParams } from '../../src/chain/params.ts'
import { decodeProof, encodeProof, type RecordProof } from '../../src/chain/proof.ts'
import { recordId } from '../../src/chain/record.ts'
import { KEYS } from '../../src/chain/shared/store.ts'
import {
  foldNodes,
  hashLeaf,
  hashNode,
  inclusionRanges,
  MerkleTree,
  merkleRoot,
  nodesOf,
  verifyInclusion
} from '../../src/chain/tree.ts'
import { bitsOfDifficulty } from '../../src/chain/work.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { ownerOf } from '../support/keys.ts'
import { MemoryStore } from '../support/memory-store.ts'

const miner = ownerOf(1)
/** Two keys may write, and a block takes sixteen hashes. */
const shared = (admission: 'open' | 'list' = 'list'): Chain =>
  chainOf({
    ...localParams(miner.publicKey, START, 1),
    name: 'shared',
    admission,
    keys: admission === 'open' ? [] : [miner.publicKey, ownerOf(2).publicKey].sort((a, b) => Buffer.compare(a, b)),
    spacing: 5_000
  })

const headerOf = (block: Uint8Array) => block.slice(0, SIGNED_HEADER_LENGTH)
const open = (chain: Chain, store = new MemoryStore()) => LightChain.open({ chain, store, now: () => START + 1e9 })

/** A chain of `blocks`, with a record or more in each; those of another `seed` differ from `fork` on. */
async function chainOfBlocks(chain: Chain, blocks: number, { fork = 0, each = 1 } = {}) {
  const builder = new ChainBuilder(chain, miner)
  for (let height = 1; height <= blocks; height++) await builder.add({ count: height > fork ? each : 1 })
  return builder
}

/** A proof as a full node makes it: without a note. */
function proofIn(builder: ChainBuilder, height: number, size: number, index = 0): Uint8Array {
  const block = builder.blocks[height - 1]!
  const header = decodeHeader(block)
  const entries = decodeBody(block.subarray(SIGNED_HEADER_LENGTH), header)
  const history = new MerkleTree(builder.hashes.slice(0, size).map(hashLeaf))
  return encodeProof({
    record: entries[index]!.record,
    ...(entries[index]!.signature === undefined ? {} : { recordSignature: entries[index]!.signature }),
    index,
    blockPath: new MerkleTree(entries.map(({ record }) => recordId(record))).inclusionPath(index),
    header: block.slice(0, 164),
    signature: block.slice(164, 228),
    size,
    historyPath: history.inclusionPath(height),
    checkpoint: '',
    opened: []
  })
}

test('headers are followed, batch after batch, and a proof from anybody is checked against them', async () => {
  const chain = shared()
  const full = await chainOfBlocks(chain, 30, { each: 3 })
  const light = await open(chain)
  const headers = full.blocks.map(headerOf)
  expect(await light.add(headers.slice(0, 10))).toEqual({ state: 'added', disconnected: 0 })
  // what it has is no news, and what follows is taken
  expect(await light.add(headers.slice(0, 10))).toEqual({ state: 'waiting' })
  expect(await light.add(headers.slice(5))).toEqual({ state: 'added', disconnected: 0 })
  expect(light.tip.height).toBe(30)
  expect(toHex(light.tip.hash)).toBe(toHex(full.hashes[30]!))
  expect(light.locator().map(toHex).slice(0, 2)).toEqual([30, 29].map(height => toHex(full.hashes[height]!)))
  for (const size of [6, 17, 30, 31]) {
    expect(toHex(light.rootAt(size)!)).toBe(toHex(merkleRoot(full.hashes.slice(0, size).map(hashLeaf))))
    const proof = decodeProof(proofIn(full, 5, size, 2))
    expect(light.verifyProof(proof)).toMatchObject({ height: 5, confirmations: 26 })
  }
  expect(light.rootAt(32)).toBeUndefined()
  expect(() => light.verifyProof({ ...decodeProof(proofIn(full, 5, 31)), size: 32 })).toThrow(
    expect.objectContaining({ code: 'LIGHT_BEHIND' })
  )
})

test('every way in which a header can be wrong is found, and nothing of its batch is taken', async () => {
  const chain = shared()
  const full = await chainOfBlocks(chain, 12)
  const headers = full.blocks.map(headerOf)
  /** The sixth header, changed, mined and signed again as whoever forges would. */
  const forge = (change: Partial<ReturnType<typeof decodeHeader>>, signer = miner, isMined = true) => {
    const changed = encodeHeader({ ...decodeHeader(headers[5]!), ...change })
    const { bits } = decodeHeader(changed)
    const nonce = isMined ? searchNonce(changed, bits, 0, 1e6)! : 0
    const mined = encodeHeader({ ...decodeHeader(changed), nonce })
    return concatBytes(mined, sealBlock(signer, blockHash(mined)))
  }
  const { time } = decodeHeader(headers[5]!)
  const wrong: Array<[string, Uint8Array]> = [
    ['POW_INVALID', forge({}, miner, false)],
    ['BITS_INVALID', forge({ bits: bitsOfDifficulty(0) })],
    ['CHAIN_LINK_BROKEN', forge({ height: 7 })],
    ['CHAIN_LINK_BROKEN', forge({ previous: full.hashes[3]! })],
    ['TIMESTAMP_INVALID', forge({ time: time - 100_000 })],
    ['TIMESTAMP_INVALID', forge({ time: START + 2e9 })],
    ['HISTORY_ROOT_INVALID', forge({ historyRoot: new Uint8Array(32) })],
    ['AUTHOR_NOT_ADMITTED', forge({ producer: ownerOf(9).publicKey }, ownerOf(9))],
    ['INVALID_TYPE', forge({ signedRecords: false })],
    ['MISSING_FIELD', headers[5]!.slice(0, 200)]
  ]
  for (const [violation, header] of wrong) {
    const light = await open(chain)
    const verdict = await light.add([...headers.slice(0, 5), header, ...headers.slice(6)])
    expect(verdict, violation).toMatchObject({ state: 'invalid', issue: { violation } })
    expect(light.tip.height, violation).toBe(0)
    // and it goes on with what is true
    expect(await light.add(headers)).toMatchObject({ state: 'added' })
  }
})

test('the last signature of each producer covers its blocks before: nobody is said to have made what it did not', async () => {
  const chain = shared()
  const [one, other] = [miner, ownerOf(2)]
  const builder = new ChainBuilder(chain, one)
  for (const producer of [one, other, one, one, other, one]) await builder.add({ count: 1, producer })
  const headers = builder.blocks.map(headerOf)
  const unsigned = (at: number) =>
    headers.map((header, i) => (i === at ? concatBytes(header.slice(0, 164), new Uint8Array(64)) : header))
  for (const at of [4, 5]) {
    const light = await open(chain)
    expect(await light.add(unsigned(at))).toMatchObject({
      state: 'invalid',
      issue: { violation: 'PRODUCER_SIGNATURE_INVALID', height: at + 1 }
    })
    expect(light.tip.height).toBe(0)
  }
  // cut off so that another one is the last of its producer
  const light = await open(chain)
  expect(await light.add(unsigned(3).slice(0, 4))).toMatchObject({ state: 'invalid' })
  expect(await light.add(unsigned(3))).toMatchObject({ state: 'added' })
})

test('100,000 forged headers are refused, and none is taken', { timeout: 60_000 }, async () => {
  const chain = chainOf({ ...shared().params, bits: bitsOfDifficulty(6) })
  const light = await open(chain)
  const base = decodeHeader(headerOf(new ChainBuilder(shared(), miner).block()))
  let refused = 0
  const started = performance.now()
  for (let i = 0; i < 100_000; i++) {
    const bits = i % 3 === 0 ? chain.params.bits : bitsOfDifficulty(i % 3)
    const header = encodeHeader({ ...base, bits, nonce: i, previous: i % 2 === 0 ? chain.genesisHash : base.previous })
    const verdict = await light.add([concatBytes(header, new Uint8Array(64))])
    if (verdict.state === 'invalid' || verdict.state === 'unlinked') refused++
  }
  console.log(`100,000 forged headers refused in ${Math.round(performance.now() - started)} ms`)
  expect([refused, light.tip.height]).toEqual([100_000, 0])
})

test('the chain with most work is followed, whichever came first; a proof from what was taken out says so', async () => {
  const chain = shared()
  const short = await chainOfBlocks(chain, 20, { fork: 10 })
  const long = await chainOfBlocks(chain, 25, { fork: 10, each: 2 })
  const light = await open(chain)
  expect(await light.add(short.blocks.map(headerOf))).toMatchObject({ state: 'added' })
  const before = decodeProof(proofIn(short, 15, 20))
  expect(light.verifyProof(before).confirmations).toBe(6)
  // fewer blocks than ours: held until there are more
  expect(await light.add(long.blocks.slice(10, 18).map(headerOf))).toEqual({ state: 'waiting' })
  expect(toHex(light.tip.hash)).toBe(toHex(short.hashes[20]!))
  expect(toHex(light.locator()[0]!)).toBe(toHex(long.hashes[18]!))
  expect(await light.add(long.blocks.slice(18).map(headerOf))).toEqual({ state: 'added', disconnected: 10 })
  expect(toHex(light.tip.hash)).toBe(toHex(long.hashes[25]!))
  expect(() => light.verifyProof(before)).toThrow(expect.objectContaining({ code: 'LIGHT_REORGANISED' }))
  expect(light.verifyProof(decodeProof(proofIn(long, 15, 26))).confirmations).toBe(11)
  // what is below the fork is proved by either
  expect(light.verifyProof(decodeProof(proofIn(short, 5, 9))).confirmations).toBe(21)
})

test('in whatever order and pieces two chains come, the same one is followed', async () => {
  const chain = shared('open')
  const chains = [
    await chainOfBlocks(chain, 12, { fork: 4 }),
    await chainOfBlocks(chain, 12, { fork: 4, each: 2 }),
    await chainOfBlocks(chain, 9, { fork: 6, each: 3 })
  ]
  const [one, other] = chains as [ChainBuilder, ChainBuilder]
  const best = Buffer.compare(one.hashes[12]!, other.hashes[12]!) < 0 ? one : other
  const piece = fc.record({
    which: fc.nat({ max: 2 }),
    from: fc.nat({ max: 11 }),
    count: fc.integer({ min: 1, max: 12 })
  })
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async pieces => {
      const light = await open(chain)
      for (const { which, from, count } of pieces)
        await light.add(chains[which]!.blocks.slice(from, from + count).map(headerOf))
      for (const { blocks } of chains) {
        light.restart()
        await light.add(blocks.map(headerOf))
      }
      expect(toHex(light.tip.hash)).toBe(toHex(best.hashes[12]!))
    }),
    { numRuns: 50 }
  )
})

test('more than a hundred blocks are taken back with consent only', async () => {
  const chain = shared('open')
  const ours = await chainOfBlocks(chain, 130, { fork: 5 })
  const theirs = await chainOfBlocks(chain, 135, { fork: 5, each: 2 })
  const light = await open(chain)
  await light.add(ours.blocks.map(headerOf))
  const headers = theirs.blocks.slice(5).map(headerOf)
  expect(await light.add(headers)).toEqual({ state: 'too-deep', depth: 125 })
  expect(light.tip.height).toBe(130)
  expect(await light.add(headers, true)).toEqual({ state: 'added', disconnected: 125 })
  expect(light.tip.height).toBe(135)
})

test('what is on disk is checked again, and used', async () => {
  const chain = shared()
  const full = await chainOfBlocks(chain, 150)
  const fork = await chainOfBlocks(chain, 160, { fork: 140, each: 2 })
  const store = new MemoryStore()
  const light = await open(chain, store)
  await light.add(full.blocks.map(headerOf))
  await light.add(fork.blocks.map(headerOf))
  const again = await open(chain, store)
  expect([again.tip.height, toHex(again.tip.hash)]).toEqual([160, toHex(fork.hashes[160]!)])
  expect(again.verifyProof(decodeProof(proofIn(fork, 150, 161))).confirmations).toBe(11)
  // a block that a reorganisation took out is known for one after a restart too
  expect(() => again.verifyProof(decodeProof(proofIn(full, 145, 151)))).toThrow(
    expect.objectContaining({ code: 'LIGHT_REORGANISED' })
  )
  await expect(open(shared('open'), store)).rejects.toThrow(expect.objectContaining({ code: 'CHAIN_OTHER_NETWORK' }))
  for (const height of [1, 77, 160]) {
    for (const at of [5, 50, 90, 120, 156, 200, 240]) {
      if (at === 200 && height < 60) continue // of old signatures the newer ones vouch for what was signed
      const damaged = new MemoryStore()
      for await (const [key, value] of store.entries('')) await damaged.write(new Map([[key, value.slice()]]))
      const key = KEYS.node(fork.hashes[height]!)
      const bytes = damaged.get(key)!.slice()
      bytes[at]! ^= 1
      await damaged.write(new Map([[key, bytes]]))
      await expect(open(chain, damaged), `${height}/${at}`).rejects.toThrow(
        expect.objectContaining({ code: 'LIGHT_STORE_DAMAGED' })
      )
    }
  }
  // a tree that does not belong to the blocks
  const bytes = store.get(KEYS.history(3, 0))!.slice()
  bytes[0]! ^= 1
  await store.write(new Map([[KEYS.history(7, 0), bytes]]))
  await expect(open(chain, store)).rejects.toThrow(expect.objectContaining({ code: 'LIGHT_STORE_DAMAGED' }))
})

test('a disk that fails leaves the chain as it was', async () => {
  const chain = shared()
  const full = await chainOfBlocks(chain, 20)
  const store = new MemoryStore()
  const light = await open(chain, store)
  await light.add(full.blocks.slice(0, 10).map(headerOf))
  store.isBroken = true
  await expect(light.add(full.blocks.slice(10).map(headerOf))).rejects.toThrow('the disk')
  expect(light.tip.height).toBe(10)
  store.isBroken = false
  expect(await light.add(full.blocks.slice(10).map(headerOf))).toEqual({ state: 'added', disconnected: 0 })
  expect((await open(chain, store)).tip.height).toBe(20)
})

test('a record a million blocks deep is proved in 1,500 bytes', async () => {
  const size = 1_000_000
  const builder = new ChainBuilder(shared(), miner)
  const block = builder.block({ count: 100 })
  const entries = decodeBody(block.subarray(SIGNED_HEADER_LENGTH), decodeHeader(block))
  const own = hashLeaf(blockHash(block))
  // a history of which all other blocks are alike: a complete subtree is known from its level
  const levels = [hashLeaf(new Uint8Array(32))]
  while (levels.length < 21) levels.push(hashNode(levels.at(-1)!, levels.at(-1)!))
  const historyPath = inclusionRanges(1, size).map(range =>
    foldNodes(nodesOf(range).map(({ level }) => levels[level]!))
  )
  const proof: RecordProof = {
    record: entries[50]!.record,
    recordSignature: entries[50]!.signature!,
    index: 50,
    blockPath: new MerkleTree(entries.map(({ record }) => recordId(record))).inclusionPath(50),
    header: block.slice(0, 164),
    signature: block.slice(164, 228),
    size,
    historyPath,
    checkpoint: '',
    opened: []
  }
  const encoded = encodeProof(proof)
  console.log(`a proof of a record ${size} blocks deep, 100 records in its block: ${encoded.length} bytes`)
  expect(encoded.length).toBeLessThanOrEqual(1_500)
  expect(decodeProof(encoded)).toEqual(proof)
  const root = historyPath.slice(1).reduce((node, sibling) => hashNode(node, sibling), hashNode(historyPath[0]!, own))
  expect(verifyInclusion(own, 1, size, historyPath, root)).toBe(true)
})
