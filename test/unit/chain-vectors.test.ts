import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { decodeProof, parseProof, verifyProof } from '../../src/chain/index.ts'
import { parseNoteKey } from '../../src/chain/note.ts'
import { chainOf, decodeParams } from '../../src/chain/params.ts'
import { ChainValidator } from '../../src/chain/validation/validate-chain.ts'
import { makeChainVectors } from '../support/chain-vectors.ts'
import { vectorReader } from '../support/python.ts'

const file = fileURLToPath(new URL('../vectors/chain.json', import.meta.url))
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

// A change here makes every chain that exists another one: it needs another version. When that is meant, `npx vitest run <this file> --update`
// writes the vectors anew.
test('the frozen vectors are made again, byte for byte, from their secrets', async () => {
  await expect(`${JSON.stringify(makeChainVectors(), null, 2)}\n`).toMatchFileSnapshot('../vectors/chain.json')
})

interface Vectors {
  local: { params: string; blocks: string[] }
  shared: { params: string; blocks: string[] }
  witnessKey: string
  proofs: Array<{ text: string; bytes: string; logKey: string }>
}
const vectors = (): Vectors => JSON.parse(readFileSync(file, 'utf8')) as Vectors

test('both chains of the vectors are valid', async () => {
  for (const { params, blocks } of [vectors().local, vectors().shared]) {
    const validator = new ChainValidator(chainOf(decodeParams(hex(params))), { now: 1_790_000_100_000 })
    for (const block of blocks) await validator.block(hex(block))
    expect(validator.end()).toMatchObject({ valid: true, errors: [], blocks: blocks.length })
  }
})

test('the proofs of the vectors hold, for the owner and for a witness', () => {
  for (const { text, bytes, logKey } of vectors().proofs) {
    const proof = parseProof(text)
    expect(decodeProof(hex(bytes))).toEqual(proof)
    const witnesses = [parseNoteKey(vectors().witnessKey)]
    expect(verifyProof(proof, { log: parseNoteKey(logKey), witnesses, quorum: 1 }).witnesses).toHaveLength(1)
    expect(verifyProof(proof, { witnesses, quorum: 1 }).witnesses).toEqual(['witness.example/w1'])
  }
})

const python = vectorReader('chain')

test.skipIf(python.missing)('Python reads them from the specification alone', () => {
  expect(python.read()).toBe('24 records and 3 proofs read\n')
})
