import { expect, onTestFinished, test } from 'vitest'
import { blockHash, decodeBody, decodeHeader } from '../../src/chain/block.ts'
import { toHex } from '../../src/chain/bytes.ts'
import { recordId } from '../../src/chain/record.ts'
import { ChainState } from '../../src/chain/validation/state.ts'
import { forge, LIES, startLiar } from '../support/chain-liar.ts'
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

test('a chain with more work that takes back more than 100 blocks is told of, and followed when the operator consents', async () => {
  const chain = networkOf()
  const [short, long] = [await chainNode(0, chain.params), await chainNode(1, chain.params)]
  const branch = (by: number, count: number) => {
    const state = new ChainState(chain)
    return Array.from({ length: count }, () => forge(chain, state, by))
  }
  const [ours, theirs] = [branch(2, 105), branch(3, 110)]
  await short.network.shared.acceptAll(ours)
  await long.network.shared.acceptAll(theirs)
  await short.dial(long)
  const first = toHex(blockHash(theirs[0]!))
  await eventually(() => short.network.status().deep !== undefined)
  expect(short.network.status()).toMatchObject({ height: 105, deep: { first, fork: 0, depth: 105, height: 110 } })
  expect(short.network.shared.tree.node(blockHash(theirs[0]!)), 'nothing of it is asked for').toBeUndefined()
  await short.network.consent(new Uint8Array(Buffer.from(first, 'hex')))
  await eventually(() => short.tip() === long.tip())
  expect(short.network.status().deep).toBeUndefined()
  // all that was taken back waits, and the other one has been told of it or asks
  expect(short.network.counts.reorganisations).toBe(1)
  expect(short.faultsOf(long)).toBe(0)
  await eventually(() => short.height() > 110)
  const present = await checkWhole(short.network.shared)
  for (const block of ours) {
    const [entry] = decodeBody(block.subarray(228), decodeHeader(block))
    const id = recordId(entry!.record)
    expect(present.has(toHex(id)) || short.network.shared.mempool.has(id)).toBe(true)
  }
}, 60_000)
