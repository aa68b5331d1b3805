import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { NetworkStatus } from '../../src/index.ts'
import { eventually } from '../support/processes.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

interface Status {
  height: number
  chainId: string
  network?: NetworkStatus
}

const example = readFileSync(new URL('../../examples/network.yaml', import.meta.url), 'utf8')

/** The example of a network, with these keys, mined at once. */
async function networkFile(world: TalosWorld, machines: readonly Machine[]): Promise<string> {
  const keys: string[] = []
  for (const { json } of machines) keys.push((await json<{ hex: string }>('wallet', 'show')).hex)
  const text = example
    .replace('difficulty: 5', 'difficulty: 2')
    .replace('spacing: 5', 'spacing: 1')
    .replace(/"<64 digits[^"]*"/g, () => `"${keys.pop()}"`)
  const file = join(world.folder, 'network.yaml')
  writeFileSync(file, text)
  return file
}

const statusOf = (machine: Machine) => machine.json<Status>('chain', 'status')

test('three organisations share a chain by its file: claims of each are in it at all of them, one that was away catches up, and a kill loses nothing', async context => {
  const world = await TalosWorld.start(context)
  const [alice, bob, carol] = [await world.machine('alice'), await world.machine('bob'), await world.machine('carol')]
  const file = await networkFile(world, [alice, bob, carol])
  const daemon = async (machine: Machine, ...peers: string[]) => {
    const flags = peers.flatMap(peer => ['--network-peer', peer])
    const running = machine.start('daemon', '--network', file, ...flags)
    await running.event('ready')
    return running
  }
  const a = await daemon(alice)
  await daemon(bob, 'alice')
  await eventually(async () => (await statusOf(alice)).network!.peers.length > 0, 30_000)
  await alice.json('send', 'bob', 'hello')
  const claim = await alice.json<{ size: number; isNew: boolean; record: string }>('chain', 'checkpoint')
  expect(claim).toMatchObject({ isNew: true })
  await eventually(async () => (await statusOf(bob)).network!.height > 0, 30_000)
  expect(await alice.json('chain', 'checkpoint')).toMatchObject({ isNew: false, size: claim.size })

  // what waits when nobody is there, and through a kill
  await a.kill()
  const again = await daemon(alice, 'bob')
  expect((await statusOf(alice)).network).toMatchObject({ claimed: { size: claim.size } })
  await alice.json('send', 'bob', 'more')
  await alice.json('chain', 'checkpoint')
  await alice.json('chain', 'mine')
  const mined = (await statusOf(alice)).network!
  expect(mined).toMatchObject({ waiting: 0, admitted: true })

  const c = await daemon(carol, 'bob')
  await eventually(async () => (await statusOf(carol)).network!.tip === mined.tip, 30_000)
  const { blocks } = await carol.json<{ blocks: Array<{ height: number; hash: string }> }>(
    'chain',
    'blocks',
    '--network'
  )
  expect(blocks[0]).toMatchObject({ height: mined.height, hash: mined.tip })
  const { entries } = await carol.json<{ entries: object[] }>('chain', 'block', '1', '--network')
  expect(entries).toMatchObject([{ kind: 'CHECKPOINT', author: alice.peerId, claim: { size: claim.size } }])
  const { chainId } = await statusOf(alice)
  expect(entries).toMatchObject([{ claim: { chainId } }])
  const text = (await carol.run('chain', 'status')).stdout
  expect(text).toContain('example-consortium')
  expect(text).toContain('probabilistic')
  await carol.json('chain', 'sync')

  // its end is written, too: what came since is claimed
  await carol.json('send', 'bob', 'I leave')
  await c.kill('SIGTERM')
  await eventually(async () => (await statusOf(bob)).network!.height > mined.height, 30_000)
  const last = await bob.json<{ entries: Array<{ author: string }> }>(
    'chain',
    'block',
    String(mined.height + 1),
    '--network'
  )
  expect(last.entries.map(({ author }) => author)).toContain(carol.peerId)
  await again.kill('SIGTERM')

  const refused = await alice.run('chain', 'mine', '--json')
  expect([refused.status, JSON.parse(refused.stdout)]).toMatchObject([7, { error: { code: 'CHAIN_NO_NETWORK' } }])
  const wrong = await alice.run('daemon', '--network', join(world.folder, 'none.yaml'), '--json')
  expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'CHAIN_NETWORK_UNREADABLE' } })
}, 180_000)

test('a server that is not in the list keeps the chain for those who are', async context => {
  const world = new TalosWorld(context)
  await world.startServer('0')
  const [alice, bob] = [await world.machine('alice'), await world.machine('bob')]
  const file = await networkFile(world, [alice, bob, alice])
  await world.server.kill()
  await world.startServer(undefined, ['--network', file, '--metrics-port', '0'])
  for (const machine of [alice, bob]) await machine.start('daemon', '--network', file).event('ready')
  await eventually(async () => (await statusOf(alice)).network!.peers.length > 0, 30_000)
  await eventually(async () => (await statusOf(bob)).network!.peers.length > 0, 30_000)
  await alice.json('chain', 'checkpoint')
  await eventually(async () => (await statusOf(bob)).network!.height === 1, 30_000)
  const { metricsUrl } = await world.server.event<{ metricsUrl: string }>('ready')
  const metrics = await (await fetch(`${metricsUrl}/metrics`)).text()
  expect(metrics).toContain('\ntalos_chain_height 1\n')
  expect(metrics).toContain('\ntalos_chain_peers 2\n')
  expect(metrics).toMatch(/\ntalos_validation_duration_seconds_sum\{layer="consensus"\} 0\.\d+/)
  expect(metrics).toMatch(/\ntalos_validation_duration_seconds_count\{layer="consensus"\} [1-9]/)
  expect(metrics).toMatch(/\ntalos_signatures_verified_total [1-9]/)
}, 120_000)
