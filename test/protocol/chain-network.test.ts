import { expect, test } from 'vitest'
import { toHex } from '../../src/chain/bytes.ts'
import { agreed, chainNode } from '../support/chain-nodes.ts'
import { checkWhole } from '../support/check-shared.ts'
import { eventually } from '../support/processes.ts'
import { networkOf } from '../support/shared-chain.ts'

test('records of three nodes are in one chain at all three, and a node that comes later fetches it', async () => {
  const { params } = networkOf({ difficulty: 2 })
  const nodes = await Promise.all([0, 1, 2].map(number => chainNode(number, params)))
  await nodes[1]!.dial(nodes[0]!)
  await nodes[2]!.dial(nodes[0]!)
  await eventually(() => nodes[0]!.network.status().peers.length === 2)
  const ids: string[] = []
  for (let i = 0; i < 9; i++) ids.push(toHex((await nodes[i % 3]!.network.write('IDENTITY')).id))
  await eventually(() => nodes[0]!.height() > 0)
  await agreed(nodes)
  for (const { network } of nodes) expect([...(await checkWhole(network.shared))].sort()).toEqual([...ids].sort())
  const late = await chainNode(3, params)
  await late.dial(nodes[1]!)
  await agreed([...nodes, late])
  expect((await checkWhole(late.network.shared)).size).toBe(9)
  await late.restart()
  expect((await checkWhole(late.network.shared)).size).toBe(9)
}, 60_000)
