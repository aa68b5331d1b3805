import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blockHash, encodeHeader } from '../../src/chain/block.ts'
import { commit, decodePayload, encodePayload, openField, verifyOpening } from '../../src/chain/commitment.ts'
import { formatProof, originOf, proveRecord, verifyLocal } from '../../src/chain/index.ts'
import { migrate } from '../../src/chain/local/migrate.ts'
import { mineHeader } from '../../src/chain/miner.ts'
import { formatNoteKey, NOTE_KEY } from '../../src/chain/note.ts'
import { chainOf, decodeParams, encodeParams, localParams } from '../../src/chain/params.ts'
import { encodeProof } from '../../src/chain/proof.ts'
import { decodeRecord, encodeRecord } from '../../src/chain/record.ts'
import { hashLeaf, inclusionRanges, rootFromInclusion } from '../../src/chain/tree.ts'
import { reportHtml, reportJson, reportMarkdown } from '../../src/chain/validation/report.ts'
import { ChainValidator } from '../../src/chain/validation/validate-chain.ts'
import { bitsOf, bitsOfDifficulty, meetsTarget, targetOf } from '../../src/chain/work.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { ownerOf } from '../support/keys.ts'
import { localChain } from '../support/local-chain.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const integer = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

test('a record has one encoding, and every other is refused', () => {
  const record = fc.record({
    kind: fc.integer({ min: 1, max: 12 }),
    author: bytes(32),
    stream: fc.integer({ min: 0, max: 0xffffffff }),
    sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    previous: bytes(32),
    time: integer,
    commitment: bytes(32),
    extensions: fc
      .uniqueArray(fc.record({ type: fc.integer({ min: 1, max: 3 }), value: fc.uint8Array({ maxLength: 99 }) }), {
        selector: ({ type }) => type
      })
      .map(list => list.sort((a, b) => a.type - b.type))
  })
  fc.assert(
    fc.property(record, fc.nat(), fc.integer({ min: 1, max: 255 }), (made, at, flip) => {
      const encoded = encodeRecord(made)
      expect(decodeRecord(encoded)).toEqual(made)
      const changed = encoded.slice()
      changed[at % changed.length]! ^= flip
      let again: Uint8Array
      try {
        again = encodeRecord(decodeRecord(changed))
      } catch (error) {
        expect(error).toMatchObject({ code: 'CHAIN_FORMAT' })
        return
      }
      expect(again).toEqual(changed)
    }),
    { numRuns: 500 }
  )
})

test('parameters have one encoding', () => {
  const params = localParams(ownerOf(1).publicKey, START)
  const list = {
    ...params,
    name: 'ü',
    admission: 'list',
    keys: [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  } as const
  for (const made of [params, list, { ...list, admission: 'open', keys: [], kinds: ['IDENTITY'] } as const]) {
    expect(decodeParams(encodeParams(made))).toEqual(made)
  }
  for (const wrong of [
    { ...list, keys: list.keys.toReversed() },
    { ...list, keys: [] },
    { ...params, admission: 'open' } as const,
    { ...params, bits: 0x1f000001 }
  ]) {
    expect(() => decodeParams(encodeParams(wrong))).toThrow(expect.objectContaining({ code: 'CHAIN_FORMAT' }))
  }
  const encoded = encodeParams(list)
  for (let at = 0; at < encoded.length; at++) {
    expect(() => decodeParams(encoded.subarray(0, at))).toThrow(expect.objectContaining({ code: 'CHAIN_FORMAT' }))
  }
})

test('a field that is opened is the one that was committed to, and opens no other', () => {
  const value = fc.oneof(fc.string(), integer, fc.uint8Array({ maxLength: 64 }))
  const fields = fc.uniqueArray(fc.record({ name: fc.stringMatching(/^[a-z0-9._-]{1,8}$/), value }), {
    selector: ({ name }) => name,
    minLength: 1,
    maxLength: 32
  })
  fc.assert(
    fc.property(fields, bytes(32), fc.nat(), (made, secret, pick) => {
      const payload = { secret, fields: made }
      const commitment = commit(payload)
      expect(decodePayload(encodePayload(payload))).toEqual(payload)
      const opened = openField(payload, made[pick % made.length]!.name)!
      expect(verifyOpening(commitment, opened)).toBe(true)
      expect(verifyOpening(commitment, { ...opened, value: 'other' })).toBe(opened.value === 'other')
      expect(verifyOpening(commitment, { ...opened, name: `${opened.name.slice(0, 60)}x` })).toBe(false)
      expect(verifyOpening(commitment, { ...opened, index: opened.index + 1 })).toBe(false)
      expect(verifyOpening(commitment, { ...opened, salt: opened.salt.map(byte => byte ^ 1) })).toBe(false)
    })
  )
  const twice = [
    { name: 'a', value: 1 },
    { name: 'a', value: 2 }
  ]
  for (const wrong of [
    [],
    twice,
    [{ name: 'A', value: 1 }],
    Array.from({ length: 33 }, (_, i) => ({ name: `f${i}`, value: i }))
  ]) {
    expect(() => commit({ secret: new Uint8Array(32), fields: wrong })).toThrow(
      expect.objectContaining({ code: 'CHAIN_FORMAT' })
    )
  }
})

test('bits are the shortest form of a target, and a hash meets it or does not', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 2n ** 256n - 1n }), target => {
      const bits = bitsOf(target)
      const rounded = targetOf(bits)
      expect(rounded <= target && bitsOf(rounded) === bits).toBe(true)
      const bytesOf = (number: bigint) => new Uint8Array(Buffer.from(number.toString(16).padStart(64, '0'), 'hex'))
      expect(meetsTarget(bytesOf(rounded), bits)).toBe(true)
      expect(meetsTarget(bytesOf(rounded - 1n), bits)).toBe(true)
      if (rounded < 2n ** 256n - 1n) expect(meetsTarget(bytesOf(rounded + 1n), bits)).toBe(false)
    })
  )
})

const unmined = (digits: number) =>
  encodeHeader({
    height: 1,
    time: START,
    previous: new Uint8Array(32),
    recordsRoot: new Uint8Array(32),
    historyRoot: new Uint8Array(32),
    producer: new Uint8Array(32),
    recordCount: 1,
    bodyLength: 1,
    bits: bitsOfDifficulty(digits),
    nonce: 0,
    signedRecords: false
  })

test('light work is done at once, more of it in a thread, and both can be given up', async () => {
  for (const digits of [1, 2, 4]) {
    const mined = await mineHeader(unmined(digits))
    expect(meetsTarget(blockHash(mined), bitsOfDifficulty(digits))).toBe(true)
    expect(mined.subarray(0, 156)).toEqual(unmined(digits).subarray(0, 156))
  }
  const reason = new Error('enough')
  await expect(mineHeader(unmined(2), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const abort = new AbortController()
  const endless = mineHeader(unmined(16), { signal: abort.signal })
  abort.abort(reason)
  await expect(endless).rejects.toBe(reason)
  // in the middle of the work: a thread that is stopped inside OpenSSL would take the process with it
  for (let i = 0; i < 3; i++) {
    await expect(mineHeader(unmined(16), { signal: AbortSignal.timeout(300) })).rejects.toMatchObject({
      name: 'TimeoutError'
    })
  }
})

test('a store of an older version is brought up step by step, each whole or not at all; a newer one is left alone', async () => {
  const agent = await localChain()
  const { store } = agent
  const version = () => store.transact(async transaction => (await transaction.get('chain/version'))?.[0])
  await store.transact(async transaction => transaction.put('chain/version', Uint8Array.of(1)))
  const steps = {
    1: async (transaction: Parameters<Parameters<typeof store.transact>[0]>[0]) =>
      transaction.put('chain/test', Uint8Array.of(2)),
    2: async () => {
      throw new Error('the disk')
    }
  }
  await expect(migrate(store, steps, 3)).rejects.toThrow('the disk')
  expect(await version()).toBe(2)
  await migrate(store, { ...steps, 2: async transaction => transaction.delete('chain/test') }, 3)
  expect(await version()).toBe(3)
  await expect(migrate(store, steps, 2)).rejects.toMatchObject({ code: 'CHAIN_STORE_NEWER' })
  await expect(agent.open().catch(error => Promise.reject(error))).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
  await store.transact(async transaction => transaction.put('chain/version', Uint8Array.of(1)))
})

test('a proof of a record a million blocks deep has at most 1.5 KB', async () => {
  const builder = new ChainBuilder()
  const agent = await localChain()
  await agent.fill(100)
  const near = await proveRecord(agent.chain, (await agent.chain.recordAt(50))!.id)
  const { size, height } = { size: 1_000_000, height: 123_456 }
  const path = inclusionRanges(height, size).map((_, i) => new Uint8Array(32).fill(i))
  expect(rootFromInclusion(hashLeaf(builder.chain.genesisHash), height, size, path)).toBeDefined()
  const deep = { ...near, size, historyPath: path, checkpoint: near.checkpoint.replace('\n2\n', `\n${size}\n`) }
  expect(encodeProof(deep).length).toBeLessThanOrEqual(1_500)
})

test('reports say the same as JSON, Markdown and HTML, and text of others cannot break out of them', async () => {
  const builder = new ChainBuilder(chainOf(localParams(ownerOf(1).publicKey, START, 1)))
  const validator = new ChainValidator(builder.chain, {
    now: START + 1e9,
    custom: [
      {
        name: 'x',
        layer: 'semantic',
        level: 'STRICT',
        run: () => Promise.reject(new Error('<script>alert(1)</script> | [a](b) `c`\n# d & "e"'))
      }
    ]
  })
  await validator.block(builder.block({ count: 4 }))
  const report = validator.end()
  const parsed = JSON.parse(reportJson(report)) as Record<string, unknown>
  expect(parsed).toMatchObject({
    format: 'talos-chain-report/1',
    valid: false,
    blocks: 1,
    counts: { records: 4, signatures: 1 }
  })
  const html = reportHtml(report)
  expect(html).toContain('The chain is NOT valid')
  expect(html).toContain('499 CUSTOM_RULE')
  expect(html).not.toMatch(/<script|src=|href=|\son\w+=/i)
  expect(html).toContain('&#60;script&#62;')
  const markdown = reportMarkdown(report)
  expect(markdown.split('\n').filter(line => line.startsWith('#'))).toEqual([
    '# The chain is NOT valid',
    '## Layers',
    '## Errors (1)'
  ])
  expect(markdown).toContain('\\<script\\>')
  expect(markdown).toContain('| Records | 4 |')

  const agent = await localChain()
  await agent.fill(3)
  expect(reportMarkdown(await verifyLocal(agent.chain))).toContain('# The chain is valid')
})

test('scripts/verify-proof.mjs verifies a proof by itself, and refuses what was changed or is signed by somebody else', async () => {
  const agent = await localChain()
  await agent.fill(20, 3)
  const { id } = (await agent.chain.recordOf('message/7'))!
  const proof = formatProof(await proveRecord(agent.chain, id, { open: ['peer', 'size', 'bytes'] }))
  const name = originOf(agent.chain.chain.id)
  const keyOf = (owner: typeof agent.owner) =>
    formatNoteKey({ name, type: NOTE_KEY.ed25519, publicKey: owner.publicKey })
  const script = fileURLToPath(new URL('../../scripts/verify-proof.mjs', import.meta.url))
  const file = join(temporaryFolder(), 'message.tlog-proof')
  const run = (text: string, ...flags: string[]) => {
    writeFileSync(file, text)
    return spawnSync(process.execPath, [script, file, ...flags], { encoding: 'utf8' })
  }
  const good = run(proof, '--key', keyOf(agent.owner))
  expect(good.stderr).toBe('')
  expect(good.stdout).toContain(`PROVED: record ${Buffer.from(id).toString('hex')}\n  kind MESSAGE, number 8 of `)
  expect(good.stdout).toContain('peer: "bob"\n  size: 1007\n  bytes: 070203\n')
  expect(run(proof, '--key', keyOf(ownerOf(2))).stderr).toContain('NOT PROVED: the owner did not sign this checkpoint')
  expect(run(proof).stderr).toContain('NOT PROVED: say whom you trust')
  const lines = proof.split('\n')
  for (const at of [0, 1, 2, 3, 5, 8, 9, 11]) {
    const line = lines[at]!
    const middle = Math.floor(line.length / 2)
    const swapped = line[middle] === 'A' ? 'B' : 'A'
    const changed = lines.with(at, line.slice(0, middle) + swapped + line.slice(middle + 1)).join('\n')
    expect(run(changed, '--key', keyOf(agent.owner)).status, `line ${at}: ${line}`).toBe(1)
  }
})
