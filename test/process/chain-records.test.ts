import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type NetworkBlock, type NetworkRecord, type NetworkStatus, TalosClient } from '../../src/index.ts'
import { freePort } from '../support/ports.ts'
import { eventually } from '../support/processes.ts'
import { TalosWorld } from '../support/talos-world.ts'

type Block = NetworkBlock & { entries: NetworkRecord[] }
interface Opened {
  record: string
  author: string
  kind: string
  fields: Array<{ name: string; value: string }>
}

test('a node introduces itself to a network once, publishes what a program tells it to, and opens what it wrote to whoever has the headers', {
  timeout: 240_000
}, async context => {
  const world = await TalosWorld.start(context)
  const [alice, carol] = [await world.machine('alice'), await world.machine('carol')]
  const { hex } = await alice.json<{ hex: string }>('wallet', 'show')
  const network = join(world.folder, 'network.yaml')
  writeFileSync(
    network,
    `name: test\ngenesis: 2026-11-01T00:00:00Z\ndifficulty: 2\nspacing: 1\nwriters:\n  - "${hex}"\n`
  )
  const address = `/ip4/127.0.0.1/tcp/${await freePort()}`
  alice.env['TALOS_LISTEN'] = address
  const status = async () => (await alice.json<{ network: NetworkStatus }>('chain', 'status')).network
  const block = (which: string) => alice.json<Block>('chain', 'block', which, '--network')
  const daemon = alice.start('daemon', '--network', network)
  await daemon.event('ready')
  await eventually(async () => (await status()).height === 1, 60_000)
  const { entries, hash } = await block('1')
  expect(entries).toMatchObject([{ kind: 'IDENTITY', author: alice.peerId, sequence: 1 }])
  // by its hash, and what there is only one of
  expect((await block(hash)).height).toBe(1)
  expect((await block(hash.slice(0, 12))).height).toBe(1)
  const none = await alice.run('chain', 'block', 'ffff', '--network')
  expect(none.stderr).toContain('CHAIN_BLOCK_UNKNOWN')

  await using talos = await TalosClient.create({ dataDir: alice.dataDir })
  const { record } = await talos.network.publish('CAP_REVOKE', { capability: 'of the old device', reason: 'lost' })
  await expect(talos.network.publish('KEY_ROTATE', { 'A b': 1 })).rejects.toMatchObject({ code: 'CHAIN_FORMAT' })
  await expect(talos.network.publish('MESSAGE' as 'CAP_REVOKE', { a: 1 })).rejects.toThrow()
  await talos.network.mine()
  expect((await block('2')).entries).toMatchObject([{ kind: 'CAP_REVOKE', id: record, sequence: 2 }])

  // killed: what it wrote can be opened all the same, and it does not introduce itself again
  await daemon.kill()
  await alice.start('daemon', '--network', network).event('ready')
  const proof = join(world.folder, 'proof.txt')
  const opened = await alice.json<Opened>('chain', 'open', record, '--field', 'reason', '--output', proof)
  expect(opened.fields).toEqual([{ name: 'reason', value: 'lost' }])
  const peer = `${address}/p2p/${alice.peerId}`
  await carol.json('light', 'sync', '--network', network, '--peer', peer)
  const found = await carol.json<Opened>('light', 'verify', proof, '--network', network)
  expect(found).toMatchObject({ record, kind: 'CAP_REVOKE', author: alice.peerId, fields: opened.fields })
  const all = await alice.json<Opened>('chain', 'open', entries[0]!.id)
  expect(all.fields).toContainEqual({ name: 'name', value: 'alice' })
  expect(await status()).toMatchObject({ height: 2, waiting: 0 })

  const stranger = await alice.run('chain', 'open', 'ab'.repeat(32))
  expect(stranger.stderr).toContain('CHAIN_RECORD_UNKNOWN')
  const field = await alice.run('chain', 'open', record, '--field', 'nothing')
  expect(field.stderr).toContain('CHAIN_FIELD_UNKNOWN')
})
