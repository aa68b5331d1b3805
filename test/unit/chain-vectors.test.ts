import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { decodeProof, parseProof, verifyArchive, verifyProof } from '../../src/chain/index.ts'
import { parseNoteKey } from '../../src/chain/note.ts'
import { chainOf, decodeParams } from '../../src/chain/params.ts'
import { ChainValidator } from '../../src/chain/validation/validate-chain.ts'
import { openArchive } from '../../src/node/audit/read/sealed-file.ts'
import { makeChainVectors } from '../support/chain-vectors.ts'
import { vectorReader } from '../support/python.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

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
  archive: { seed: string; owner: string; archive: string; sealed: string }
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

test('the archive of the vectors is one of a whole chain, sealed and open', async () => {
  const { seed, owner, archive, sealed } = vectors().archive
  const whole = async function* () {
    yield hex(archive)
  }
  expect(await verifyArchive(whole(), hex(owner))).toMatchObject({ valid: true, blocks: 2, counts: { records: 3 } })
  const file = join(temporaryFolder(), 'sealed')
  writeFileSync(file, hex(sealed))
  const opened: Uint8Array[] = []
  for await (const chunk of openArchive(file, hex(seed))) opened.push(chunk)
  expect(Buffer.concat(opened).toString('hex')).toBe(archive)
})

const python = vectorReader('chain')

test.skipIf(python.missing)('Python reads them from the specification alone', () => {
  expect(python.read()).toBe('24 records, 3 proofs and an archive read\n')
})
