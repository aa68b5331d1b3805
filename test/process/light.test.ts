import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LightRecord, LightStatus, NetworkStatus } from '../../src/index.ts'
import { freePort } from '../support/ports.ts'
import { eventually } from '../support/processes.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

const example = readFileSync(new URL('../../examples/network.yaml', import.meta.url), 'utf8')

test('whoever keeps only headers has a record proved, keeps the proof, and follows by itself as node.role light', {
  timeout: 240_000
}, async context => {
  const world = await TalosWorld.start(context)
  const [alice, bob, carol] = [await world.machine('alice'), await world.machine('bob'), await world.machine('carol')]
  const keys = await Promise.all(
    [alice, bob, bob].map(async ({ json }) => (await json<{ hex: string }>('wallet', 'show')).hex)
  )
  keys[2] = '11'.repeat(32)
  const network = join(world.folder, 'network.yaml')
  const text = example.replace('difficulty: 5', 'difficulty: 2').replace('spacing: 5', 'spacing: 1')
  writeFileSync(
    network,
    text.replace(/"<64 digits[^"]*"/g, () => `"${keys.pop()}"`)
  )
  const address = `/ip4/127.0.0.1/tcp/${await freePort()}`
  alice.env['TALOS_LISTEN'] = address
  const daemon = alice.start('daemon', '--network', network)
  await daemon.event('ready')
  const grow = async (machine: Machine) => {
    await machine.json('send', bob.peerId, 'hello')
    const { record } = await machine.json<{ record: string }>('chain', 'checkpoint')
    const { network: before } = await machine.json<{ network: NetworkStatus }>('chain', 'status')
    await machine.json('chain', 'mine')
    await eventually(
      async () => (await machine.json<{ network: NetworkStatus }>('chain', 'status')).network.waiting === 0,
      30_000
    )
    return { record, height: before.height }
  }
  const { record } = await grow(alice)

  // once, with flags
  const peer = `${address}/p2p/${alice.peerId}`
  const synced = await carol.json<LightStatus>('light', 'sync', '--network', network, '--peer', peer)
  expect(synced).toMatchObject({ height: 1, peers: expect.arrayContaining([{ peerId: alice.peerId, height: 1 }]) })
  const file = join(world.folder, 'proof.txt')
  const proved = await carol.json<LightRecord>(
    'light',
    'proof',
    record,
    '--network',
    network,
    '--peer',
    peer,
    '--output',
    file
  )
  expect(proved).toMatchObject({ record, kind: 'CHECKPOINT', author: alice.peerId, height: 1, confirmations: 1 })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const nobody = await carol.run('light', 'proof', '00'.repeat(32), '--network', network, '--peer', peer)
  expect(nobody.stderr).toContain('LIGHT_NOT_PROVED')

  // as a node that runs
  writeFileSync(
    join(carol.dataDir, 'config.yaml'),
    `node: { role: light }\nchain: { network: ${JSON.stringify(network)}, peers: [${JSON.stringify(peer)}] }\n`,
    { mode: 0o600 }
  )
  let light = carol.start('daemon')
  await light.event('ready')
  await grow(alice)
  await grow(alice)
  await eventually(async () => (await carol.json<LightStatus>('light', 'status')).height >= 3, 60_000)
  expect(await carol.json('chain', 'status')).not.toHaveProperty('network')
  // killed, and alone: what it has is on disk, and checked again
  await light.kill()
  await daemon.kill()
  light = carol.start('daemon')
  await light.event('ready')
  expect((await carol.json<LightStatus>('light', 'status')).height).toBeGreaterThanOrEqual(3)
  const later = await carol.json<LightRecord>('light', 'verify', file)
  expect(later).toMatchObject({ record, height: 1 })
  expect(later.confirmations).toBeGreaterThanOrEqual(3)
  const changed = readFileSync(file, 'utf8').replace(
    /\n(.{40})(.)/,
    (_, start: string, one: string) => `\n${start}${one === 'A' ? 'B' : 'A'}`
  )
  writeFileSync(file, changed)
  const refused = await carol.run('light', 'verify', file)
  expect([refused.status, refused.stderr]).toEqual([7, expect.stringContaining('CHAIN_PROOF_INVALID')])
})
