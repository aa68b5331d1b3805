import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { equalBytes } from '../../src/chain/bytes.ts'
import {
  EMPTY_ROOT,
  Frontier,
  foldNodes,
  hashLeaf,
  MerkleTree,
  merkleRoot,
  nodesOf,
  rootFromInclusion,
  verifyConsistency,
  verifyInclusion
} from '../../src/chain/tree.ts'

const SIZES = 130
const sha = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}
const leaves = Array.from({ length: SIZES }, (_, i) => Uint8Array.of(i, 7))
const hashes = leaves.map(hashLeaf)
const whole = new MerkleTree(hashes)

/** MTH of RFC 6962 §2.1, as it stands there. */
function mth(data: readonly Uint8Array[]): Uint8Array {
  if (data.length === 0) return sha()
  if (data.length === 1) return sha(Uint8Array.of(0), data[0]!)
  let k = 1
  while (k * 2 < data.length) k *= 2
  return sha(Uint8Array.of(1), mth(data.slice(0, k)), mth(data.slice(k)))
}
/** PATH of §2.1.1. */
function path(m: number, data: readonly Uint8Array[]): Uint8Array[] {
  if (data.length === 1) return []
  let k = 1
  while (k * 2 < data.length) k *= 2
  return m < k
    ? [...path(m, data.slice(0, k)), mth(data.slice(k))]
    : [...path(m - k, data.slice(k)), mth(data.slice(0, k))]
}
/** SUBPROOF of §2.1.2. */
function subproof(m: number, data: readonly Uint8Array[], isWhole: boolean): Uint8Array[] {
  if (m === data.length) return isWhole ? [] : [mth(data)]
  let k = 1
  while (k * 2 < data.length) k *= 2
  return m <= k
    ? [...subproof(m, data.slice(0, k), isWhole), mth(data.slice(k))]
    : [...subproof(m - k, data.slice(k), false), mth(data.slice(0, k))]
}

test('roots and frontiers of all sizes up to 130 are those of RFC 6962', () => {
  let frontier = new Frontier()
  for (let size = 0; size <= SIZES; size++) {
    const wanted = mth(leaves.slice(0, size))
    expect(merkleRoot(hashes.slice(0, size))).toEqual(wanted)
    expect(whole.root(size)).toEqual(wanted)
    expect(frontier.root()).toEqual(wanted)
    if (size < SIZES) frontier = frontier.append(hashes[size]!).frontier
  }
  expect(EMPTY_ROOT).toEqual(sha())
})

test('what a frontier completes are the nodes of the tree', () => {
  const nodes = new Map<string, Uint8Array>(hashes.map((hash, i) => [`0/${i}`, hash]))
  let frontier = new Frontier()
  for (const hash of hashes) {
    const step = frontier.append(hash)
    for (const { level, index, hash: node } of step.completed) nodes.set(`${level}/${index}`, node)
    frontier = step.frontier
  }
  for (let size = 0; size <= SIZES; size++) {
    const found = nodesOf({ start: 0, end: size }).map(({ level, index }) => nodes.get(`${level}/${index}`)!)
    expect(foldNodes(found)).toEqual(whole.root(size))
  }
})

/** Counts what is not as it should be: an assertion for each of a million cases would take longer than the cases. */
function failures() {
  const found: string[] = []
  return { found, check: (is: boolean, what: () => string) => void (is || found.push(what())) }
}
const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]) =>
  a.length === b.length && a.every((hash, i) => equalBytes(hash, b[i]!))

test('inclusion: every leaf of every size up to 130, and at no other place', () => {
  const { found, check } = failures()
  for (let size = 1; size <= SIZES; size++) {
    const root = whole.root(size)
    for (let index = 0; index < size; index++) {
      const name = () => `${index} of ${size}`
      const proof = whole.inclusionPath(index, size)
      if (size <= 24) check(same(proof, path(index, leaves.slice(0, size))), name)
      check(verifyInclusion(hashes[index]!, index, size, proof, root), name)
      check(!verifyInclusion(hashes[index]!, index + 1, size, proof, root), name)
      check(!verifyInclusion(hashes[index]!, index, size, [...proof, root], root), name)
      if (proof.length > 0) check(!verifyInclusion(hashes[index]!, index, size, proof.slice(1), root), name)
    }
  }
  expect(found).toEqual([])
})

test('consistency: every pair of sizes up to 130', () => {
  const { found, check } = failures()
  for (let to = 0; to <= SIZES; to++) {
    for (let from = 0; from <= to; from++) {
      const name = () => `${from} -> ${to}`
      const proof = whole.consistencyPath(from, to)
      if (from > 0 && to <= 24) check(same(proof, subproof(from, leaves.slice(0, to), true)), name)
      const older = { size: from, root: whole.root(from) }
      const newer = { size: to, root: whole.root(to) }
      check(verifyConsistency(older, newer, proof), name)
      // anything continues the empty tree
      check(
        verifyConsistency(older, { ...newer, root: hashes[0]!.toReversed() }, proof) === (from === 0 && to > 0),
        name
      )
      check(!verifyConsistency({ ...older, root: hashes[0]!.toReversed() }, newer, proof), name)
      check(!verifyConsistency(older, newer, [...proof, newer.root]), name)
      if (from < to) check(!verifyConsistency(newer, older, proof), name)
    }
  }
  expect(found).toEqual([])
})

test('100,000 mutated proofs are refused', () => {
  // a generator of its own, so that a failure can be repeated
  let seed = 0x7a105
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const { found, check } = failures()
  for (let refused = 0; refused < 100_000; ) {
    const size = 2 + random(SIZES - 1)
    const isInclusion = random(2) === 0
    const at = isInclusion ? random(size) : 1 + random(size - 1)
    const honest = isInclusion ? whole.inclusionPath(at, size) : whole.consistencyPath(at, size)
    const proof: Uint8Array[] = honest.map(hash => hash.slice())
    switch (random(5)) {
      case 0:
        proof[random(proof.length)]![random(32)]! ^= 1 << random(8)
        break
      case 1:
        proof.splice(random(proof.length), 1)
        break
      case 2:
        proof.splice(random(proof.length + 1), 0, hashes[random(SIZES)]!)
        break
      case 3:
        proof[random(proof.length)] = new Uint8Array(random(32))
        break
      default: {
        const [a, b] = [random(proof.length), random(proof.length)]
        const held = proof[a]!
        proof[a] = proof[b]!
        proof[b] = held
      }
    }
    if (same(proof, honest)) continue
    const root = whole.root(size)
    const accepted = isInclusion
      ? verifyInclusion(hashes[at]!, at, size, proof, root)
      : verifyConsistency({ size: at, root: whole.root(at) }, { size, root }, proof)
    check(!accepted, () => `${isInclusion ? 'inclusion' : 'consistency'} ${at} of ${size}`)
    refused++
  }
  expect(found).toEqual([])
})

test('places and sizes that cannot be have no root', () => {
  for (const [index, size] of [
    [-1, 3],
    [3, 3],
    [0, 0],
    [0.5, 3],
    [Number.NaN, 3],
    [0, Number.NaN],
    [0, 2 ** 60]
  ] as const) {
    expect(rootFromInclusion(hashes[0]!, index, size, [])).toBeUndefined()
  }
})
