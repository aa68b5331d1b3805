import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { encodeEvidence, formatEvidence } from '../../src/chain/evidence.ts'
import { parseNoteKey } from '../../src/chain/note.ts'
import { isTalosError } from '../../src/errors.ts'
import { addCheckpoint } from '../../src/protocols/witness/index.ts'
import { startNode } from '../support/nodes.ts'
import { freePort } from '../support/ports.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'
import { TestLog } from '../support/witness.ts'

// Witnesses and an agent as processes, each with a disk of its own, killed at any time.

interface Report {
  state: string
  signed: number
  total: number
  size: number
  blocks: number
  witnesses: Array<{ name: string; size: number; trouble?: { code: string } }>
}

/** A witness that is always at the same address. */
async function witnessOf(world: TalosWorld, name: string, allow: string) {
  const machine = await world.machine(name)
  const address = `/ip4/127.0.0.1/tcp/${await freePort()}`
  const start = async () => {
    const running = machine.start('witness', 'serve', '--allow', allow, '--listen', address)
    const { witness } = await running.event<{ witness: string }>('ready')
    return { running, witness }
  }
  const { running, witness: line } = await start()
  return { machine, start, running, key: line.split(' ')[2]!, address: `${address}/p2p/${machine.peerId}`, line }
}

/** The policy: the line that each witness prints, with its address. */
function writePolicy(alice: Machine, witnesses: ReadonlyArray<Awaited<ReturnType<typeof witnessOf>>>): string {
  const file = join(alice.dataDir, 'witness-policy')
  const names = witnesses.map(({ machine }) => machine.name)
  const lines = witnesses.map(({ machine, key, address }) => `witness ${machine.name} ${key} ${address}`)
  writeFileSync(file, [...lines, `group enough 3 ${names.join(' ')}`, 'quorum enough', ''].join('\n'))
  return file
}

test('three of four witnesses are enough: one is killed, the agent too, and a stranger checks a proof', {
  timeout: 240_000
}, async context => {
  const world = await TalosWorld.start(context)
  const alice = await world.machine('Alice')
  const witnesses = await Promise.all(['W1', 'W2', 'W3', 'W4'].map(name => witnessOf(world, name, alice.peerId)))
  expect(witnesses[0]!.line).toBe(`witness W1 ${witnesses[0]!.key} /p2p/${witnesses[0]!.machine.peerId}`)
  alice.env['TALOS_WITNESS_INTERVAL'] = '1'
  const bob = await world.machine('Bob')
  const say = (text: string) => alice.json<{ id: string }>('send', bob.peerId, text)

  let daemon = alice.start('daemon')
  await daemon.event('ready')
  const { witness: before } = await alice.json<{ witness: Report }>('status')
  expect(before).toMatchObject({ state: 'probabilistic', total: 0 })
  const policy = writePolicy(alice, witnesses)
  const { id } = await say('one')
  const first = await alice.json<Report>('witness', 'submit')
  expect(first).toMatchObject({ state: 'witnessed', signed: 4, total: 4 })
  await witnesses[2]!.running.kill()
  await say('two')
  // killed at some point between the witnesses and its disk
  const submitted = alice.run('witness', 'submit')
  await delay(randomInt(1, 300))
  await daemon.kill()
  await submitted
  daemon = alice.start('daemon')
  await daemon.event('ready')
  await say('three')
  const report = await alice.json<Report>('witness', 'submit')
  expect(report).toMatchObject({ state: 'witnessed', signed: 3, total: 4, size: report.blocks })
  expect(report.size).toBeGreaterThan(first.size)
  const text = (await alice.run('status')).stdout
  expect(text).toContain('Audit chain: witnessed 3/4')
  const list = await alice.run('witness', 'list')
  expect(list.stdout).toMatch(/W3 .*\n/)
  expect((await alice.json<Report>('witness', 'list')).witnesses.map(({ trouble }) => trouble === undefined)).toEqual([
    true,
    true,
    false,
    true
  ])

  // somebody else follows the chain by what they signed
  const { origin } = await alice.json<{ origin: string }>('audit', 'root')
  const seen = await bob.json<{ size: number; witnesses: string[]; total: number }>(
    'light',
    'checkpoint',
    origin,
    '--witness-policy',
    policy
  )
  expect(seen).toMatchObject({ size: report.size, total: 4 })
  expect(seen.witnesses).toHaveLength(3)
  const stranger = await bob.run('light', 'checkpoint', 'ab'.repeat(32), '--witness-policy', policy)
  expect(stranger.stderr).toContain('LIGHT_NOT_WITNESSED')

  // what is exported carries the signatures
  const proof = join(world.folder, 'proof.txt')
  expect((await alice.run('proof', 'export', `message/${id}`, '--output', proof)).status).toBe(0)
  const verified = await bob.json<{ checkpoint: { witnesses: string[] } }>(
    'proof',
    'verify',
    proof,
    '--offline',
    '--policy',
    policy
  )
  expect(verified.checkpoint.witnesses).toHaveLength(3)
  const script = (file: string) =>
    spawnSync(process.execPath, ['scripts/verify-proof.mjs', proof, '--policy', file], { encoding: 'utf8' })
  expect(script(policy).stdout).toContain('PROVED: record ')
  const all = join(world.folder, 'all')
  writeFileSync(all, witnesses.map(({ line }) => `${line}\n`).join('') + 'group all all W1 W2 W3 W4\nquorum all\n')
  expect(script(all)).toMatchObject({ status: 1, stderr: expect.stringContaining('not enough for the policy') })
  const refused = await bob.run('proof', 'verify', proof, '--offline', '--policy', all)
  expect([refused.status, refused.stderr]).toEqual([7, expect.stringContaining('3 of 4')])

  // the last words: what was recorded before the end is shown to the witnesses, and status knows without a node
  await say('four')
  await daemon.kill('SIGTERM')
  const { witness } = await alice.json<{ witness: Report }>('status')
  expect(witness).toMatchObject({ state: 'witnessed', signed: 3 })
  expect(witness.size).toBeGreaterThan(report.size)
})

test('a witness that is killed again and again never signs two roots for one size', {
  timeout: 240_000
}, async context => {
  const world = await TalosWorld.start(context)
  const witness = await witnessOf(world, 'W', '*')
  const key = parseNoteKey(witness.key)
  const signed = new Map<string, string>()
  const never = new AbortController().signal
  let [answers, owners] = [0, 0]
  /** An owner that has three histories, and asks for all of them as fast as it can. */
  const race = async (connection: Connection) => {
    const seed = ++owners
    const histories = [0, 1, 2].map(fork => new TestLog(seed, fork))
    const ask = async (log: TestLog, from: number, to: number) => {
      const request = { note: log.note(to), oldSize: from, proof: log.proof(from, to) }
      const params = from === 0 ? { params: log.chain.encodedParams } : {}
      const outcome = await addCheckpoint(connection, key, { ...request, ...params }, never)
      answers++
      if (outcome.state === 'conflict') return outcome.size
      const place = `${seed}/${to}`
      if ((signed.get(place) ?? log.text(to)) !== log.text(to)) throw new Error(`two roots for ${place}`)
      signed.set(place, log.text(to))
      return to
    }
    await ask(histories[0]!, 0, 4)
    await Promise.all(
      histories.map(async log => {
        for (let size = 4; size < 60; ) size = await ask(log, size, size + randomInt(0, 3))
      })
    )
  }
  let running = witness.running
  for (let kill = 0; kill < 8; kill++) {
    await using client = await startNode()
    const connection = await client.dial(multiaddr(witness.address))
    const killed = delay(randomInt(50, 500)).then(() => running.kill())
    while (connection.status === 'open') {
      await race(connection).catch(error => {
        // it is caught, or the witness has ended, or has enough of this peer
        if (!isTalosError(error) && connection.status === 'open') throw error
      })
    }
    await killed
    const next = await witness.start()
    expect(next.witness).toBe(witness.line)
    running = next.running
  }
  expect(signed.size).toBeGreaterThan(8)
  expect(answers).toBeGreaterThan(40)
})

test('evidence of two histories is checked by anybody; a witness for nobody does not start', {
  timeout: 60_000
}, async context => {
  const world = await TalosWorld.start(context)
  const alice = await world.machine('Alice')
  const [log, fork] = [new TestLog(), new TestLog(1, 1)]
  const evidence = encodeEvidence({ what: 'checkpoints', key: log.key, pair: [log.note(9), fork.note(9)] })
  const file = join(world.folder, 'evidence')
  writeFileSync(file, formatEvidence(evidence))
  const found = await alice.json<{ valid: boolean; evidence: { origin: string; place: number } }>(
    'proof',
    'verify',
    '--file',
    file,
    '--offline'
  )
  expect(found).toMatchObject({ valid: true, evidence: { what: 'checkpoints', origin: log.origin, place: 9 } })
  const same = encodeEvidence({ what: 'checkpoints', key: log.key, pair: [log.note(9), log.note(9)] })
  writeFileSync(file, formatEvidence(same))
  const { status, stderr } = await alice.run('proof', 'verify', '--file', file, '--offline')
  expect([status, stderr]).toEqual([7, expect.stringContaining('CHAIN_EVIDENCE_INVALID')])
  const nobody = await alice.run('witness', 'serve')
  expect([nobody.status, nobody.stderr]).toEqual([expect.any(Number), expect.stringContaining('WITNESS_FOR_NOBODY')])
  const unknown = await alice.run('witness', 'serve', '--allow', 'carol')
  expect(unknown.stderr).toContain('PEER_UNKNOWN')
})
