import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type ChainProcess, chainProcesses } from '../support/chain-processes.ts'
import { eventually } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** `npm run soak:chain`: 10,000 records, and kills for 300 s. */
const RECORDS = Number(process.env['TALOS_CHAIN_RECORDS'] ?? 140)
const SECONDS = Number(process.env['TALOS_CHAIN_SECONDS'] ?? 8)
const NODES = 7

test(
  'seven nodes write and are killed at random: one chain at all of them in the end, with every record that one said it had',
  async context => {
    const nodes = await chainProcesses(context, temporaryFolder(), NODES, { difficulty: 3, spacing: 1 })
    const quota = Math.ceil(RECORDS / NODES)
    // time goes by while a node is down, and while it starts
    const pause = (SECONDS * 1_000) / quota / 3
    const start = async (node: ChainProcess): Promise<void> => {
      await node.start()
      // a ring with two ways around
      const others = [1, 2, 4].map(step => nodes[(node.number + step) % NODES]!.address)
      node.tell({ do: 'connect', addresses: others })
      node.tell({ do: 'write', count: quota - node.written.size, pause })
    }
    await Promise.all(nodes.map(start))
    const began = performance.now()
    let kills = 0
    for (; performance.now() - began < SECONDS * 1_000; kills++) {
      const node = nodes[Math.floor(Math.random() * NODES)]!
      await delay(500 + Math.random() * 2_000)
      await node.kill()
      await delay(Math.random() * 1_500)
      if (node.written.size < quota) await start(node)
      else {
        await node.start()
        node.tell({ do: 'connect', addresses: nodes.filter(other => other !== node).map(({ address }) => address) })
      }
    }
    const patience = Math.max(120_000, SECONDS * 500)
    await eventually(() => {
      for (const node of nodes) node.collect()
      return nodes.every(({ written }) => written.size >= quota)
    }, patience)
    const statuses = () => Promise.all(nodes.map(node => node.status(nodes.map(({ peerId }) => peerId))))
    await eventually(async () => {
      const all = await statuses()
      return new Set(all.map(({ tip }) => tip)).size === 1 && all.every(({ waiting }) => waiting === 0)
    }, patience)
    const ids = nodes.flatMap(({ written }) => [...written])
    for (const node of nodes) expect((await node.ask<{ lost: string[] }>({ do: 'lost', ids })).lost).toEqual([])
    const end = await statuses()
    // nobody holds a kill against anybody for long
    expect(Math.max(...end.flatMap(({ faults }) => Object.values(faults)))).toBeLessThanOrEqual(80)
    console.log(
      `${ids.length} records, ${kills} kills in ${SECONDS} s: height ${end[0]!.height} at all ${NODES} nodes, ` +
        `${end.reduce((sum, { counts }) => sum + counts.reorganisations, 0)} reorganisations since the last starts, ` +
        `at most ${Math.round(Math.max(...end.map(({ memory }) => memory)) / 1e6)} MB`
    )
  },
  (3 * SECONDS + 600) * 1_000
)
