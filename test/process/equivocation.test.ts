import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { formatNoteKey, parseNoteKey } from '../../src/chain/note.ts'
import type { NetworkStatus } from '../../src/index.ts'
import { openWallet } from '../../src/node/wallet/index.ts'
import { addCheckpoint } from '../../src/protocols/witness/index.ts'
import { START } from '../support/chain-builder.ts'
import { startNode } from '../support/nodes.ts'
import { freePort } from '../support/ports.ts'
import { eventually } from '../support/processes.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'
import { TestLog } from '../support/witness.ts'

interface Status {
  network: NetworkStatus
}
interface Convicted {
  convicted: Array<{ peerId: string; what: string; place: number }>
}

const NEVER = new AbortController().signal

/** A witness for everybody, at an address that is known. */
async function witnessOf(world: TalosWorld, name: string) {
  const machine = await world.machine(name)
  const listen = `/ip4/127.0.0.1/tcp/${await freePort()}`
  const running = machine.start('witness', 'serve', '--allow', '*', '--listen', listen)
  const { witness } = await running.event<{ witness: string }>('ready')
  const address = `${listen}/p2p/${machine.peerId}`
  const line = `witness ${name} ${witness.split(' ')[2]!} ${address}`
  return { machine, running, address, key: parseNoteKey(witness.split(' ')[2]!), line }
}

async function networkFile(world: TalosWorld, machines: readonly Machine[]): Promise<string> {
  const keys = await Promise.all(machines.map(async ({ json }) => (await json<{ hex: string }>('wallet', 'show')).hex))
  const file = join(world.folder, 'network.yaml')
  const writers = keys.map(key => `  - "${key}"\n`).join('')
  writeFileSync(file, `name: test\ngenesis: 2026-11-01T00:00:00Z\ndifficulty: 2\nspacing: 1\nwriters:\n${writers}`)
  return file
}

test('who signs two histories is convicted at a witness; the other witness and all nodes of the shared chain learn of it and take nothing more from it, and a stranger checks the evidence', {
  timeout: 240_000
}, async context => {
  const world = await TalosWorld.start(context)
  const [mallory, bob, stranger] = await Promise.all(['mallory', 'bob', 'stranger'].map(name => world.machine(name)))
  const [w1, w2] = await Promise.all(['W1', 'W2'].map(name => witnessOf(world, name)))
  const network = await networkFile(world, [mallory!, bob!])
  const peers = [w1!, w2!].flatMap(({ address }) => ['--network-peer', address])
  const daemon = bob!.start('daemon', '--network', network, ...peers)
  await daemon.event('ready')
  const evil = mallory!.start('daemon', '--network', network, '--network-peer', bob!.peerId)
  await evil.event('ready')
  await eventually(async () => (await bob!.json<Status>('chain', 'status')).network.peers.length === 1, 30_000)
  expect((await mallory!.json<Status>('chain', 'status')).network).toMatchObject({ admitted: true, convicted: 0 })

  // with its own key, two states of one chain of its own: each witness sees the first, one of them the second
  const { identity } = await openWallet({ dataDir: mallory!.dataDir })
  const [log, fork] = [0, 1].map(number => new TestLog(1, number, 5, START, identity)) as [TestLog, TestLog]
  await using client = await startNode()
  const ask = async ({ address, key }: typeof w1 & object, state: TestLog) =>
    addCheckpoint(
      await client.dial(multiaddr(address)),
      key,
      { note: state.note(9), oldSize: 0, proof: [], params: log.chain.encodedParams },
      NEVER
    )
  expect((await ask(w1!, log)).state).toBe('cosigned')
  expect((await ask(w2!, log)).state).toBe('cosigned')
  await expect(ask(w1!, fork)).rejects.toMatchObject({ code: 'WITNESS_EVIDENCE' })

  for (const machine of [bob!, mallory!]) {
    await eventually(async () => (await machine.json<Status>('chain', 'status')).network.convicted === 1, 60_000)
    const { convicted } = await machine.json<Convicted>('chain', 'evidence')
    expect(convicted).toMatchObject([{ peerId: mallory!.peerId, what: 'checkpoints', place: 9 }])
  }
  await eventually(
    () =>
      ask(w2!, log).then(
        () => false,
        ({ code }) => code === 'WITNESS_EVIDENCE'
      ),
    60_000
  )
  const refused = await mallory!.run('chain', 'checkpoint')
  expect(refused.stderr).toContain('CHAIN_NOT_ADMITTED')

  // by its name, into a file; a stranger needs nothing else
  const file = join(world.folder, 'evidence.txt')
  expect((await bob!.run('chain', 'evidence', mallory!.peerId, '--output', file)).status).toBe(0)
  const found = await stranger!.json<{ evidence: { culprit: string } }>('proof', 'verify', '--file', file, '--offline')
  expect(found.evidence).toMatchObject({ culprit: mallory!.peerId, origin: log.origin, place: 9 })
  expect((await bob!.run('chain', 'evidence', mallory!.peerId)).stdout).toBe(readFileSync(file, 'utf8'))
  expect(await bob!.json('chain', 'evidence', '--add', file)).toMatchObject({ isNew: false, peerId: mallory!.peerId })
  const innocent = await bob!.run('chain', 'evidence', bob!.peerId)
  expect([innocent.status, innocent.stderr]).toEqual([7, expect.stringContaining('CHAIN_EVIDENCE_NONE')])

  // after a restart
  await daemon.kill()
  await bob!.start('daemon', '--network', network).event('ready')
  expect((await bob!.json<Status>('chain', 'status')).network.convicted).toBe(1)
})

test('who shows each witness another history is found by whoever asks both, with evidence, and what was known stays', {
  timeout: 120_000
}, async context => {
  const world = await TalosWorld.start(context)
  const [bob, stranger] = await Promise.all(['bob', 'stranger'].map(name => world.machine(name)))
  const [w1, w2] = await Promise.all(['W1', 'W2'].map(name => witnessOf(world, name)))
  const [log, fork] = [0, 1].map(number => new TestLog(1, number)) as [TestLog, TestLog]
  await using client = await startNode()
  const show = async ({ address, key }: typeof w1 & object, state: TestLog, from: number, to: number) => {
    const [connection, proof] = [await client.dial(multiaddr(address)), state.proof(from, to)]
    const asked = { note: state.note(to), oldSize: from, proof, params: log.chain.encodedParams }
    expect((await addCheckpoint(connection, key, asked, NEVER)).state).toBe('cosigned')
  }
  const policy = join(world.folder, 'policy')
  const ask = (...lines: string[]) => {
    writeFileSync(policy, [w1!.line, w2!.line, ...lines, ''].join('\n'))
    return bob!.run('light', 'checkpoint', log.origin, '--witness-policy', policy)
  }
  const owner = `log ${formatNoteKey(log.key)}`

  // up to the fork both have the same
  for (const witness of [w1!, w2!]) await show(witness, log, 0, 3)
  expect((await ask(owner, 'group both all W1 W2', 'quorum both')).status).toBe(0)
  await show(w1!, log, 3, 9)
  await show(w2!, fork, 3, 9)
  const told = await ask(owner, 'group both all W1 W2', 'quorum both')
  expect([told.status, told.stderr]).toEqual([1, expect.stringContaining('LIGHT_TWO_HISTORIES')])
  expect(told.stderr).toContain('signed by its owner')
  const file = join(bob!.dataDir, 'evidence', `${Buffer.from(log.chain.id).toString('hex')}-9.txt`)
  expect(told.stderr).toContain(file)
  const { evidence } = await stranger!.json<{ evidence: object }>('proof', 'verify', '--file', file, '--offline')
  expect(evidence).toMatchObject({ what: 'checkpoints', origin: log.origin, place: 9 })
  // also where one witness is enough for either state
  expect((await ask(owner, 'group any any W1 W2', 'quorum any')).stderr).toContain('signed by its owner')
  // who does not know the owner's key, and believes one witness, learns that the two do not agree
  const between = await ask('group any any W1 W2', 'quorum any')
  expect(between.stderr).toContain('none of whom signed both')
  for (const { running } of [w1!, w2!]) await running.kill()
  const left = await bob!.json<{ size: number }>('light', 'checkpoint', log.origin, '--witness-policy', policy)
  expect(left.size).toBe(3)
})
