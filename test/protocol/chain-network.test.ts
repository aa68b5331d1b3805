import { expect, onTestFinished, test } from 'vitest'
import { toHex } from '../../src/chain/bytes.ts'
import { LIES, startLiar } from '../support/chain-liar.ts'
import { chainPeer } from '../support/chain-node.ts'
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

test.each(LIES)(
  'a peer that lies (%s) is found out, and changes nothing',
  async lie => {
    const chain = networkOf({ difficulty: 1 })
    const [node, honest] = [await chainNode(0, chain.params), await chainNode(1, chain.params)]
    await node.dial(honest)
    await node.network.write('IDENTITY')
    await eventually(() => node.height() > 0)
    await agreed([node, honest])
    const tip = node.tip()
    const peer = await chainPeer(6)
    onTestFinished(async () => peer.libp2p.stop())
    const liar = await startLiar(peer, chain, 6, [lie])
    await peer.libp2p.dial(node.libp2p.getMultiaddrs())
    // it may lie again and again, and is listened to ever less
    for (let i = 0; i < 20 && node.faultsOf(peer) <= 80; i++) {
      await liar.tell()
      await node.network.sync()
    }
    expect(node.faultsOf(peer)).toBeGreaterThan(80)
    expect(node.faultsOf(honest)).toBe(0)
    await node.network.write('IDENTITY')
    await eventually(() => node.tip() !== tip)
    await agreed([node, honest])
    expect(node.network.status()).toMatchObject({ peers: [{ peerId: honest.peerId }] })
    // what it had of valid blocks may be in the chain, records of honest writers are in any case
    expect((await checkWhole(honest.network.shared)).size).toBeGreaterThanOrEqual(2)
  },
  60_000
)

test('what is said to everybody is judged before it is passed on: no work, clocks that are ahead, bodies that nobody has, rubbish', async () => {
  const chain = networkOf({ difficulty: 1 })
  const [first, second] = [await chainNode(0, chain.params), await chainNode(1, chain.params)]
  await first.dial(second)
  const peer = await chainPeer(6)
  onTestFinished(async () => peer.libp2p.stop())
  const liar = await startLiar(peer, chain, 6, ['false work'])
  await peer.libp2p.dial(first.libp2p.getMultiaddrs())
  // until it is heard
  await eventually(async () => {
    await liar.gossip()
    return first.faultsOf(peer) >= 40
  })
  expect([first.height(), second.height(), second.faultsOf(first)]).toEqual([0, 0, 0])
}, 60_000)
