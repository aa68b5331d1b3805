import { expect, test } from 'vitest'
import { ChainProcess, chainProcesses } from '../support/chain-processes.ts'
import { freePort } from '../support/ports.ts'
import { eventually } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('five nodes that are cut in two halves and joined again have one chain and lose nothing, with one in between that lies to all of them', async context => {
  const folder = temporaryFolder()
  const nodes = await chainProcesses(context, folder, 5, { difficulty: 2, spacing: 1 })
  const liar = new ChainProcess(context, folder, 6, await freePort(), 'liar')
  await Promise.all([...nodes, liar].map(node => node.start()))
  const addresses = (some: readonly ChainProcess[]) => some.map(({ address }) => address)
  for (const node of nodes) node.tell({ do: 'connect', addresses: addresses(nodes.filter(other => other !== node)) })
  liar.tell({ do: 'connect', addresses: addresses(nodes) })
  const statuses = () => Promise.all(nodes.map(node => node.status([liar.peerId])))
  await eventually(async () => (await statuses()).every(({ peers }) => peers >= 4), 30_000)

  const halves = [nodes.slice(0, 2), nodes.slice(2)]
  for (const half of halves) {
    for (const node of half) node.tell({ do: 'allow', peers: [...half, liar].map(({ peerId }) => peerId) })
  }
  for (const node of nodes) node.tell({ do: 'write', count: 20, pause: 250 })
  // each half has a chain of its own, which the other one has not
  await eventually(async () => {
    const all = await statuses()
    return all.every(({ height }) => height >= 2) && all[0]!.tip !== all[4]!.tip
  }, 60_000)
  const before = await statuses()
  expect(new Set(before.map(({ tip }) => tip)).size).toBeGreaterThan(1)

  for (const node of nodes) node.tell({ do: 'allow' })
  await eventually(async () => {
    for (const node of nodes) node.collect()
    return nodes.every(({ written }) => written.size === 20)
  }, 60_000)
  await eventually(async () => {
    const all = await statuses()
    return new Set(all.map(({ tip }) => tip)).size === 1 && all.every(({ waiting }) => waiting === 0)
  }, 60_000)
  const ids = nodes.flatMap(({ written }) => [...written])
  for (const node of nodes) expect((await node.ask<{ lost: string[] }>({ do: 'lost', ids })).lost).toEqual([])
  const after = await statuses()
  // those of one half took blocks back; the one that lies is not listened to
  expect(Math.max(...after.map(({ counts }) => counts.reorganisations))).toBeGreaterThan(0)
  await eventually(async () => (await statuses()).every(({ faults }) => faults[liar.peerId]! > 80), 30_000)
  for (const { faults } of await Promise.all(nodes.map(node => node.status(nodes.map(({ peerId }) => peerId))))) {
    expect(Math.max(...Object.values(faults))).toBeLessThanOrEqual(80)
  }
}, 240_000)
