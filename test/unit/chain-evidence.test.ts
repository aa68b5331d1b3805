import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SIGNED_HEADER_LENGTH } from '../../src/chain/block.ts'
import { toHex } from '../../src/chain/bytes.ts'
import { checkpointText, originOf } from '../../src/chain/checkpoint.ts'
import {
  decodeEvidence,
  type Evidence,
  encodeEvidence,
  formatEvidence,
  parseEvidence,
  verifyEvidence
} from '../../src/chain/evidence.ts'
import { cosignNote, formatNote, NOTE_KEY, signNote } from '../../src/chain/note.ts'
import { chainOf, localParams } from '../../src/chain/params.ts'
import { recordId } from '../../src/chain/record.ts'
import { signRecord } from '../../src/chain/record-signature.ts'
import { hashLeaf, isComplete, MerkleTree } from '../../src/chain/tree.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { ownerOf } from '../support/keys.ts'

const INVALID = expect.objectContaining({ code: 'CHAIN_EVIDENCE_INVALID' })
const owner = ownerOf(1)
const chain = chainOf(localParams(owner.publicKey, START, 1))

const statement = (builder: ChainBuilder, block: Uint8Array) => ({
  block: block.slice(0, SIGNED_HEADER_LENGTH),
  path: new MerkleTree(builder.hashes.map(hashLeaf)).inclusionPath(0, builder.state.height)
})

/** Two blocks of an owner at one height, which go on from different blocks before them. */
async function twoBlocks(): Promise<Evidence & { what: 'blocks' }> {
  const [one, other] = [new ChainBuilder(chain), new ChainBuilder(chain)]
  for (let i = 0; i < 4; i++) {
    await one.add({ count: 1 })
    await other.add({ count: 2 })
  }
  return {
    what: 'blocks',
    params: chain.encodedParams,
    pair: [statement(one, one.block({ count: 1 })), statement(other, other.block({ count: 1 }))]
  }
}

function twoRecords(author = ownerOf(3)): Evidence & { what: 'records' } {
  const builder = new ChainBuilder(chain)
  const signed = (fill: number) => {
    const record = builder.records(1, author, { commitment: new Uint8Array(32).fill(fill) })[0]!
    return { record, signature: signRecord(author, chain.id, recordId(record)) }
  }
  return { what: 'records', chainId: chain.id, pair: [signed(1), signed(2)] }
}

const origin = originOf(chain.id)
const text = (fill: number, size = 9) => checkpointText({ origin, size, root: new Uint8Array(32).fill(fill) })

function twoCheckpoints(type: 1 | 4 = 1): Evidence & { what: 'checkpoints' } {
  const name = type === NOTE_KEY.ed25519 ? origin : 'witness.example'
  const sign = (fill: number) =>
    type === NOTE_KEY.ed25519
      ? signNote(text(fill), name, owner)
      : cosignNote(text(fill), name, owner, 1_790_000_000 + fill)
  const note = (fill: number) => {
    // what others signed besides does not belong to it
    const stranger = signNote(text(fill), 'stranger', ownerOf(8))
    return formatNote({ text: text(fill), signatures: [stranger, sign(fill)] })
  }
  return { what: 'checkpoints', key: { name, type, publicKey: owner.publicKey }, pair: [note(1), note(2)] }
}

test('two blocks, two records, two checkpoints for one place: who signed both, whatever order they are found in', async () => {
  const blocks = await twoBlocks()
  const all: Array<[Evidence, Uint8Array, number]> = [
    [blocks, owner.publicKey, 5],
    [twoRecords(), ownerOf(3).publicKey, 1],
    [twoCheckpoints(1), owner.publicKey, 9],
    [twoCheckpoints(4), owner.publicKey, 9]
  ]
  for (const [evidence, culprit, place] of all) {
    const bytes = encodeEvidence(evidence)
    expect(verifyEvidence(bytes)).toMatchObject({ what: evidence.what, culprit, origin, place })
    const turned = { ...evidence, pair: [evidence.pair[1], evidence.pair[0]] } as Evidence
    expect(toHex(encodeEvidence(turned))).toBe(toHex(bytes))
    expect(toHex(encodeEvidence(decodeEvidence(bytes)))).toBe(toHex(bytes))
    expect(parseEvidence(formatEvidence(bytes))).toEqual(bytes)
  }
})

/** Trees of 40 leaves that differ from leaf 5 on; the owner signed states of both. */
const leaves = (fork: number) => Array.from({ length: 40 }, (_, i) => hashLeaf(Uint8Array.of(i, i < 5 ? 0 : fork)))
const [trunk, branch] = [new MerkleTree(leaves(0)), new MerkleTree(leaves(1))]
const stateOf = (tree: MerkleTree, size: number) => {
  const state = checkpointText({ origin, size, root: tree.root(size) })
  return formatNote({ text: state, signatures: [signNote(state, origin, owner)] })
}
const key = { name: origin, type: NOTE_KEY.ed25519, publicKey: owner.publicKey } as const

/** A larger state of `tree` after a smaller one of the trunk. */
function twoHistories(from: number, to: number, tree = branch): Evidence & { what: 'histories' } {
  const path = tree.consistencyPath(from, to)
  // RFC 6962 leaves out a first tree that is one complete subtree
  if (isComplete(from)) path.unshift(tree.root(from))
  return { what: 'histories', key, pair: [stateOf(trunk, from), stateOf(tree, to)], path }
}

test('a larger state that has another history up to a smaller one convicts who signed both, of all sizes; one that continues it does not', () => {
  for (let from = 1; from < 40; from++) {
    for (let to = from + 1; to <= 40; to++) {
      const convict = () => verifyEvidence(encodeEvidence(twoHistories(from, to)))
      // up to leaf 5 they have the same history
      if (from <= 5) expect(convict, `${from} ${to}`).toThrow(INVALID)
      else {
        const hashes = [trunk.root(from), branch.root(from)]
        expect(convict()).toEqual({ what: 'histories', culprit: owner.publicKey, origin, place: from, hashes })
      }
      expect(() => verifyEvidence(encodeEvidence(twoHistories(from, to, trunk))), `${from} ${to}`).toThrow(INVALID)
    }
  }
})

test('no byte of evidence can be changed', async () => {
  for (const evidence of [
    await twoBlocks(),
    twoRecords(),
    twoCheckpoints(),
    twoHistories(7, 12),
    twoHistories(8, 12)
  ]) {
    const bytes = encodeEvidence(evidence)
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice()
      changed[at]! ^= 1
      expect(() => verifyEvidence(changed), `byte ${at} of ${evidence.what}`).toThrow(INVALID)
    }
    for (const length of [0, 1, 2, 50, bytes.length - 1])
      expect(() => verifyEvidence(bytes.subarray(0, length))).toThrow(INVALID)
    expect(() => verifyEvidence(Buffer.concat([bytes, Uint8Array.of(0)]))).toThrow(INVALID)
  }
})

test('nobody is accused who did nothing wrong', async () => {
  const blocks = await twoBlocks()
  const [one, other] = blocks.pair
  const histories = twoHistories(7, 12)
  const innocent: Array<[string, Evidence]> = [
    ['the same block twice', { ...blocks, pair: [one, one] }],
    ['the same record twice', { ...twoRecords(), pair: [twoRecords().pair[0], twoRecords().pair[0]] }],
    ['blocks of different heights', { ...blocks, pair: [one, await blockAt(3)] }],
    ['another chain of the same owner', { ...blocks, pair: [one, await ofAnotherChain()] }],
    ['a block that another key signed', { ...blocks, pair: [one, { ...other, block: forged(other.block) }] }],
    ['a path that is too long', { ...blocks, pair: [one, { ...other, path: [...other.path, other.path[0]!] }] }],
    ['records of two streams', { ...twoRecords(), pair: [twoRecords().pair[0], inStream(9)] }],
    ['records of two authors', { ...twoRecords(), pair: [twoRecords().pair[0], twoRecords(ownerOf(4)).pair[1]] }],
    ['records of another chain', { ...twoRecords(), chainId: new Uint8Array(32) }],
    ['checkpoints that grew', { ...twoCheckpoints(), pair: [grown(9, 1), grown(10, 2)] }],
    ['histories in the wrong order', { ...histories, pair: [histories.pair[1], histories.pair[0]] }],
    ['histories of one size', { ...histories, pair: [histories.pair[0], stateOf(branch, 7)] }],
    ['a path that leads nowhere', { ...histories, path: [...histories.path.slice(1), histories.path[0]!] }],
    ['a path that is cut off', { ...histories, path: histories.path.slice(1) }],
    ['no path', { ...histories, path: [] }],
    ['a path that goes on', { ...histories, path: [...histories.path, histories.path[0]!] }],
    [
      'a path from the smaller state to a larger one that was not signed',
      { ...twoHistories(7, 12), path: branch.consistencyPath(7, 13) }
    ],
    ['a larger state that another key signed', { ...histories, pair: [histories.pair[0], grown(12, 1)] }],
    ['one checkpoint, cosigned at two times', { ...twoCheckpoints(4), pair: [cosigned(1), cosigned(2)] }]
  ]
  for (const [what, evidence] of innocent) expect(() => verifyEvidence(encodeEvidence(evidence)), what).toThrow(INVALID)
})

test('two blocks of one height of a chain of many writers are no equivocation', async () => {
  const shared = chainOf({ ...localParams(owner.publicKey, START, 1), admission: 'list' })
  const [one, other] = [new ChainBuilder(shared), new ChainBuilder(shared)]
  const evidence: Evidence = {
    what: 'blocks',
    params: shared.encodedParams,
    pair: [statement(one, one.block({ count: 1 })), statement(other, other.block({ count: 2 }))]
  }
  expect(() => verifyEvidence(encodeEvidence(evidence))).toThrow(INVALID)
})

test('whatever is read is evidence, or CHAIN_EVIDENCE_INVALID', () => {
  const head = fc.constantFrom([1, 1], [1, 2], [1, 3], [1, 4], [1, 5], [2, 1])
  fc.assert(
    fc.property(head, fc.uint8Array({ maxLength: 600 }), (start, rest) => {
      expect(() => verifyEvidence(Uint8Array.from([...start, ...rest]))).toThrow(INVALID)
    }),
    { numRuns: 1_000 }
  )
  expect(() => verifyEvidence(new Uint8Array(70_000))).toThrow(INVALID)
  expect(parseEvidence('c2sp.org/tlog-proof@v1\n')).toBeUndefined()
  expect(() => parseEvidence('talos/evidence@v1\n***\n')).toThrow(INVALID)
})

async function blockAt(height: number) {
  const builder = new ChainBuilder(chain)
  while (builder.state.height < height) await builder.add({ count: 2 })
  return statement(builder, builder.block({ count: 1 }))
}

async function ofAnotherChain() {
  const builder = new ChainBuilder(chainOf(localParams(owner.publicKey, START + 1, 1)))
  while (builder.state.height < 5) await builder.add({ count: 2 })
  return statement(builder, builder.block({ count: 1 }))
}

function forged(block: Uint8Array): Uint8Array {
  const changed = block.slice()
  changed[170]! ^= 1
  return changed
}

function inStream(stream: number) {
  const record = new ChainBuilder(chain).records(1, ownerOf(3), {}, stream)[0]!
  return { record, signature: signRecord(ownerOf(3), chain.id, recordId(record)) }
}

const grown = (size: number, fill: number) =>
  formatNote({ text: text(fill, size), signatures: [signNote(text(fill, size), origin, owner)] })

const cosigned = (time: number) =>
  formatNote({ text: text(1), signatures: [cosignNote(text(1), 'witness.example', owner, time)] })
