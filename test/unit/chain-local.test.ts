import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  archiveLocal,
  decodeProof,
  encodeProof,
  formatProof,
  importArchive,
  LocalChain,
  openCheckpoint,
  originOf,
  parseProof,
  proveConsistency,
  proveRecord,
  pruneLocal,
  signCheckpoint,
  verifyArchive,
  verifyConsistency,
  verifyLocal,
  verifyProof
} from '../../src/chain/index.ts'
import type { ChainStore } from '../../src/chain/local/store.ts'
import { crypto } from '../../src/crypto/index.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { ownerOf } from '../support/keys.ts'
import { localChain, message } from '../support/local-chain.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('records become blocks, are found by id, number, operation and peer, and verify', async () => {
  const agent = await localChain()
  await agent.fill(25, 10)
  const { chain } = agent
  expect(chain.tip.height).toBe(3)
  const report = await verifyLocal(chain, { contents: true })
  expect(report.errors).toEqual([])
  expect(report).toMatchObject({
    valid: true,
    from: 1,
    to: 3,
    blocks: 3,
    counts: { records: 25, signatures: 3, commitments: 25 }
  })

  const seventh = (await chain.recordOf('message/6'))!
  expect(seventh.sequence).toBe(7)
  expect(seventh.payload?.fields).toEqual([...message(6).fields, { name: 'operation', value: 'message/6' }])
  expect((await chain.record(seventh.id))?.sequence).toBe(7)
  expect((await chain.recordAt(7))?.id).toEqual(seventh.id)
  expect(await chain.heightOf(7)).toBe(1)
  expect(await chain.heightOf(11)).toBe(2)
  expect(await chain.sequencesWith('bob')).toHaveLength(25)
  expect(await chain.sequencesWith('bo')).toHaveLength(0)
  const block = (await chain.block(2))!
  expect((await chain.block(block.hash))?.bytes).toEqual(block.bytes)
})

test('a proof of a record verifies offline, as text and as bytes, with the fields that were opened', async () => {
  const agent = await localChain()
  await agent.fill(30, 7)
  const { chain } = agent
  const { id } = (await chain.recordOf('message/12'))!
  const proof = await proveRecord(chain, id, { open: ['peer', 'size'] })
  const log = { name: originOf(chain.chain.id), type: 1, publicKey: agent.owner.publicKey } as const
  for (const read of [parseProof(formatProof(proof)), decodeProof(encodeProof(proof))]) {
    expect(read).toEqual(proof)
    const verified = verifyProof(read, { log })
    expect(verified).toMatchObject({ height: 2, size: 6, id, witnesses: [] })
    expect(verified.opened.map(({ name, value }) => [name, value])).toEqual([
      ['peer', 'bob'],
      ['size', 1012]
    ])
  }
})

async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const logOf = (agent: Awaited<ReturnType<typeof localChain>>) =>
  ({ name: originOf(agent.chain.chain.id), type: 1, publicKey: agent.owner.publicKey }) as const

test('each checkpoint continues the ones before it, and says whose it is', async () => {
  const agent = await localChain()
  const seen = [openCheckpoint(await signCheckpoint(agent.chain), { log: logOf(agent) })]
  for (let at = 0; at < 9; at++) {
    await agent.append(message(at))
    await agent.chain.sealAll()
    seen.push(openCheckpoint(await signCheckpoint(agent.chain), { log: logOf(agent) }))
  }
  expect(seen.map(({ size }) => size)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  for (const newer of seen) {
    for (const older of seen.slice(0, newer.size)) {
      const path = await proveConsistency(agent.chain, older.size, newer.size)
      expect(verifyConsistency(older, newer, path), `${older.size} -> ${newer.size}`).toBe(true)
    }
  }
  const other = { ...logOf(agent), publicKey: ownerOf(9).publicKey }
  const note = await signCheckpoint(agent.chain)
  expect(() => openCheckpoint(note, { log: other })).toThrow(expect.objectContaining({ code: 'CHAIN_UNTRUSTED' }))
  expect(() => openCheckpoint(note, {})).toThrow(expect.objectContaining({ code: 'CHAIN_UNTRUSTED' }))
})

test('an operation is recorded once, also after a restart and when the first transaction failed', async () => {
  const agent = await localChain()
  const failed = agent.store.transact(async transaction => {
    await agent.chain.append(transaction, message(1))
    throw new Error('the thing itself failed')
  })
  await expect(failed).rejects.toThrow('the thing itself failed')
  expect(await agent.chain.recordOf('message/1')).toBeUndefined()
  const first = await agent.append(message(1))
  expect(first).toMatchObject({ sequence: 1, isNew: true })
  expect(await agent.append(message(1))).toEqual({ ...first, isNew: false })
  await agent.close()
  await agent.open()
  expect(await agent.append(message(1))).toEqual({ ...first, isNew: false })
  expect((await agent.chain.head()).sequence).toBe(1)
  expect((await verifyLocal(agent.chain)).valid).toBe(true)
})

test('erasing the contents of a record leaves the chain valid and the record proved, and nothing of the contents', async () => {
  const agent = await localChain()
  await agent.fill(5)
  const { id } = (await agent.chain.recordOf('message/2'))!
  expect(await agent.chain.erase(id)).toBe(true)
  expect(await agent.chain.erase(new Uint8Array(32))).toBe(false)
  const left = (await agent.chain.record(id))!
  expect(left.payload).toBeUndefined()
  expect(await agent.chain.recordOf('message/2')).toBeUndefined()
  expect(await agent.chain.sequencesWith('bob')).toEqual([1, 2, 4, 5])
  expect(await verifyLocal(agent.chain, { contents: true })).toMatchObject({ valid: true, counts: { commitments: 4 } })
  expect(verifyProof(await proveRecord(agent.chain, id), { log: logOf(agent) }).id).toEqual(id)
  await expect(proveRecord(agent.chain, id, { open: ['peer'] })).rejects.toMatchObject({ code: 'CHAIN_FIELD_UNKNOWN' })
})

test('a record that is erased before it has a block is not found by its peer afterwards either', async () => {
  const agent = await localChain()
  await agent.append(message(1))
  await agent.append(message(2))
  const first = (await agent.chain.recordOf('message/1'))!
  expect(await agent.chain.sequencesWith('bob')).toEqual([1, 2])
  await Promise.all([agent.chain.erase(first.id), agent.chain.seal()])
  await agent.chain.sealAll()
  expect(await agent.chain.sequencesWith('bob')).toEqual([2])
  expect(await verifyLocal(agent.chain, { contents: true })).toMatchObject({
    valid: true,
    counts: { records: 2, commitments: 1 }
  })
})

test('pruning keeps headers, history and the proofs that were given away; an archive brings the rest back', async () => {
  const agent = await localChain()
  await agent.fill(60, 6)
  const { chain } = agent
  const { id } = (await chain.recordOf('message/8'))!
  const gone = (await chain.recordOf('message/9'))!
  const old = await proveRecord(chain, id, { open: ['size'] })
  const whole = await bytesOf(archiveLocal(chain))
  const inPieces = async function* () {
    for (let at = 0; at < whole.length; at += 777) yield whole.subarray(at, at + 777)
  }
  expect(await verifyArchive(inPieces(), agent.owner.publicKey)).toMatchObject({ valid: true, blocks: 10 })

  await expect(pruneLocal(chain, 11)).rejects.toMatchObject({ code: 'CHAIN_PRUNE_RANGE' })
  expect(await pruneLocal(chain, 8)).toEqual({ blocks: 7, records: 42, kept: 1 })
  expect(await pruneLocal(chain, 8)).toEqual({ blocks: 0, records: 0, kept: 0 })
  expect(await verifyLocal(chain)).toMatchObject({ valid: true, headersOnly: 7, blocks: 10 })
  expect(await chain.record(gone.id)).toBeUndefined()
  await expect(proveRecord(chain, gone.id)).rejects.toMatchObject({ code: 'CHAIN_RECORD_UNKNOWN' })
  await agent.append(message(99))
  await chain.sealAll()
  expect(verifyProof(old, { log: logOf(agent) })).toMatchObject({ id, size: 11 })
  const renewed = await proveRecord(chain, id, { open: ['size'] })
  expect(verifyProof(renewed, { log: logOf(agent) })).toMatchObject({ id, size: 12, opened: [{ value: 1008 }] })

  expect(await importArchive(chain, inPieces())).toBe(7)
  expect(await verifyLocal(chain, { contents: true })).toMatchObject({
    valid: true,
    headersOnly: 0,
    counts: { commitments: 61 }
  })
  expect((await chain.record(gone.id))?.payload).toEqual(gone.payload)
  expect(verifyProof(await proveRecord(chain, gone.id), { log: logOf(agent) }).id).toEqual(gone.id)
  expect(await importArchive(chain, inPieces())).toBe(0)
})

test('an archive that was changed, cut off, or is of somebody else is refused, and brings nothing back', async () => {
  const agent = await localChain()
  await agent.fill(12, 4)
  const { chain } = agent
  const whole = await bytesOf(archiveLocal(chain))
  const from = async function* (bytes: Uint8Array) {
    yield bytes
  }
  await pruneLocal(chain, 3)
  const owner = agent.owner.publicKey
  const accepted: number[] = []
  for (let at = 0; at < whole.length; at += 61) {
    const bad = Buffer.from(whole)
    bad[at]! ^= 0x10
    const report = await verifyArchive(from(bad), owner).catch(() => ({ valid: false }))
    if (report.valid) accepted.push(at)
  }
  expect(accepted).toEqual([])
  await expect(verifyArchive(from(whole.subarray(0, -9)), owner)).rejects.toMatchObject({
    code: 'CHAIN_ARCHIVE_INVALID'
  })
  await expect(verifyArchive(from(whole), ownerOf(2).publicKey)).rejects.toMatchObject({
    code: 'CHAIN_ARCHIVE_INVALID'
  })
  await expect(importArchive(chain, from(whole.subarray(0, 900)))).rejects.toMatchObject({
    code: 'CHAIN_ARCHIVE_INVALID'
  })
  const stranger = await localChain({ owner: ownerOf(3) })
  await expect(importArchive(stranger.chain, from(whole))).rejects.toMatchObject({ code: 'CHAIN_ARCHIVE_INVALID' })
  expect(await verifyLocal(chain)).toMatchObject({ valid: true, headersOnly: 2 })
})

test('closing does not wait for work without end: its records get their block later, and the field "operation" is made by the chain', async () => {
  const agent = await localChain({ difficulty: 14 })
  await agent.append(message(1))
  await agent.close()
  const chain = await agent.open()
  expect(chain.tip.height).toBe(0)
  expect((await chain.recordOf('message/1'))?.sequence).toBe(1)
  expect(await verifyLocal(chain)).toMatchObject({ valid: true, blocks: 0 })
  const own = { kind: 'MESSAGE', fields: [{ name: 'operation', value: 'message/1' }] } as const
  await expect(agent.append(own)).rejects.toMatchObject({ code: 'CHAIN_OPERATION_INVALID' })
})

test('many records at once become several blocks of whole groups; all are found, also by ids that were joined', async () => {
  const agent = await localChain({ difficulty: 0 })
  const { chain, store } = agent
  const entries = Array.from({ length: 1_700 }, (_, i) => message(i))
  const appended = await store.transact(transaction => chain.appendAll(transaction, entries))
  expect(appended.map(({ sequence }) => sequence)).toEqual(entries.map((_, i) => i + 1))
  const pending = (await chain.recordAt(1_500))!
  expect(await chain.record(pending.id)).toEqual(pending)
  await chain.sealAll()
  expect(chain.tip).toMatchObject({ height: 2, sequence: 1_700 })
  expect(await chain.recordAt(1_500)).toEqual({ ...pending, height: 2 })
  // 256 blocks and more: what their records are found by by id becomes one entry
  for (let number = 1_700; number < 2_000; number++) {
    await agent.append(message(number))
    await chain.seal()
  }
  expect(await store.transact(transaction => transaction.keys('chain/i/1/'))).toHaveLength(1)
  for (const number of [0, 1_699, 1_700, 1_900, 1_999]) {
    const found = (await chain.recordOf(`message/${number}`))!
    expect((await chain.record(found.id))?.sequence).toBe(number + 1)
  }
  await pruneLocal(chain, 280)
  expect(await store.transact(transaction => transaction.keys('chain/i/'))).toHaveLength(302 - 279)
  expect(await verifyLocal(chain, { contents: true })).toMatchObject({ valid: true })
})

test('what belongs to a record is kept beside it, short or long, committed to, archived, and erased with it', async () => {
  const agent = await localChain()
  const short = Buffer.from('a short letter')
  const long = Buffer.alloc(300_000, 'long ')
  await agent.append({ ...message(1), content: short })
  await agent.append({ ...message(2), content: long })
  await agent.append(message(3))
  await agent.chain.sealAll()
  const { chain } = agent
  expect(short.equals((await chain.contentAt(1))!)).toBe(true)
  expect(long.equals((await chain.contentAt(2))!)).toBe(true)
  expect(await chain.contentAt(3)).toBeUndefined()
  expect((await verifyLocal(chain, { contents: true })).valid).toBe(true)

  const whole = await bytesOf(archiveLocal(chain))
  const source = async function* () {
    yield whole
  }
  await agent.append(message(4))
  await chain.sealAll()
  await pruneLocal(chain, 2)
  expect(await chain.contentAt(2)).toBeUndefined()
  expect(await importArchive(chain, source())).toBe(1)
  expect(long.equals((await chain.contentAt(2))!)).toBe(true)

  // another content than was recorded
  await agent.store.transact(async transaction => transaction.put('chain/c/000000000002', Buffer.from('other')))
  expect((await verifyLocal(chain, { contents: true })).errors).toMatchObject([{ code: 204 }])
  await chain.erase((await chain.recordAt(2))!.id)
  expect(await chain.contentAt(2)).toBeUndefined()
  expect(await agent.store.transact(transaction => transaction.keys('chain/c/'))).toEqual([])
  expect(await verifyLocal(chain, { contents: true })).toMatchObject({ valid: true, counts: { commitments: 3 } })
})

test('numbers that a failed transaction took are taken again, and nothing of it is found', async () => {
  const agent = await localChain({ difficulty: 1 })
  const { chain, store } = agent
  const failing = (from: number, count: number) =>
    store.transact(async transaction => {
      await chain.appendAll(
        transaction,
        Array.from({ length: count }, (_, i) => message(from + i))
      )
      throw new Error('in vain')
    })
  await Promise.allSettled([failing(100, 3), failing(200, 5)])
  await agent.append(message(1))
  await Promise.allSettled([failing(300, 2)])
  await store.transact(transaction => chain.appendAll(transaction, [message(2), message(3), message(4)]))
  for (const number of [100, 101, 200, 201, 300, 301]) {
    expect(await chain.recordOf(`message/${number}`)).toBeUndefined()
  }
  await chain.sealAll()
  for (const number of [1, 2, 3, 4]) expect((await chain.recordOf(`message/${number}`))?.sequence).toBe(number)
  expect(await verifyLocal(chain, { contents: true })).toMatchObject({ valid: true, counts: { commitments: 4 } })
})

test('when a block cannot be written none after it is, although they are made already, and all are made again', async () => {
  await using disk = await DurableStore.open(join(temporaryFolder(), 'store'), new Uint8Array(32), crypto)
  // takes no second block until all of them were made, and then takes it not
  let [written, made, isFailing] = [0, 0, true]
  const allMade = Promise.withResolvers<void>()
  const store: ChainStore = {
    transact: work =>
      disk.transact(async transaction => {
        let isBlock = false
        const put = (key: string, value: Uint8Array): void => {
          isBlock ||= key.startsWith('chain/b/')
          transaction.put(key, value)
        }
        const result = await work({ ...transaction, put })
        if (!isBlock || !isFailing || ++written < 3) return result
        await allMade.promise
        throw new Error('the disk is full')
      })
  }
  const now = (): number => {
    // once for the chain, once for the records, and once for each block when it is made
    if (++made === 6) allMade.resolve()
    return 1e12
  }
  await using chain = await LocalChain.open({ store, owner: ownerOf(1), randomBytes: crypto.randomBytes, now })
  const messages = Array.from({ length: 3_600 }, (_, i) => message(i))
  await disk.transact(transaction => chain.appendAll(transaction, messages))
  await expect(chain.sealAll()).rejects.toThrow('the disk is full')
  expect(chain.tip.height).toBe(1)
  expect(await verifyLocal(chain, { contents: true })).toMatchObject({ valid: true, to: 1 })
  isFailing = false
  await chain.sealAll()
  expect(chain.tip).toMatchObject({ height: 5, sequence: 3_600 })
  expect(await verifyLocal(chain, { contents: true })).toMatchObject({ valid: true, counts: { records: 3_600 } })
})

test('more records without a block than are held in memory are found all the same, also after a restart', async () => {
  const agent = await localChain({ difficulty: 14 })
  const append = (from: number, count: number) =>
    agent.store.transact(transaction =>
      agent.chain.appendAll(
        transaction,
        Array.from({ length: count }, (_, i) => message(from + i))
      )
    )
  await append(0, 12_000)
  await append(12_000, 12_000)
  const check = async () => {
    for (const number of [0, 11_999, 12_000, 23_999]) {
      expect((await agent.chain.recordOf(`message/${number}`))?.sequence).toBe(number + 1)
      expect(await agent.append(message(number))).toEqual({ sequence: number + 1, isNew: false })
    }
  }
  await check()
  await agent.close()
  await agent.open()
  await check()
}, 60_000)
