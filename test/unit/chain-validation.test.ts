import { expect, test } from 'vitest'
import { encodeAnchor, fileAnchors, signatureAnchors } from '../../src/chain/anchor.ts'
import { encodeBlock, HEADER_LENGTH } from '../../src/chain/block.ts'
import { checkpointText, originOf } from '../../src/chain/checkpoint.ts'
import { sha256 } from '../../src/chain/hash.ts'
import { cosignNote, NOTE_KEY, signatureLine } from '../../src/chain/note.ts'
import { chainOf, localParams } from '../../src/chain/params.ts'
import { EXTENSION, KIND } from '../../src/chain/record.ts'
import { hashLeaf, merkleRoot } from '../../src/chain/tree.ts'
import { VIOLATIONS, type ViolationName } from '../../src/chain/validation/codes.ts'
import type { Validator } from '../../src/chain/validation/context.ts'
import { validateInThreads } from '../../src/chain/validation/parallel.ts'
import { ChainState } from '../../src/chain/validation/state.ts'
import { type ValidationOptions, validateHeader } from '../../src/chain/validation/validate.ts'
import { ChainValidator } from '../../src/chain/validation/validate-chain.ts'
import { bitsOfDifficulty } from '../../src/chain/work.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { ownerOf } from '../support/keys.ts'

const [alice, bob, mallory] = [ownerOf(1), ownerOf(2), ownerOf(3)]
const shared = () =>
  new ChainBuilder(
    chainOf({
      ...localParams(alice.publicKey, START, 1),
      name: 'shared',
      admission: 'list',
      keys: [alice.publicKey, bob.publicKey].sort(Buffer.compare),
      kinds: ['MESSAGE', 'IDENTITY']
    })
  )
const zeros = new Uint8Array(32)

function changed(block: Uint8Array, at: number, value: number): Uint8Array {
  const copy = block.slice()
  copy[at] = value
  return copy
}

type Case = (builder: ChainBuilder) => Uint8Array | [Uint8Array, ValidationOptions]
/** A block that is wrong in one way, after two good ones; on a chain of one writer or of many. */
const CASES: Array<[ViolationName, string, Case, 'shared'?]> = [
  ['MISSING_FIELD', 'no whole header', b => b.block().subarray(0, 227)],
  ['MISSING_FIELD', 'no records', b => b.block({ records: [] })],
  ['MALFORMED_BLOCK', 'a body that is cut off', b => b.block().subarray(0, -1)],
  [
    'MALFORMED_BLOCK',
    'a body that goes on',
    b => encodeBlock(b.block().subarray(0, 164), b.block().subarray(164, 228), new Uint8Array(999))
  ],
  ['MALFORMED_BLOCK', 'more records than there is room for', b => b.block({ header: { recordCount: 900 } })],
  ['NON_CANONICAL', 'fewer records than there are', b => b.block({ header: { recordCount: 2 } })],
  ['NON_CANONICAL', 'a record with flags', b => b.block({ records: b.records(1).map(r => changed(r, 3, 1)) })],
  [
    'NON_CANONICAL',
    'a record without the leaf tag',
    b => b.block({ records: b.records(1).map(r => changed(r, 0, 1)) })
  ],
  ['UNSUPPORTED_VERSION', 'a header of version 2', b => changed(b.block(), 1, 2)],
  ['UNSUPPORTED_VERSION', 'a record of version 2', b => b.block({ records: b.records(1).map(r => changed(r, 1, 2)) })],
  ['INVALID_TYPE', 'an unknown kind', b => b.block({ record: { kind: 13 } })],
  ['INVALID_TYPE', 'signed records on a chain without', b => b.block({ header: { signedRecords: true } })],
  ['INVALID_TYPE', 'a time above 2^53', b => changed(b.block(), 8, 0xff)],
  ['SIZE_EXCEEDED', 'too many records', b => b.block({ header: { recordCount: 1_001 } })],
  ['SIZE_EXCEEDED', 'a header that says a long body', b => b.block({ header: { bodyLength: 1_000_000 } })],
  [
    'SIZE_EXCEEDED',
    'a long record',
    b => b.block({ record: { extensions: [{ type: 1, value: new Uint8Array(4_000) }] } })
  ],
  ['HASH_MISMATCH', 'another block than asked for', b => [b.block(), { expectedHash: zeros }]],
  ['MERKLE_INVALID', 'another root', b => b.block({ header: { recordsRoot: zeros } })],
  ['PRODUCER_SIGNATURE_INVALID', 'a signature of zeros', b => b.block({ signature: new Uint8Array(64) })],
  ['AUTHOR_NOT_ADMITTED', 'another producer', b => b.block({ producer: mallory })],
  ['SIGNATURE_INVALID', 'a record signed by nobody', b => b.block({ sign: () => new Uint8Array(64) }), 'shared'],
  ['POW_INVALID', 'no work', b => b.block({ unmined: true })],
  ['BITS_INVALID', 'less work than the chain asks for', b => b.block({ header: { bits: bitsOfDifficulty(0) } })],
  ['TIMESTAMP_INVALID', 'time that goes back', b => b.block({ header: { time: START } })],
  ['TIMESTAMP_INVALID', 'time not after the median', b => b.block({ header: { time: START + 1_000 } }), 'shared'],
  ['TIMESTAMP_INVALID', 'time ahead of the clock', b => [b.block(), { now: START - 200_000 }], 'shared'],
  ['CHAIN_LINK_BROKEN', 'a height that is left out', b => b.block({ header: { height: 4 } })],
  ['CHAIN_LINK_BROKEN', 'another block before it', b => b.block({ header: { previous: zeros } })],
  ['HISTORY_ROOT_INVALID', 'another history', b => b.block({ header: { historyRoot: zeros } })],
  ['SEQUENCE_GAP', 'a record that is left out', b => b.block({ records: b.records(3).slice(1) })],
  ['DUPLICATE_MESSAGE', 'a record twice', b => b.block({ records: b.records(1).flatMap(r => [r, r]) })],
  [
    'EQUIVOCATION',
    'another record of the same number',
    b => b.block({ records: b.records(1).flatMap(r => [r, changed(r, 90, 255)]) })
  ],
  ['EQUIVOCATION', 'a record that continues another one', b => b.block({ record: { previous: zeros }, count: 1 })],
  ['MESSAGE_FORMAT_INVALID', 'a record younger than its block', b => b.block({ record: { time: START + 1e9 } })],
  [
    'KIND_NOT_ALLOWED',
    'a kind that the chain does not take',
    b => b.block({ record: { kind: KIND.DENIAL } }),
    'shared'
  ],
  ['AUTHOR_NOT_ADMITTED', 'an author that is not in the list', b => b.block({ author: mallory }), 'shared'],
  [
    'ANCHOR_MISMATCH',
    'an anchor without proof',
    b => [b.block({ record: { kind: KIND.ANCHOR } }), { level: 'PARANOID' }]
  ]
]

for (const [violation, name, make, kind] of CASES) {
  test(`${VIOLATIONS[violation]} ${violation}: ${name}`, async () => {
    const builder = kind === 'shared' ? shared() : new ChainBuilder()
    await builder.add()
    await builder.add()
    const before = builder.snapshot()
    const made = make(builder)
    const [block, options] = made instanceof Uint8Array ? [made, {}] : made
    const result = await builder.validate(block, options)
    expect(result.errors.map(issue => issue.violation)).toEqual([violation])
    expect(result.errors[0]!.code).toBe(VIOLATIONS[violation])
    expect(result).toMatchObject({ valid: false, layers: { [result.errors[0]!.layer]: { state: 'failed' } } })
    expect(result.block).toBeUndefined()
    expect(builder.snapshot(), 'nothing is remembered of what is not valid').toBe(before)
    expect((await builder.validate(builder.block())).valid, 'the honest block after it').toBe(true)
  })
}

test('a block 1 of another chain is NETWORK_MISMATCH', async () => {
  const [builder, other] = [new ChainBuilder(), new ChainBuilder(chainOf(localParams(alice.publicKey, START + 1, 1)))]
  expect((await builder.validate(other.block())).errors[0]!.violation).toBe('NETWORK_MISMATCH')
})

test('each level does what the one before it does, and more', async () => {
  const builder = shared()
  await builder.add()
  const fails = async (block: Uint8Array) => {
    const levels = []
    for (const level of ['MINIMAL', 'STANDARD', 'STRICT', 'PARANOID'] as const) {
      if (!(await builder.validate(block, { level })).valid) levels.push(level)
    }
    return levels
  }
  expect(await fails(builder.block())).toEqual([])
  expect(await fails(changed(builder.block(), 1, 9))).toHaveLength(4)
  expect(await fails(builder.block({ header: { height: 9 } }))).toEqual(['STANDARD', 'STRICT', 'PARANOID'])
  expect(await fails(builder.block({ sign: () => new Uint8Array(64) }))).toEqual(['STRICT', 'PARANOID'])
  const { counts, layers } = await builder.validate(builder.block({ count: 5 }))
  expect(counts).toMatchObject({ records: 5, signatures: 6 })
  expect(layers.structural.ran).toEqual(['header-structure', 'body-structure'])
  expect(layers['cross-chain'].state).toBe('skipped')
})

test('rules of the application count, and one that throws has not said yes', async () => {
  const builder = new ChainBuilder()
  const rule = (run: Validator['run']): Validator => ({ name: 'own', layer: 'semantic', level: 'STANDARD', run })
  const seen: number[] = []
  const passed = await builder.validate(builder.block(), {
    custom: [rule(({ entries }) => void seen.push(entries!.length))]
  })
  expect([passed.valid, seen]).toEqual([true, [3]])
  const failing = rule(async () => {
    throw new Error('out of order')
  })
  const failed = await builder.validate(builder.block(), { custom: [failing] })
  expect(failed.errors).toMatchObject([{ violation: 'CUSTOM_RULE', message: 'own failed: out of order' }])
})

test('a header alone is checked as far as that goes, before a body is asked for', async () => {
  const builder = new ChainBuilder()
  const good = builder.block().subarray(0, 228)
  expect((await validateHeader(good, builder.chain, builder.state, { now: START + 1e9 })).valid).toBe(true)
  for (const [violation, bad] of [
    ['POW_INVALID', builder.block({ unmined: true })],
    ['PRODUCER_SIGNATURE_INVALID', changed(builder.block(), HEADER_LENGTH, 1)],
    ['HISTORY_ROOT_INVALID', builder.block({ header: { historyRoot: zeros } })]
  ] as const) {
    const { errors } = await validateHeader(bad.subarray(0, 228), builder.chain, builder.state, { now: START + 1e9 })
    expect(errors[0]!.violation).toBe(violation)
  }
})

test('anchors count when a configured provider confirms an earlier state of this chain, and in no other case', async () => {
  const plain = new ChainBuilder()
  await plain.add()
  await plain.add()
  const origin = originOf(plain.chain.id)
  const root = merkleRoot(plain.hashes.map(hashLeaf))
  const text = checkpointText({ origin, size: 3, root })
  const key = { name: 'oracle.example', type: NOTE_KEY.cosignature, publicKey: bob.publicKey } as const
  const line = (signer: typeof bob) => new TextEncoder().encode(signatureLine(cosignNote(text, key.name, signer, 1)))
  const trusted = signatureAnchors('oracle', { witnesses: [key], quorum: 1 })
  const state = new ChainState(plain.chain, plain.state.point(), async size =>
    size <= 3 ? merkleRoot(plain.hashes.slice(0, size).map(hashLeaf)) : undefined
  )
  plain.state = state
  const check = async (anchor: Partial<Parameters<typeof encodeAnchor>[0]>, providers = [trusted]) => {
    const value = encodeAnchor({ provider: 'oracle', size: 3, root, proof: line(bob), ...anchor })
    const block = plain.block({
      record: { kind: KIND.ANCHOR, extensions: [{ type: EXTENSION.ANCHOR, value }] },
      count: 1
    })
    const { errors, anchoredBy, counts } = await plain.validate(block, { level: 'PARANOID', anchors: { providers } })
    return errors[0]?.violation ?? `${[...anchoredBy]} ${counts.anchors}`
  }
  expect(await check({})).toBe('oracle 1')
  expect(await check({ proof: line(mallory) })).toBe('EXTERNAL_VERIFICATION_FAILED')
  expect(await check({ proof: new Uint8Array([0xff]) })).toBe('EXTERNAL_VERIFICATION_FAILED')
  expect(await check({ provider: 'nobody' })).toBe('EXTERNAL_VERIFICATION_FAILED')
  expect(await check({}, [])).toBe('EXTERNAL_VERIFICATION_FAILED')
  expect(await check({ root: zeros })).toBe('ANCHOR_MISMATCH')
  expect(await check({ size: 4 })).toBe('ANCHOR_MISMATCH')
  expect(await check({ size: 2 })).toBe('ANCHOR_MISMATCH')
  expect(await check({}, [{ name: 'oracle', verify: () => Promise.reject(new Error('no network')) }])).toBe(
    'EXTERNAL_VERIFICATION_FAILED'
  )
  expect(await check({}, [{ name: 'oracle', verify: () => 'yes' as never }])).toBe('EXTERNAL_VERIFICATION_FAILED')

  const file = line(bob)
  const beside = (content: Uint8Array | undefined) => fileAnchors('oracle', async () => content, trusted)
  expect(await check({ proof: sha256(file) }, [beside(file)])).toBe('oracle 1')
  expect(await check({ proof: sha256(file) }, [beside(line(mallory))])).toBe('EXTERNAL_VERIFICATION_FAILED')
  expect(await check({ proof: sha256(file) }, [beside(undefined)])).toBe('EXTERNAL_VERIFICATION_FAILED')
})

test('a chain that fewer providers confirm than are asked for is QUORUM_NOT_MET at PARANOID alone', async () => {
  const builder = new ChainBuilder()
  const block = builder.block()
  for (const [level, valid] of [
    ['PARANOID', false],
    ['STRICT', true]
  ] as const) {
    const validator = new ChainValidator(builder.chain, {
      level,
      now: START + 1e9,
      anchors: { providers: [], quorum: 1 }
    })
    await validator.block(block)
    const report = validator.end()
    expect(report.valid).toBe(valid)
    expect(report.errors.map(({ code }) => code)).toEqual(valid ? [] : [502])
  }
})

test('several threads come to the verdict of one, wherever the fault is', async () => {
  const builder = new ChainBuilder()
  for (let i = 0; i < 150; i++) await builder.add({ count: 2 })
  const validate = (blocks: readonly Uint8Array[]) =>
    validateInThreads(blocks, builder.chain, { threads: 2, now: START + 1e9 })
  const good = await validate(builder.blocks)
  expect(good).toMatchObject({ valid: true, from: 1, to: 150, blocks: 150, counts: { records: 300, signatures: 150 } })
  for (const at of [0, 63, 64, 100, 149]) {
    const bad = await validate(builder.blocks.with(at, changed(builder.blocks[at]!, 230, 9)))
    expect(bad, `block ${at + 1}`).toMatchObject({ valid: false, errorCount: 1 })
  }
  expect(await validate(builder.blocks.with(70, new Uint8Array(3)))).toMatchObject({ valid: false })

  // a whole segment of another history of the same author, valid by itself
  const other = new ChainBuilder()
  for (let i = 0; i < 64; i++) await other.add({ count: 3 })
  const grafted = new ChainBuilder()
  for (const block of builder.blocks.slice(0, 64)) grafted.state.advance((await grafted.validate(block)).block!)
  const head = { author: alice.publicKey, stream: 7, ...other.state.headOf(alice.publicKey, 7)! }
  grafted.state = new ChainState(grafted.chain, { ...grafted.state.point(), heads: [head] })
  for (let i = 0; i < 3; i++) await grafted.add({ count: 2 })
  const joined = await validate([...builder.blocks.slice(0, 64), ...grafted.blocks])
  expect(joined.errors).toMatchObject([{ violation: 'SEQUENCE_GAP', code: 403 }])
})

test('a header that was checked alone is not checked for its signature again', async () => {
  const builder = new ChainBuilder()
  const { counts } = await builder.validate(builder.block(), { isHeaderChecked: true })
  expect(counts).toMatchObject({ signatures: 0, knownSignatures: 1 })
})
