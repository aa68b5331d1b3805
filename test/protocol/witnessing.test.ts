import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connection, Stream } from '@libp2p/interface'
import { expect, onTestFinished, test } from 'vitest'
import { encodeEvidence, verifyEvidence } from '../../src/chain/evidence.ts'
import { LocalChain, proveRecord, trustAnchors, verifyLocal, verifyProof } from '../../src/chain/index.ts'
import {
  cosignNote,
  formatNote,
  formatNoteKey,
  NOTE_KEY,
  type NoteKey,
  parseNote,
  signatureLine
} from '../../src/chain/note.ts'
import { parsePolicy, signersFor } from '../../src/chain/policy.ts'
import { parseAddCheckpoint } from '../../src/chain/witness.ts'
import { crypto } from '../../src/crypto/index.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { Witnessing, type WitnessingInit } from '../../src/node/witness/witnessing.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import type { SessionStore } from '../../src/protocols/sessions/index.ts'
import { WITNESS_PROTOCOL, type WitnessServer, witnessServer } from '../../src/protocols/witness/index.ts'
import { WitnessRequest, WitnessResponse } from '../../src/protocols/witness/pb/witness.ts'
import { ownerOf } from '../support/keys.ts'
import { message } from '../support/local-chain.ts'
import { startNode } from '../support/nodes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { durableStore } from '../support/witness.ts'

// An agent's chain and its witnesses, each with a database on disk and a node, three of four being enough.

let messages = 0
const NEVER = new AbortController().signal
const owner = ownerOf(1)
const code = (text: string) => expect.objectContaining({ code: text })

interface TestWitness {
  name: string
  key: NoteKey
  dial(): Promise<Connection>
  stop(): Promise<void>
}

const client = async () => {
  const node = await startNode()
  onTestFinished(async () => node.stop())
  return node
}

async function honest(name: string, store?: SessionStore): Promise<TestWitness> {
  const kept = store ?? (await durableStore()).store
  const service = witnessServer({ store: kept, crypto, name, serves: () => true })
  const node = await startNode<{ witness: WitnessServer }>({ services: { witness: service } as never })
  const caller = await client()
  let running = true
  const stop = async () => {
    if (running) await node.stop()
    running = false
  }
  onTestFinished(stop)
  const { key } = node.services.witness.witness!
  return { name, key, dial: () => caller.dial(node.getMultiaddrs()), stop }
}

/** Signs whatever it is asked to. */
async function liar(name: string): Promise<TestWitness> {
  const signer = crypto.ed25519.generate()
  const node = await startNode()
  await node.handle(WITNESS_PROTOCOL, async (stream: Stream) => {
    const frames = new FrameStream(stream, { maxFrameLength: 100_000 })
    const { addCheckpoint } = WitnessRequest.decode((await frames.read())!)
    const { note } = parseAddCheckpoint(new TextDecoder().decode(addCheckpoint))
    const line = signatureLine(cosignNote(note.text, name, signer, Math.floor(Date.now() / 1000)))
    await frames.write(WitnessResponse.encode({ status: 200, body: new TextEncoder().encode(line) }))
    await frames.close()
  })
  const caller = await client()
  onTestFinished(async () => node.stop())
  const key: NoteKey = { name, type: NOTE_KEY.cosignature, publicKey: signer.publicKey }
  return { name, key, dial: () => caller.dial(node.getMultiaddrs()), stop: async () => node.stop() }
}

const policyText = (witnesses: readonly TestWitness[], needed = 3) =>
  [
    ...witnesses.map(({ name, key }) => `witness ${name} ${formatNoteKey(key)}`),
    `group enough ${needed} ${witnesses.map(({ name }) => name).join(' ')}`,
    'quorum enough\n'
  ].join('\n')

/** An agent's chain in a folder, as often as that is opened. */
async function agent(
  witnesses: readonly TestWitness[],
  folder = temporaryFolder(),
  init: Partial<WitnessingInit> = {}
) {
  const location = join(folder, 'store')
  const store = await DurableStore.open(location, new Uint8Array(32).fill(5), crypto)
  const chain = await LocalChain.open({ store, owner, randomBytes: crypto.randomBytes, difficulty: 1 })
  const troubles: string[] = []
  const witnessing = new Witnessing({
    chain,
    store,
    policy: async () => parsePolicy(policyText(witnesses)),
    connect: ({ name }) => witnesses.find(witness => witness.name === name)!.dial(),
    onTrouble: (name, trouble) => troubles.push(`${name} ${trouble.code}`),
    ...init
  })
  let isOpen = true
  const close = async () => {
    if (!isOpen) return
    isOpen = false
    await witnessing.stop()
    await chain.close()
    await store.close()
  }
  onTestFinished(close)
  return {
    folder,
    store,
    chain,
    witnessing,
    troubles,
    close,
    /** Makes blocks of one record each. */
    grow: async (blocks: number, peer = 'bob') => {
      let id!: Uint8Array
      for (let i = 0; i < blocks; i++) {
        const entry = message(++messages, peer)
        const { sequence } = await store.transact(transaction => chain.append(transaction, entry))
        await chain.sealAll()
        id = (await chain.recordAt(sequence))!.id
      }
      return id
    }
  }
}

/** The folder of an agent that is not open, as it is now. */
async function copyOf(folder: string): Promise<string> {
  const copy = temporaryFolder()
  await cp(join(folder, 'store'), join(copy, 'store'), { recursive: true })
  return copy
}

test('three of four sign, one is down: witnessed 3/4, and a proof says so to whoever trusts these four', async () => {
  const witnesses = await Promise.all(['one', 'two', 'three', 'four'].map(name => honest(name)))
  const alice = await agent(witnesses)
  expect(await alice.witnessing.report()).toMatchObject({ state: 'probabilistic', signed: 0, total: 4, needed: 3 })
  expect(await alice.witnessing.newest()).toBeUndefined()
  const id = await alice.grow(3)
  expect(await alice.witnessing.submit(NEVER)).toMatchObject({ state: 'witnessed', signed: 4, size: 4, blocks: 4 })
  await witnesses[1]!.stop()
  await alice.grow(2)
  const report = await alice.witnessing.submit(NEVER)
  expect(report).toMatchObject({ state: 'witnessed', signed: 3, total: 4, size: 6, blocks: 6 })
  expect(report.witnesses.map(({ size }) => size)).toEqual([6, 4, 6, 6])
  expect(report.witnesses[1]!.trouble).toBeDefined()
  expect(alice.troubles).toHaveLength(1)
  // with one more gone it is not enough; what was witnessed stays so
  await witnesses[0]!.stop()
  await alice.grow(1)
  expect(await alice.witnessing.submit(NEVER)).toMatchObject({ state: 'witnessed', signed: 3, size: 6, blocks: 7 })

  const checkpoint = (await alice.witnessing.newest())!
  const proof = await proveRecord(alice.chain, id, { checkpoint })
  const policy = (needed: number) =>
    signersFor(parsePolicy(policyText(witnesses, needed)), parseNote(checkpoint.note).text.split('\n')[0]!)
  expect(verifyProof(proof, policy(3)).witnesses).toEqual(['one', 'three', 'four'])
  expect(() => verifyProof(proof, policy(4))).toThrow(code('CHAIN_UNTRUSTED'))
})

test('an agent that ends between the answer of a witness and its own disk goes on from there', async () => {
  const witnesses = await Promise.all(['one', 'two', 'three', 'four'].map(name => honest(name)))
  const alice = await agent(witnesses)
  await alice.grow(2)
  await alice.witnessing.submit(NEVER)
  const { folder } = alice
  await alice.grow(2)
  await alice.close()
  // it is killed before anything of the answers is on disk: on disk is what was before
  const before = await copyOf(folder)
  const lost = await agent(witnesses, folder)
  expect(await lost.witnessing.submit(NEVER)).toMatchObject({ state: 'witnessed', signed: 4, size: 5 })
  await lost.close()
  const again = await agent(witnesses, before)
  expect(await again.witnessing.report()).toMatchObject({ state: 'witnessed', size: 3, blocks: 5 })
  await again.grow(1)
  expect(await again.witnessing.submit(NEVER)).toMatchObject({ state: 'witnessed', signed: 4, size: 6 })
  expect(again.troubles).toEqual([])
})

test('a copy of the data directory makes a second history: only a liar signs it, and is convicted; the owner is told', async () => {
  const witnesses = [...(await Promise.all(['one', 'two', 'three'].map(name => honest(name)))), await liar('four')]
  const alice = await agent(witnesses)
  await alice.grow(3)
  expect(await alice.witnessing.submit(NEVER)).toMatchObject({ state: 'witnessed', signed: 4 })
  await alice.close()
  const copy = await copyOf(alice.folder)
  const real = await agent(witnesses, alice.folder)
  await real.grow(2)
  expect(await real.witnessing.submit(NEVER)).toMatchObject({ state: 'witnessed', signed: 4, size: 6 })

  const second = await agent(witnesses, copy)
  await second.grow(2, 'eve')
  const report = await second.witnessing.submit(NEVER)
  // what it still has is the checkpoint of before; the new one has one signature
  expect(report).toMatchObject({ state: 'witnessed', size: 4, blocks: 6 })
  expect(report.witnesses.map(({ trouble }) => trouble?.code)).toEqual([
    'WITNESS_EVIDENCE',
    'WITNESS_EVIDENCE',
    'WITNESS_EVIDENCE',
    undefined
  ])
  // the liar has signed two roots for one size
  const { key } = witnesses[3]!
  const notes = await Promise.all(
    [real, second].map(async ({ store }) => {
      const memory = await store.transact(transaction => transaction.get('witnessed'))
      return (JSON.parse(new TextDecoder().decode(memory)) as { latest: string }).latest
    })
  )
  const evidence = encodeEvidence({ what: 'checkpoints', key, pair: [notes[0]!, notes[1]!] })
  expect(verifyEvidence(evidence)).toMatchObject({ culprit: key.publicKey, place: 6 })
  // the honest ones go on for nobody: they cannot know which history is the true one
  await real.grow(1)
  await real.witnessing.submit(NEVER)
  expect(real.troubles).toEqual(['one WITNESS_EVIDENCE', 'two WITNESS_EVIDENCE', 'three WITNESS_EVIDENCE'])
})

test('a chain that was put back, and went on, is told that witnesses have seen more, or another history', async () => {
  const witnesses = await Promise.all(['one', 'two', 'three', 'four'].map(name => honest(name)))
  const alice = await agent(witnesses)
  await alice.grow(2)
  await alice.close()
  const old = await copyOf(alice.folder)
  const later = await agent(witnesses, alice.folder)
  await later.grow(5)
  await later.witnessing.submit(NEVER)
  const back = await agent(witnesses, old)
  await back.witnessing.submit(NEVER)
  expect(new Set(back.troubles.map(text => text.split(' ')[1]))).toEqual(new Set(['WITNESS_AHEAD']))
  await back.grow(9)
  const report = await back.witnessing.submit(NEVER)
  expect(report.state).toBe('probabilistic')
  expect(report.witnesses.map(({ trouble }) => trouble?.code)).toEqual(Array(4).fill('WITNESS_FORKED'))
})

test('a witness that was put back is told of, and not followed; one that remembers what nobody signed too', async () => {
  const { store, reopen } = await durableStore()
  const folder = temporaryFolder()
  const one = await honest('one', store)
  const others = await Promise.all(['two', 'three', 'four'].map(name => honest(name)))
  const alice = await agent([one, ...others], folder)
  await alice.grow(2)
  await alice.witnessing.submit(NEVER)
  const memory = await store.transact(async transaction => {
    const [key] = await transaction.keys('witness/c/')
    return { key: key!, value: (await transaction.get(key!))! }
  })
  await alice.grow(2)
  await alice.witnessing.submit(NEVER)
  await one.stop()
  const again = await reopen()
  await again.transact(async transaction => transaction.put(memory.key, memory.value.slice()))
  const restored = await honest('one', again)
  expect(restored.key).toEqual(one.key)
  Object.assign(one, { dial: restored.dial })
  await alice.grow(1)
  const report = await alice.witnessing.submit(NEVER)
  expect(report).toMatchObject({ state: 'witnessed', signed: 3, size: 6 })
  expect(report.witnesses[0]).toMatchObject({ size: 5, trouble: { code: 'WITNESS_FAULT' } })
  expect((await alice.witnessing.check(NEVER)).witnesses[0]!.trouble!.message).toContain(
    'remembers 3 blocks, and has signed 5'
  )
})

test('a checkpoint on disk whose signatures are not those of the policy counts for nothing', async () => {
  const witnesses = await Promise.all(['one', 'two', 'three', 'four'].map(name => honest(name)))
  const alice = await agent(witnesses)
  await alice.grow(1)
  expect(await alice.witnessing.submit(NEVER)).toMatchObject({ state: 'witnessed', signed: 4 })
  const other = await honest('five')
  const replaced = [other, ...witnesses.slice(2)]
  const later = new Witnessing({
    chain: alice.chain,
    store: alice.store,
    policy: async () => parsePolicy(policyText(replaced)),
    connect: ({ name }) => replaced.find(witness => witness.name === name)!.dial()
  })
  expect(await later.report()).toMatchObject({ state: 'probabilistic', signed: 2, total: 3 })
  expect(await later.newest()).toBeUndefined()
  expect(await later.submit(NEVER)).toMatchObject({ state: 'witnessed', signed: 3, total: 3 })
  // what somebody wrote into the database is verified like anything else
  const unsigned = formatNote({ ...parseNote((await later.newest())!.note), signatures: [] })
  const memory = { enough: `${unsigned}— x AAAAAAA=\n`, witnesses: {} }
  await alice.store.transact(async transaction =>
    transaction.put('witnessed', new TextEncoder().encode(JSON.stringify(memory)))
  )
  expect(await later.report()).toMatchObject({ state: 'probabilistic', signed: 0 })
})

test('signatures that are recorded in the chain are checked with it, by the policy, and nothing else makes them true', async () => {
  const witnesses = await Promise.all(['one', 'two', 'three', 'four'].map(name => honest(name)))
  const alice = await agent(witnesses)
  expect(await alice.witnessing.anchor()).toBe(false)
  await alice.grow(3)
  await alice.witnessing.submit(NEVER)
  expect(await alice.witnessing.anchor()).toBe(true)
  expect(await alice.witnessing.anchor()).toBe(false)
  await alice.chain.sealAll()
  const verify = (policy: string | undefined) =>
    verifyLocal(alice.chain, {
      level: 'PARANOID',
      anchors: { providers: policy === undefined ? [] : [trustAnchors('witness', parsePolicy(policy))] }
    })
  expect(await verify(policyText(witnesses))).toMatchObject({ valid: true, errors: [] })
  expect(await verify(policyText(witnesses, 4))).toMatchObject({ valid: true })
  const failed = { valid: false, errors: [{ violation: 'EXTERNAL_VERIFICATION_FAILED' }] }
  expect(await verify(undefined)).toMatchObject(failed)
  expect(await verify('quorum none\n')).toMatchObject(failed)
  const strangers = await Promise.all(['five', 'six', 'seven'].map(name => honest(name)))
  expect(await verify(policyText(strangers))).toMatchObject(failed)
  expect(await verify(policyText([witnesses[0]!, ...strangers], 2))).toMatchObject(failed)
})

test('at an interval, when it grew, and once more at the end', async () => {
  const witnesses = await Promise.all(['one', 'two', 'three', 'four'].map(name => honest(name)))
  const alice = await agent(witnesses, temporaryFolder(), { interval: 20 })
  alice.witnessing.start()
  await alice.grow(2)
  await expect.poll(() => alice.witnessing.report(), { timeout: 10_000 }).toMatchObject({ signed: 4, size: 3 })
  await alice.grow(1)
  await alice.close()
  const later = await agent(witnesses, alice.folder)
  expect(await later.witnessing.report()).toMatchObject({ state: 'witnessed', signed: 4, size: 4, blocks: 4 })
})
