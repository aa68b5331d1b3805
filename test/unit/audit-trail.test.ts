import { expect, test } from 'vitest'
import { difficultyOf, type Entry } from '../../src/chain/index.ts'
import { crypto } from '../../src/crypto/index.ts'
import { TalosError } from '../../src/errors.ts'
import { openStore } from '../../src/node/agent.ts'
import { AuditTrail } from '../../src/node/audit/audit-trail.ts'
import { withRecords } from '../../src/node/audit/history.ts'
import { RegistrationRecords } from '../../src/node/audit/identity.ts'
import { createWallet, exportPhrase, type Wallet } from '../../src/node/wallet/index.ts'
import { messageEntry } from '../../src/protocols/messaging/audit.ts'
import type { SessionStore } from '../../src/protocols/sessions/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const note: Entry = { kind: 'SESSION', fields: [{ name: 'event', value: 'begun' }] }
const newWallet = (dataDir: string, phrase?: string) =>
  createWallet({ dataDir, name: 'Alice', insecurePlaintext: true, ...(phrase === undefined ? {} : { phrase }) })

async function fieldsOf(trail: AuditTrail): Promise<Array<Record<string, unknown>>> {
  const { sequence: last } = await trail.chain.head()
  const records = []
  for (let sequence = 1; sequence <= last; sequence++) {
    const { fields } = (await trail.chain.recordAt(sequence))!.payload!
    records.push(Object.fromEntries(fields.map(({ name, value }) => [name, value])))
  }
  return records
}

const begun = ({ peerId, did, identity }: Wallet) => ({
  event: 'begun',
  agent: peerId,
  did,
  'agreement-key': identity.agreement.publicKey,
  name: 'Alice'
})

test('a chain begins with whose it is, once; and so does the one of the same identity restored elsewhere', async () => {
  const dataDir = temporaryFolder()
  const { wallet } = await newWallet(dataDir)
  await using store = await openStore(wallet, dataDir)
  for (let start = 0; start < 3; start++) {
    await using trail = await AuditTrail.open(store, wallet)
    expect(await fieldsOf(trail)).toEqual([begun(wallet)])
  }
  const elsewhere = temporaryFolder()
  const { wallet: restored } = await newWallet(elsewhere, await exportPhrase({ dataDir }))
  await using other = await openStore(restored, elsewhere)
  await using trail = await AuditTrail.open(other, restored)
  expect(await fieldsOf(trail)).toEqual([begun(wallet)])
})

test('the difficulty is that of the first start, and another one later changes nothing', async () => {
  const dataDir = temporaryFolder()
  const { wallet } = await newWallet(dataDir)
  await using store = await openStore(wallet, dataDir)
  for (const difficulty of [1, 4]) {
    await using trail = await AuditTrail.open(store, wallet, { difficulty })
    const block = await trail.chain.seal()
    expect(difficultyOf(trail.chain.chain.params.bits)).toBe(1)
    if (block !== undefined) expect(Buffer.from(block.hash).toString('hex')).toMatch(/^0/)
  }
})

test('records that get no block are told of once, and get it when it is possible again', async () => {
  const dataDir = temporaryFolder()
  const { wallet } = await newWallet(dataDir)
  await using disk = await openStore(wallet, dataDir)
  let isFull = false
  let tries = 0
  // only blocks do not fit any more
  const store: SessionStore = {
    transact: work =>
      disk.transact(transaction =>
        work({
          get: key => transaction.get(key),
          keys: (prefix, range) => transaction.keys(prefix, range),
          delete: key => transaction.delete(key),
          put: (key, value) => {
            if (isFull && key.startsWith('chain/b/')) {
              tries++
              throw new TalosError('STORAGE_FULL', 'the disk is full')
            }
            transaction.put(key, value)
          }
        })
      )
  }
  const troubles: Array<{ code: string; message: string }> = []
  await using trail = await AuditTrail.open(store, wallet, { onTrouble: trouble => troubles.push(trouble) })
  await trail.chain.sealAll()
  const { sequence: before } = trail.chain.tip
  isFull = true
  await store.transact(transaction => trail.record(transaction, [note]))
  await expect.poll(() => tries, { timeout: 20_000 }).toBeGreaterThan(1)
  expect(troubles).toEqual([{ code: 'STORAGE_FULL', message: 'the disk is full' }])
  isFull = false
  await trail.chain.sealedAfter(before, AbortSignal.timeout(20_000))
  expect(trail.chain.tip.sequence).toBe(before + 1)
  expect(trail.sealFailures).toBeGreaterThan(1)
})

test('a registration is recorded when the name at a server changes, and not again after a restart', async () => {
  const dataDir = temporaryFolder()
  const { wallet } = await newWallet(dataDir)
  await using store = await openStore(wallet, dataDir)
  await using trail = await AuditTrail.open(store, wallet)
  const troubles: unknown[] = []
  const at = (peerId: string, name?: string) => ({
    server: { peerId, addresses: [], lastSeen: 0 },
    ...(name === undefined ? {} : { name })
  })
  for (const states of [
    [at('one'), at('one', 'alice'), at('one', 'alice'), at('two', 'alice')],
    [at('one', 'alice'), at('two', 'alice-2'), at('two', 'alice')]
  ]) {
    const records = new RegistrationRecords({ store, record: trail.record }, error => troubles.push(error))
    for (const state of states) records.note(state)
    await records.stop()
  }
  expect((await fieldsOf(trail)).slice(1)).toEqual([
    { event: 'registered', peer: 'one', name: 'alice' },
    { event: 'registered', peer: 'two', name: 'alice' },
    { event: 'registered', peer: 'two', name: 'alice-2' },
    { event: 'registered', peer: 'two', name: 'alice' }
  ])
  expect(troubles).toEqual([])
  // a store that cannot be written is told, and the next refresh tries again
  const broken: SessionStore = { transact: async () => Promise.reject(new TalosError('STORAGE_FULL', 'no room')) }
  const records = new RegistrationRecords({ store: broken, record: trail.record }, error => troubles.push(error))
  records.note(at('one', 'other'))
  await records.stop()
  expect(troubles).toMatchObject([{ code: 'STORAGE_FULL' }])
})

test('the history says which record each message has, and when it is not what was recorded', async () => {
  const dataDir = temporaryFolder()
  const { wallet } = await newWallet(dataDir)
  await using store = await openStore(wallet, dataDir)
  await using trail = await AuditTrail.open(store, wallet)
  const content = (text: string) => new Uint8Array(Buffer.from(text))
  const record = (id: string) =>
    store.transact(transaction =>
      trail.record(transaction, [
        messageEntry(crypto, {
          incoming: true,
          peer: 'bob',
          id,
          contentType: 'text/plain',
          content: content(id),
          time: 1,
          otherTime: 1
        })
      ])
    )
  const shown = (id: string, text = id) => ({
    direction: 'in' as const,
    id,
    peer: 'bob',
    contentType: 'text/plain',
    content: content(text),
    sentAt: 1,
    receivedAt: 1,
    read: false
  })
  for (const id of ['one', 'two', 'three']) await record(id)
  await trail.chain.sealAll()
  await record('four')
  await trail.chain.eraseAll([3])
  const messages = [shown('four'), shown('three', 'changed'), shown('two'), shown('one'), shown('never')]
  const found = await withRecords(trail.chain, messages)
  expect(found.map(({ audit }) => audit)).toEqual([
    { record: 5 },
    { record: 4, block: 1, differs: true },
    undefined,
    { record: 2, block: 1 },
    undefined
  ])
})
