// The faults of the original's chain, one by one, by what was wrong with it.
import { base58btc } from 'multiformats/bases/base58'
import { expect, test } from 'vitest'
import { encodeAnchor, signatureAnchors } from '../../src/chain/anchor.ts'
import {
  blockHash,
  decodeHeader,
  encodeBlock,
  encodeHeader,
  SIGNED_HEADER_LENGTH,
  sealBlock
} from '../../src/chain/block.ts'
import { commit } from '../../src/chain/commitment.ts'
import { NOTE_KEY, originOf, proveRecord, verifyLocal, verifyProof } from '../../src/chain/index.ts'
import { chainOf, decodeParams, localParams } from '../../src/chain/params.ts'
import { EXTENSION, KIND, recordId } from '../../src/chain/record.ts'
import { EMPTY_ROOT, hashLeaf, MerkleTree, merkleRoot, verifyInclusion } from '../../src/chain/tree.ts'
import { ChainState } from '../../src/chain/validation/state.ts'
import { validateBlock, validateHeader } from '../../src/chain/validation/validate.ts'
import { ChainValidator } from '../../src/chain/validation/validate-chain.ts'
import { bitsOfDifficulty, workOf } from '../../src/chain/work.ts'
import { crypto } from '../../src/crypto/index.ts'
import { didKeyOf, publicKeyOf } from '../../src/crypto/peer-key.ts'
import { messageEntry } from '../../src/protocols/messaging/audit.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { ownerOf } from '../support/keys.ts'
import { localChain, message } from '../support/local-chain.ts'

const alice = ownerOf(1)
const zeros = new Uint8Array(32)
const names = (result: { errors: readonly { violation: string }[] }) => result.errors.map(({ violation }) => violation)

test('fault 1: two nodes with the same parameters have the same genesis block, and others another', () => {
  const params = localParams(alice.publicKey, START)
  expect(chainOf(params).genesis).toEqual(chainOf(decodeParams(chainOf(params).encodedParams)).genesis)
  for (const other of [
    { ...params, genesisTime: START + 1 },
    { ...params, name: 'x' },
    { ...params, spacing: 1 }
  ]) {
    expect(chainOf(other).genesisHash).not.toEqual(chainOf(params).genesisHash)
  }
})

test('fault 3: work is computed from the target of each block, whoever asks and whatever they say', () => {
  expect(workOf(bitsOfDifficulty(2))).toBe(256n)
  expect(workOf(bitsOfDifficulty(4))).toBe(65_537n)
  for (const bits of [0, 0x00ffffff, 0x04800000, 0xff00ffff, 0x21010000, 0x1f000001]) {
    expect(() => workOf(bits), bits.toString(16)).toThrow(expect.objectContaining({ code: 'CHAIN_FORMAT' }))
  }
})

test('fault 4: a foreign genesis, repeated heights, times that go back and an invented root are not accepted', async () => {
  const [own, foreign] = [
    new ChainBuilder(),
    new ChainBuilder(chainOf(localParams(ownerOf(2).publicKey, START, 1)), ownerOf(2))
  ]
  await foreign.add()
  await own.add()
  const validator = new ChainValidator(own.chain, { now: START + 1e9 })
  expect(names(await validator.block(foreign.blocks[0]!))).toEqual(['NETWORK_MISMATCH'])
  expect(names(await own.validate(own.block({ header: { height: 1 } })))).toEqual(['CHAIN_LINK_BROKEN'])
  expect(names(await own.validate(own.block({ header: { time: START } })))).toEqual(['TIMESTAMP_INVALID'])
  expect(names(await own.validate(own.block({ header: { recordsRoot: zeros.map(() => 255) } })))).toEqual([
    'MERKLE_INVALID'
  ])
})

test('fault 5: no two lists of records have one root, and a root proves nothing about itself', () => {
  const [a, b, c] = [1, 2, 3].map(n => hashLeaf(Uint8Array.of(n))) as [Uint8Array, Uint8Array, Uint8Array]
  expect(merkleRoot([a, b, c])).not.toEqual(merkleRoot([a, b, c, c]))
  const root = merkleRoot([a, b])
  expect(verifyInclusion(root, 0, 2, [], root)).toBe(false)
  expect(hashLeaf(new Uint8Array([...a, ...b]))).not.toEqual(root)
  expect(verifyInclusion(a, 0, 3, new MerkleTree([a, b, c]).inclusionPath(2), merkleRoot([a, b, c]))).toBe(false)
})

test("fault 6: a header is checked with the block's own hash and the chain's target: of 100,000 forged ones none is accepted", async () => {
  const builder = new ChainBuilder(chainOf(localParams(alice.publicKey, START, 6)))
  const signature = new Uint8Array(64)
  let accepted = 0
  for (let i = 0; i < 100_000; i++) {
    const header = encodeHeader({
      height: 1,
      time: START + i,
      previous: builder.chain.genesisHash,
      recordsRoot: zeros,
      historyRoot: builder.state.historyRoot(),
      producer: alice.publicKey,
      recordCount: 1,
      bodyLength: 126,
      bits: i % 2 === 0 ? bitsOfDifficulty(0) : builder.chain.params.bits,
      nonce: 0,
      signedRecords: false
    })
    const signed = encodeBlock(header, signature, new Uint8Array())
    const { valid } = await validateHeader(signed, builder.chain, builder.state, { now: START + 1e9 })
    if (valid) accepted++
  }
  expect(accepted).toBe(0)
})

test('fault 7: what is loaded is validated, not trusted', async () => {
  const agent = await localChain()
  await agent.fill(9, 3)
  await agent.store.transact(async transaction => {
    const stored = (await transaction.get('chain/r/000000000004'))!
    stored[230]! ^= 1
    transaction.put('chain/r/000000000004', stored)
  })
  expect(names(await verifyLocal(agent.chain))).toEqual(['MERKLE_INVALID', 'EQUIVOCATION'])
  await agent.store.transact(async transaction => {
    const stored = (await transaction.get('chain/b/00000001'))!
    stored[170]! ^= 1
    transaction.put('chain/b/00000001', stored)
  })
  expect(names(await verifyLocal(agent.chain))).toEqual(['PRODUCER_SIGNATURE_INVALID'])
})

test('fault 8: every number that is hashed is an integer of fixed width; none is NaN or rounded', async () => {
  const builder = new ChainBuilder()
  const block = builder.block()
  for (const at of [8, 156]) {
    const wrong = block.slice()
    // above 2^53: a number could not hold it
    wrong.set([0, 0x20, 0, 0, 0, 0, 0, 1], at)
    expect(names(await builder.validate(wrong))).toEqual(['INVALID_TYPE'])
  }
  const payload = (value: number) => ({ secret: zeros, fields: [{ name: 'n', value }] })
  for (const value of [Number.NaN, 0.5, -1, 2 ** 53]) expect(() => commit(payload(value))).toThrow('no integer')
})

test('fault 9: no root is skipped because it is empty', async () => {
  const builder = new ChainBuilder()
  for (const recordsRoot of [EMPTY_ROOT, zeros]) {
    expect(names(await builder.validate(builder.block({ header: { recordsRoot } })))).toEqual(['MERKLE_INVALID'])
  }
})

test('fault 10: an invalid block leaves no trace, so that it cannot keep the honest one out', async () => {
  const builder = new ChainBuilder()
  const records = builder.records(3)
  const before = builder.snapshot()
  expect((await builder.validate(builder.block({ records, unmined: true }))).valid).toBe(false)
  expect((await builder.validate(builder.block({ records, signature: new Uint8Array(64) }))).valid).toBe(false)
  expect(builder.snapshot()).toBe(before)
  expect((await builder.validate(builder.block({ records }))).valid).toBe(true)
})

test('fault 11: the same check has the same result, and a record is a duplicate also after a restart', async () => {
  const builder = new ChainBuilder()
  const block = builder.block()
  for (let i = 0; i < 3; i++) expect((await builder.validate(block)).valid).toBe(true)
  const records = builder.records(2)
  await builder.add({ records })
  const again = builder.block({ records })
  expect(names(await builder.validate(again))).toEqual(['DUPLICATE_MESSAGE'])
  const restarted = new ChainState(builder.chain, builder.state.point())
  const result = await validateBlock(again, builder.chain, restarted, { now: START + 1e9 })
  expect(names(result)).toEqual(['DUPLICATE_MESSAGE'])
})

test('fault 12: signatures are verified, and counted; the levels differ', async () => {
  const builder = new ChainBuilder()
  const forged = builder.block({ signature: new Uint8Array(64) })
  const strict = await builder.validate(forged)
  expect([names(strict), strict.counts.signatures]).toEqual([['PRODUCER_SIGNATURE_INVALID'], 1])
  const ran = async (level: 'MINIMAL' | 'STANDARD' | 'STRICT') =>
    Object.values((await builder.validate(builder.block(), { level })).layers).flatMap(layer => layer.ran).length
  expect([await ran('MINIMAL'), await ran('STANDARD'), await ran('STRICT')]).toEqual([3, 7, 14])
})

test('fault 13: an anchor is of an earlier block, so that a block with one can be made and is valid', async () => {
  const builder = new ChainBuilder()
  await builder.add()
  const root = merkleRoot(builder.hashes.map(hashLeaf))
  const value = encodeAnchor({ provider: 'always', size: builder.hashes.length, root, proof: zeros })
  const anchored = builder.block({
    count: 1,
    record: { kind: KIND.ANCHOR, extensions: [{ type: EXTENSION.ANCHOR, value }] }
  })
  const providers = [{ name: 'always', verify: () => true }]
  expect((await builder.validate(anchored, { level: 'PARANOID', anchors: { providers } })).valid).toBe(true)
  const closed = [signatureAnchors('always', {})]
  expect((await builder.validate(anchored, { level: 'PARANOID', anchors: { providers: closed } })).valid).toBe(false)
})

test('fault 14: the largest block that is made is one that is accepted', async () => {
  const agent = await localChain({ difficulty: 1 })
  const value = new Uint8Array(3_900)
  for (let at = 0; at < 260; at += 130) {
    await agent.store.transact(async transaction => {
      for (let i = at; i < at + 130; i++) {
        await agent.chain.append(transaction, { ...message(i), extensions: [{ type: EXTENSION.COUNTERPART, value }] })
      }
    })
  }
  await agent.chain.sealAll()
  const block = (await agent.chain.block(1))!
  expect(block.bytes.length).toBeGreaterThan(1_000_000 - 4_100)
  expect(block.bytes.length).toBeLessThanOrEqual(1_000_000)
  expect(await verifyLocal(agent.chain)).toMatchObject({ valid: true, blocks: 2, counts: { records: 260 } })
})

test('fault 15: work is looked at before the body is, and costs the same for a large one', async () => {
  const builder = new ChainBuilder()
  const result = await builder.validate(builder.block({ count: 900, unmined: true }))
  expect(names(result)).toEqual(['POW_INVALID'])
  expect([result.counts.records, result.counts.signatures]).toEqual([0, 0])
  expect(Object.values(result.layers).flatMap(({ ran }) => ran)).not.toContain('body-structure')
})

test('fault 17: whatever bytes come, the answer is a verdict and never an exception', async () => {
  const builder = new ChainBuilder()
  const good = builder.block({ count: 4 })
  let seed = 1
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  for (let i = 0; i < 3_000; i++) {
    let bad = good.slice()
    for (let n = random(4); n >= 0; n--) bad[random(bad.length)] = random(256)
    if (random(3) === 0) bad = bad.slice(0, random(bad.length))
    if (random(5) === 0) bad = new Uint8Array([...bad, ...bad.slice(0, random(50))])
    const { valid } = await builder.validate(bad, { level: i % 2 === 0 ? 'MINIMAL' : 'PARANOID' })
    // what is not covered at the lowest level is at the highest
    if (i % 2 === 1) expect(valid).toBe(Buffer.compare(bad, good) === 0)
  }
})

test('fault 17: a header that claims more records than its body can have is refused before anything is allocated for them', async () => {
  const chain = chainOf({
    ...localParams(alice.publicKey, START, 0),
    maxRecords: 0xffffffff,
    maxBlockLength: 0xffffffff
  })
  const builder = new ChainBuilder(chain)
  const header = { ...decodeHeader(builder.block({ count: 1 })), recordCount: 0xffffffff }
  const bytes = encodeHeader(header)
  const block = encodeBlock(
    bytes,
    sealBlock(alice, blockHash(bytes)),
    builder.block({ count: 1 }).subarray(SIGNED_HEADER_LENGTH)
  )
  expect(['MALFORMED_BLOCK', 'POW_INVALID']).toContain(names(await builder.validate(block))[0])
})

test('fault 18: a chain that is opened again goes on where it was', async () => {
  const agent = await localChain()
  await agent.fill(7, 3)
  const { tip } = agent.chain
  for (let i = 0; i < 3; i++) {
    await agent.close()
    await agent.open()
  }
  expect(agent.chain.tip).toEqual(tip)
  await agent.fill(0)
  await agent.append(message(50))
  await agent.close()
  await agent.open()
  expect(agent.chain.tip.height).toBe(tip.height + 1)
  expect((await agent.chain.recordOf('message/50'))?.sequence).toBe(8)
})

test('fault 19: a message is found by its id, covered by a signature, and its content committed to without being shown', async () => {
  const agent = await localChain()
  const content = new Uint8Array(Buffer.from('meet me at the harbour'))
  const hash = crypto.sha256(content)
  // as messaging records it
  const stored = { incoming: false, peer: 'bob', id: 'id-1', contentType: 'text/plain', content, time: 1, otherTime: 2 }
  await agent.append(messageEntry(crypto, stored))
  await agent.chain.sealAll()
  const found = (await agent.chain.recordOf('message/id-1'))!
  const block = (await agent.chain.block((await agent.chain.heightOf(found.sequence))!))!
  const shown = Buffer.from(block.bytes).toString('latin1')
  const bare = Buffer.from(hash).toString('latin1')
  for (const secret of ['harbour', 'bob', 'message/', 'id-1', 'text/plain', bare]) expect(shown).not.toContain(secret)
  const proof = await proveRecord(agent.chain, found.id, { open: ['hash'] })
  const { chain, owner } = agent
  const log = { name: originOf(chain.chain.id), type: NOTE_KEY.ed25519, publicKey: owner.publicKey }
  expect(verifyProof(proof, { log }).opened).toMatchObject([{ name: 'hash', value: hash }])
  const said = { ...proof.opened[0]!, value: crypto.sha256(Buffer.from('meet me at the harbor')) }
  expect(() => verifyProof({ ...proof, opened: [said] }, { log })).toThrow(/does not hold/)
})

test('fault 20: sealing a block writes that block and its end, however long the chain is', async () => {
  const agent = await localChain({ difficulty: 1 })
  await agent.fill(40, 1)
  const written: number[] = []
  const { store } = agent
  const transact = store.transact.bind(store)
  store.transact = work =>
    transact(transaction => {
      let bytes = 0
      const put = (key: string, value: Uint8Array) => {
        bytes += value.length
        transaction.put(key, value)
      }
      return work({ ...transaction, put }).then(result => {
        written.push(bytes)
        return result
      })
    })
  await agent.append(message(100))
  await agent.chain.sealAll()
  expect(Math.max(...written)).toBeLessThan(1_000)
})

test('fault 21: a light client takes 228 bytes a block, under two percent of one with 100 records', async () => {
  const builder = new ChainBuilder()
  const block = builder.block({ count: 100 })
  expect(block.length).toBe(228 + 100 * 126)
  expect(SIGNED_HEADER_LENGTH / (block.length - 228)).toBeLessThan(0.02)
})

// fault 22, look-ups that ask nobody and endpoints that anybody replaces, takes a network: test/protocol/chain-faults.test.ts

test('fault 23: a DID is multibase base58btc of the whole key, which every other reader decodes, and no shortened or base64 form is one', () => {
  // vectors of the did:key specification's Ed25519 test suite
  for (const [did, hex] of [
    [
      'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp',
      '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29'
    ],
    [
      'did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
    ]
  ] as const) {
    const key = new Uint8Array(Buffer.from(hex, 'hex'))
    expect(didKeyOf(key)).toBe(did)
    expect(publicKeyOf(did)).toEqual(key)
    // read by another's base58: multicodec ed25519-pub and all 32 bytes
    expect(base58btc.decode(did.slice(8))).toEqual(Uint8Array.of(0xed, 0x01, ...key))
    // the original's: base64 with + and / made letters, and 128 bits in hexadecimal digits
    const base64 = Buffer.from([0xed, 0x01, ...key]).toString('base64')
    const original = base64.replaceAll('+', 'A').replaceAll('/', 'B')
    const others = [`did:key:z${original}`, `did:key:m${base64}`, `did:talos:${hex.slice(0, 32)}`, did.slice(0, -1)]
    for (const other of [...others, `${did}=`, `did:key:z${hex}`]) expect(publicKeyOf(other), other).toBeUndefined()
  }
  // keys that agree in 128 bits are two
  const keys = [alice.publicKey, alice.publicKey.with(31, alice.publicKey[31]! ^ 1)]
  expect(new Set(keys.map(didKeyOf)).size).toBe(2)
})

test('fault 24: equal contents have commitments that tell nothing, not even that they are equal', async () => {
  const agent = await localChain()
  const yes = { kind: 'MESSAGE', fields: [{ name: 'text', value: 'yes' }] } as const
  const [one, two] = [await agent.append(yes), await agent.append(yes)]
  const [first, second] = [(await agent.chain.recordAt(one.sequence))!, (await agent.chain.recordAt(two.sequence))!]
  expect(first.record.commitment).not.toEqual(second.record.commitment)
  expect(first.payload!.secret).not.toEqual(second.payload!.secret)
  expect(recordId(first.bytes)).toEqual(first.id)
})
