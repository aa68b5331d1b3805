import { readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { Level } from 'level'
import { expect, test } from 'vitest'
import {
  archiveLocal,
  browse,
  findHeight,
  findRecord,
  formatProof,
  importArchive,
  openCheckpoint,
  originOf,
  parseProof,
  proveRecords,
  pruneLocal,
  recordsOfAll,
  signCheckpoint,
  verifyLocal,
  verifyProof
} from '../../src/chain/index.ts'
import { KEYS } from '../../src/chain/local/store.ts'
import { openArchive, sealArchive } from '../../src/node/audit/read/sealed-file.ts'
import { writeOutputFile } from '../../src/node/output-file.ts'
import { ownerOf } from '../support/keys.ts'
import { localChain, message } from '../support/local-chain.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('pages of any filter and direction give what one pass over all records gives', async () => {
  let now = 1_000_000
  const agent = await localChain({ now: () => now })
  const all: Array<{ sequence: number; peer: string; time: number; kind: string }> = []
  for (let at = 0; at < 120; at++) {
    const peer = ['alice', 'bob', 'carol'][at % 3]!
    const kind = at % 5 === 0 ? 'FILE' : 'MESSAGE'
    if (at % 4 === 0) now += 1_000
    await agent.append({ ...message(at, peer), kind })
    all.push({ sequence: at + 1, peer, time: now, kind })
    if (at % 17 === 0 && at < 100) await agent.chain.sealAll()
  }
  const bound = fc.option(fc.integer({ min: 999_000, max: 1_032_000 }), { nil: undefined })
  const number = fc.option(fc.integer({ min: 1, max: 125 }), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        peer: fc.constantFrom(undefined, 'alice', 'bob', 'nobody'),
        kinds: fc.constantFrom(undefined, ['FILE'] as const, ['FILE', 'MESSAGE'] as const, ['DENIAL'] as const),
        since: bound,
        until: bound,
        from: number,
        to: number,
        reverse: fc.boolean(),
        limit: fc.integer({ min: 1, max: 40 })
      }),
      async query => {
        const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
        const seen: number[] = []
        let at: object = {}
        for (;;) {
          const page = await browse(agent.chain, { limit: query.limit, ...given, ...at })
          expect(page.records.length).toBeLessThanOrEqual(query.limit)
          seen.push(...page.records.map(({ sequence }) => sequence))
          if (page.next === undefined) break
          at = query.reverse ? { to: page.next } : { from: page.next }
        }
        const { peer, kinds, since = 0, until = Number.MAX_SAFE_INTEGER, from = 0, to = 1_000 } = query
        const wanted = all
          .filter(
            record =>
              (peer === undefined || record.peer === peer) &&
              (kinds === undefined || (kinds as readonly string[]).includes(record.kind)) &&
              record.time >= since &&
              record.time <= until &&
              record.sequence >= from &&
              record.sequence <= to
          )
          .map(({ sequence }) => sequence)
        expect(seen).toEqual(query.reverse ? wanted.reverse() : wanted)
      }
    ),
    { numRuns: 300 }
  )
})

test('a page says of each record in which block it is, also where blocks are long', async () => {
  const agent = await localChain()
  await agent.fill(50, 7)
  await agent.append(message(50))
  const { records } = await browse(agent.chain, { limit: 100 })
  expect(records.map(({ height }) => height)).toEqual([
    ...Array.from({ length: 50 }, (_, i) => Math.floor(i / 7) + 1),
    undefined
  ])
})

test('a page ends before it is large, whatever is in the records', async () => {
  const agent = await localChain()
  for (let at = 0; at < 40; at++) {
    await agent.append({ kind: 'FILE', fields: [{ name: 'note', value: 'x'.repeat(90_000) }] })
  }
  const { records, next } = await browse(agent.chain, { limit: 500 })
  expect([records.length, next]).toEqual([6, 7])
})

test('after pruning the pages begin with what is there', async () => {
  const agent = await localChain()
  await agent.fill(30, 10)
  await pruneLocal(agent.chain, 3)
  const pages = await Promise.all([
    browse(agent.chain, { limit: 100 }),
    browse(agent.chain, { limit: 100, peer: 'bob' }),
    browse(agent.chain, { limit: 100, since: 0 })
  ])
  for (const { records } of pages)
    expect(records.map(({ sequence }) => sequence)).toEqual([...Array(10).keys()].map(i => i + 21))
})

test('a record is found by its id, the first digits of that, or its operation, and not by digits that fit several', async () => {
  const agent = await localChain()
  await agent.fill(700, 100)
  const ids: string[] = []
  for (let sequence = 1; sequence <= 700; sequence++) ids.push(hex((await agent.chain.recordAt(sequence))!.id))
  for (const id of ids.slice(0, 20)) {
    expect(hex((await findRecord(agent.chain, id)).id)).toBe(id)
    expect(hex((await findRecord(agent.chain, id.slice(0, 12).toUpperCase())).id)).toBe(id)
  }
  expect((await findRecord(agent.chain, 'message/7')).record.sequence).toBe(8)
  // of 700 random ids two nearly always share four digits
  const twins = ids.filter((id, i) => ids.some((other, j) => i !== j && other.slice(0, 4) === id.slice(0, 4)))
  for (const id of twins) {
    await expect(findRecord(agent.chain, id.slice(0, 4))).rejects.toMatchObject({ code: 'CHAIN_RECORD_AMBIGUOUS' })
  }
  // an id that is longer than its key and differs in the end is another one
  const wrongEnd = `${ids[0]!.slice(0, 60)}${ids[0]!.slice(60) === 'ffff' ? '0000' : 'ffff'}`
  for (const reference of ['', 'abc', 'message/7000', wrongEnd, 'f'.repeat(65), '__proto__', '../../x', '\u0000']) {
    await expect(findRecord(agent.chain, reference), reference).rejects.toMatchObject({ code: 'CHAIN_RECORD_UNKNOWN' })
  }
  const { hash } = (await agent.chain.block(3))!
  expect(await findHeight(agent.chain, '3')).toBe(3)
  expect(await findHeight(agent.chain, hex(hash).slice(0, 16))).toBe(3)
  expect(await findHeight(agent.chain, '8')).toBeUndefined()
})

test('a record is found by its number, in a block or not, and not by one that there is not', async () => {
  const agent = await localChain()
  await agent.fill(20, 10)
  await agent.append(message(20))
  for (const number of [1, 20, 21]) {
    const found = await findRecord(agent.chain, String(number))
    expect([found.record.sequence, found.height === undefined]).toEqual([number, number === 21])
  }
  for (const number of ['0', '22', '01', '-1', '9999999999', '99999999999']) {
    await expect(findRecord(agent.chain, number)).rejects.toMatchObject({ code: 'CHAIN_RECORD_UNKNOWN' })
  }
  const several = await recordsOfAll(agent.chain, ['message/20', 'message/99', 'message/0'])
  expect(several.map(found => found?.sequence)).toEqual([21, undefined, 1])
})

test('proofs of many records at once are those of one at a time, and hold', async () => {
  const agent = await localChain()
  await agent.fill(40, 9)
  await agent.append(message(40))
  const size = agent.chain.tip.height + 1
  const note = await signCheckpoint(agent.chain, size)
  const log = { name: originOf(agent.chain.chain.id), type: 1, publicKey: agent.owner.publicKey } as const
  const sequences = [...Array(42).keys()].map(i => i + 1)
  const proofs = await proveRecords(agent.chain, sequences, { note, size })
  expect(proofs.slice(40)).toEqual([undefined, undefined])
  for (const [i, proof] of proofs.slice(0, 40).entries()) {
    const verified = verifyProof(parseProof(formatProof(proof!)), { log })
    expect(verified.record.sequence).toBe(i + 1)
    expect(verified.opened.map(({ name }) => name)).toEqual(['peer', 'direction', 'id', 'size', 'bytes', 'operation'])
  }
  const old = openCheckpoint(await signCheckpoint(agent.chain, 2), { log })
  const early = await proveRecords(agent.chain, [9, 10], { note: await signCheckpoint(agent.chain, 2), size: old.size })
  expect(early.map(proof => proof !== undefined)).toEqual([true, false])
})

/** What a record without extensions takes in a body. */
const ENTRY = 126

const flip = (at: number) => (bytes: Uint8Array) => {
  bytes.set([bytes.at(at)! ^ 1], at < 0 ? bytes.length + at : at)
}

const change = (agent: Awaited<ReturnType<typeof localChain>>, key: string, how: (bytes: Uint8Array) => void) =>
  agent.store.transact(async transaction => {
    const bytes = (await transaction.get(key))!
    how(bytes)
    transaction.put(key, bytes)
  })

test('a damaged store is reported with the block and the record, whatever is wrong with it', async () => {
  const damage: Array<[string, (agent: Awaited<ReturnType<typeof localChain>>) => Promise<void>, number, RegExp]> = [
    [
      'the records of a block are gone',
      agent => agent.store.transact(async t => t.delete(KEYS.body(11))),
      2,
      /the records of block 2 are missing/
    ],
    [
      'a record was changed',
      agent => change(agent, KEYS.body(11), flip(2 * ENTRY + 4 + 87)), // the last bit of its time
      2,
      /record 13 is not the one/
    ],
    [
      'bytes that are no records',
      agent => agent.store.transact(async t => t.put(KEYS.body(11), Uint8Array.of(0, 0, 0, 3, 1, 2, 3))),
      2,
      /body/
    ],
    ['nothing at all', agent => agent.store.transact(async t => t.put(KEYS.body(11), new Uint8Array(1))), 2, /body/],
    [
      'contents that are others',
      agent => change(agent, KEYS.group(13), flip(-1)),
      2,
      /what is kept of record 13 is not what was recorded/
    ],
    [
      'contents that cannot be read',
      agent => agent.store.transact(async t => t.put(KEYS.group(13), (await t.get(KEYS.group(13)))!.slice(0, -5))),
      2,
      /what is kept of record 13 cannot be read/
    ],
    ['a block is gone', agent => agent.store.transact(async t => t.delete(KEYS.block(3))), 3, /block 3 is missing/],
    [
      'two records were swapped',
      agent =>
        change(agent, KEYS.body(11), body => {
          const [a, b] = [body.slice(2 * ENTRY, 3 * ENTRY), body.slice(3 * ENTRY, 4 * ENTRY)]
          body.set(b, 2 * ENTRY)
          body.set(a, 3 * ENTRY)
        }),
      2,
      /record 12 is not the one/
    ]
  ]
  for (const [name, hurt, height, says] of damage) {
    const agent = await localChain()
    await agent.fill(40, 10)
    await hurt(agent)
    const report = await verifyLocal(agent.chain, { contents: true })
    expect(report.valid, name).toBe(false)
    expect(
      report.errors.map(({ height: at }) => at),
      name
    ).toContain(height)
    expect(report.errors.map(({ message: text }) => text).join('\n'), name).toMatch(says)
  }
})

test('a bit that has flipped on the disk is reported with its block', async () => {
  const agent = await localChain()
  await agent.fill(40, 10)
  await agent.close()
  const level = new Level<string, Uint8Array>(join(agent.folder, 'store'), { valueEncoding: 'view' })
  const key = KEYS.body(11)
  const sealed = (await level.get(key))!
  sealed[50]! ^= 1
  await level.put(key, sealed)
  await level.close()
  await agent.open()
  const report = await verifyLocal(agent.chain)
  expect(report).toMatchObject({ valid: false, errors: [{ violation: 'MALFORMED_BLOCK', height: 2 }] })
  expect(report.errors[0]!.message).toContain('cannot be read')
})

test('checking lets others go on meanwhile, and stops when it is told to', async () => {
  const agent = await localChain()
  await agent.fill(200, 2)
  const stop = new AbortController()
  let turns = 0
  const checking = verifyLocal(agent.chain, {
    signal: stop.signal,
    onProgress: async height => {
      await new Promise(resolve => setImmediate(resolve))
      turns++
      if (height === 50) stop.abort(new Error('enough'))
    }
  })
  await expect(checking).rejects.toThrow('enough')
  expect(turns).toBe(50)
})

test('who follows the chain is woken by each block, and by the signal', async () => {
  const agent = await localChain()
  const { signal } = new AbortController()
  const waiting = agent.chain.sealedAfter(0, signal)
  await agent.append(message(1))
  await agent.chain.sealAll()
  await waiting
  await agent.chain.sealedAfter(0, signal)
  const stop = new AbortController()
  const later = agent.chain.sealedAfter(1, stop.signal)
  stop.abort(new Error('enough'))
  await expect(later).rejects.toThrow('enough')
})

async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('a sealed archive opens for its owner and brings back what was pruned; any other bit of it is refused', async () => {
  const agent = await localChain()
  await agent.fill(900, 30)
  const [seed, path] = [new Uint8Array(32).fill(7), join(temporaryFolder(), 'chain.talos')]
  const { bytes } = await writeOutputFile(path, sealArchive(archiveLocal(agent.chain), seed))
  const { size, mode } = await stat(path)
  expect([bytes, mode & 0o777]).toEqual([size, 0o600])
  const plain = await bytesOf(archiveLocal(agent.chain))
  expect(await bytesOf(openArchive(path, seed))).toEqual(plain)
  const sealed = await readFile(path)
  expect(sealed.includes('message/7')).toBe(false)
  expect(sealed.length).toBeGreaterThan(3 * 65_536)

  await pruneLocal(agent.chain, 20)
  expect(await importArchive(agent.chain, openArchive(path, seed))).toBe(19)
  expect(await verifyLocal(agent.chain, { contents: true })).toMatchObject({ valid: true, headersOnly: 0 })

  const refused = (source: AsyncIterable<Uint8Array>) =>
    expect(bytesOf(source)).rejects.toMatchObject({ code: 'CHAIN_ARCHIVE_INVALID' })
  await refused(openArchive(path, new Uint8Array(32).fill(8)))
  for (const at of [0, 40, 61, 100, 70_000, sealed.length - 1]) {
    const changed = Buffer.from(sealed)
    changed[at]! ^= 1
    await writeFile(path, changed)
    await refused(openArchive(path, seed))
  }
  const box = 65_536 + 16
  const head = sealed.length - Math.floor((sealed.length - 61) / box) * box - ((sealed.length - 61) % box)
  // whole boxes left out at the end, in the middle, and swapped
  await writeFile(path, sealed)
  for (const length of [0, 10, head, head + box, head + 2 * box, sealed.length - 1]) {
    await writeFile(path, sealed)
    await truncate(path, length)
    await refused(openArchive(path, seed))
  }
  const boxes = [
    sealed.subarray(head, head + box),
    sealed.subarray(head + box, head + 2 * box),
    sealed.subarray(head + 2 * box)
  ]
  await writeFile(path, Buffer.concat([sealed.subarray(0, head), boxes[1]!, boxes[0]!, boxes[2]!]))
  await refused(openArchive(path, seed))
  await writeFile(path, Buffer.concat([sealed.subarray(0, head), boxes[0]!, boxes[2]!]))
  await refused(openArchive(path, seed))
  await expect(bytesOf(openArchive(join(path, 'not'), seed))).rejects.toMatchObject({ code: 'STORAGE_READ_FAILED' })
})

test('an archive of another chain of the same owner is refused', async () => {
  const [one, two] = [await localChain(), await localChain({ owner: ownerOf(1), now: () => 5_000 })]
  await one.fill(10, 2)
  await two.fill(10, 2)
  await pruneLocal(two.chain, 3)
  await expect(importArchive(two.chain, archiveLocal(one.chain))).rejects.toMatchObject({
    code: 'CHAIN_ARCHIVE_INVALID'
  })
})

test('a file that is being written appears whole, or not at all', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'out.txt')
  async function* failing() {
    yield 'half of it'
    throw new Error('the rest is gone')
  }
  await expect(writeOutputFile(path, failing())).rejects.toThrow('the rest is gone')
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
  await writeOutputFile(path, 'old')
  await expect(writeOutputFile(path, failing())).rejects.toThrow('the rest is gone')
  expect(await readFile(path, 'utf8')).toBe('old')
  await expect(writeOutputFile(join(folder, 'no', 'such'), 'x')).rejects.toMatchObject({ code: 'STORAGE_WRITE_FAILED' })
})
