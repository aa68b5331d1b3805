import { expect, onTestFinished, test } from 'vitest'
import { ZERO_HASH } from '../../src/chain/bytes.ts'
import { encodeEvidence, verifyEvidence } from '../../src/chain/evidence.ts'
import { chainOf, localParams } from '../../src/chain/params.ts'
import { hashLeaf, MerkleTree } from '../../src/chain/tree.ts'
import { formatAddCheckpoint } from '../../src/chain/witness.ts'
import { crypto } from '../../src/crypto/index.ts'
import { EvidenceExchange, type EvidenceKeeper } from '../../src/node/witness/evidence-exchange.ts'
import { Witness } from '../../src/protocols/witness/witness.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { chainPeer } from '../support/chain-node.ts'
import { chainNode } from '../support/chain-nodes.ts'
import { checkWhole } from '../support/check-shared.ts'
import { ownerOf } from '../support/keys.ts'
import { eventually } from '../support/processes.ts'
import { authors, entryOf, networkOf, rivalOf } from '../support/shared-chain.ts'
import { durableStore, TestLog } from '../support/witness.ts'

const [AUTHOR, OTHER] = [5, 6]
const NONE = { sequence: 0, id: ZERO_HASH }

test('an author of two records for one place is frozen everywhere, for good, and its blocks stay valid', async () => {
  const chain = networkOf({ difficulty: 2 })
  const convicted: number[] = []
  const nodes = await Promise.all(
    [0, 1, 2].map(number => chainNode(number, chain.params, { onConviction: () => convicted.push(number) }))
  )
  const [a, b, c] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]]
  await b.dial(a)
  await c.dial(b)
  await eventually(() => b.network.status().peers.length === 2)
  const one = entryOf(chain, AUTHOR, NONE)
  const rival = rivalOf(chain, one.bytes)
  const offer = (node: typeof a, bytes: Uint8Array, signature: Uint8Array) =>
    node.network.shared.offer(bytes, signature)
  expect(offer(a, one.bytes, one.signature!)).toBe('accepted')
  expect(offer(a, rival.bytes, rival.signature)).toBe('conflict')
  await eventually(() => nodes.every(({ network }) => network.convictions.size === 1), 20_000)
  await eventually(() => convicted.length === 3)
  for (const { network } of nodes) {
    expect(network.convictions.isBarred(authors[AUTHOR]!.publicKey)).toBe(true)
    expect(network.convictions.isBarred(authors[OTHER]!.publicKey)).toBe(false)
    expect(verifyEvidence(network.convictions.some()[0]!).culprit).toEqual(authors[AUTHOR]!.publicKey)
  }
  const next = entryOf(chain, AUTHOR, { sequence: 1, id: one.id })
  expect(offer(c, next.bytes, next.signature!)).toBe('barred')
  const fine = entryOf(chain, OTHER, NONE)
  expect(offer(c, fine.bytes, fine.signature!)).toBe('accepted')
  await c.network.mine(AbortSignal.timeout(20_000))
  // after a restart too, and for one who comes later
  await c.restart()
  expect(c.network.convictions.isBarred(authors[AUTHOR]!.publicKey)).toBe(true)
  const late = await chainNode(3, chain.params)
  await late.dial(c)
  await eventually(() => late.network.convictions.size === 1, 20_000)
  expect(offer(late, next.bytes, next.signature!)).toBe('barred')
  await eventually(() => late.tip() === c.tip())
  expect((await checkWhole(late.network.shared)).size).toBeGreaterThan(0)
}, 90_000)

test('an author with two histories of its own chain is frozen by its blocks or its checkpoints; nobody else is by them', async () => {
  const chain = networkOf({ difficulty: 2 })
  const node = await chainNode(0, chain.params)
  const { convictions } = node.network
  const author = authors[AUTHOR]!
  const checkpointsOf = (owner: typeof author) => {
    const [one, other] = [0, 1].map(fork => new TestLog(1, fork, 5, START, owner)) as [TestLog, TestLog]
    return encodeEvidence({ what: 'checkpoints', key: one.key, pair: [one.note(9), other.note(9)] })
  }
  expect(await convictions.take(checkpointsOf(ownerOf(99)))).toBe('reject')
  const own = chainOf(localParams(author.publicKey, START, 1))
  const statement = async (count: number) => {
    const builder = new ChainBuilder(own, author)
    await builder.add({ count })
    const path = new MerkleTree(builder.hashes.map(hashLeaf)).inclusionPath(0, builder.state.height)
    return { block: builder.block({ count: 1 }), path }
  }
  const pair = [await statement(1), await statement(2)] as const
  expect(await convictions.take(encodeEvidence({ what: 'blocks', params: own.encodedParams, pair }))).toBe('accept')
  expect(await convictions.take(checkpointsOf(author))).toBe('ignore')
  expect(await convictions.take(checkpointsOf(authors[OTHER]!))).toBe('accept')
  expect(convictions.all().map(evidence => verifyEvidence(evidence).what)).toEqual(['blocks', 'checkpoints'])
  for (const number of [AUTHOR, OTHER]) {
    const { bytes, signature } = entryOf(chain, number, NONE)
    expect(node.network.shared.offer(bytes, signature!)).toBe('barred')
  }
  await node.restart()
  expect(node.network.convictions.size).toBe(2)
})

test('what a witness has found reaches other witnesses of that chain and who shares one with its owner, those too who come later', async () => {
  const chain = networkOf({ difficulty: 2 })
  const [node, late, stranger] = [
    await chainNode(0, chain.params),
    await chainNode(1, chain.params),
    await chainNode(2, { ...chain.params, keys: [authors[2]!.publicKey] })
  ]
  const author = authors[AUTHOR]!
  const [log, fork] = [0, 1].map(number => new TestLog(1, number, 5, START, author)) as [TestLog, TestLog]
  const witnessAt = async (number: number) => {
    const peer = await chainPeer(number)
    onTestFinished(async () => peer.libp2p.stop())
    const { store } = await durableStore()
    const found: Uint8Array[] = []
    const init = { store, crypto, name: `witness-${number}`, serves: () => true }
    const witness = await Witness.open({ ...init, onEvidence: evidence => void exchange.found(evidence) })
    const keeper: EvidenceKeeper = {
      take: async evidence => ((await witness.learn(evidence)) ? 'accept' : 'ignore'),
      some: most => witness.someEvidence(most)
    }
    const exchange = new EvidenceExchange(peer.libp2p.services.broadcasts, [keeper], 300)
    onTestFinished(() => exchange.close())
    const ask = (from: TestLog, size: number) =>
      witness.addCheckpoint(formatAddCheckpoint(0, [], from.note(size)), from.chain.encodedParams)
    return { ...peer, ask, found }
  }
  const [one, two] = [await witnessAt(3), await witnessAt(4)]
  const exchanges = [node, late, stranger].map(
    ({ network, libp2p }) => new EvidenceExchange(libp2p.services.broadcasts, [network.evidenceKeeper], 300)
  )
  onTestFinished(() => {
    for (const exchange of exchanges) exchange.close()
  })
  // the second witness and the stranger hear of it by way of the node alone
  await node.dial(one)
  await node.dial(two)
  await node.dial(stranger)
  expect([(await one.ask(log, 9)).status, (await two.ask(log, 8)).status]).toEqual(['ok', 'ok'])
  const { evidence } = await one.ask(fork, 9)
  expect(verifyEvidence(evidence!).culprit).toEqual(author.publicKey)
  await eventually(() => node.network.convictions.isBarred(author.publicKey), 20_000)
  expect(node.network.convictions.of(author.publicKey)).toEqual(evidence)
  await eventually(async () => (await two.ask(log, 8)).status === 'forbidden', 20_000)
  const { bytes, signature } = entryOf(chain, AUTHOR, NONE)
  expect(node.network.shared.offer(bytes, signature!)).toBe('barred')
  await late.dial(node)
  await eventually(() => late.network.convictions.size === 1, 20_000)
  expect(stranger.network.convictions.size).toBe(0)
  expect(node.faultsOf(stranger) + stranger.faultsOf(node)).toBe(0)
}, 90_000)

test('evidence that shows nothing convicts nobody, and is held against who brings it', async () => {
  const chain = networkOf({ difficulty: 2 })
  const [node, liar] = [await chainNode(0, chain.params), await chainNode(1, chain.params)]
  await liar.dial(node)
  await eventually(() => node.network.status().peers.length === 1)
  const one = entryOf(chain, AUTHOR, NONE)
  const { bytes, signature } = rivalOf(chain, one.bytes)
  const pair = [
    { record: one.bytes, signature: one.signature! },
    { record: bytes, signature }
  ] as const
  const good = encodeEvidence({ what: 'records', chainId: chain.id, pair })
  const judge = (evidence: Uint8Array) => node.network.convictions.judge(evidence)
  const elsewhere = networkOf({ name: 'elsewhere' })
  expect(await judge(good.subarray(0, 100))).toBe('reject')
  expect(await judge(encodeEvidence({ what: 'records', chainId: elsewhere.id, pair }))).toBe('reject')
  expect(await judge(encodeEvidence({ what: 'records', chainId: chain.id, pair: [pair[0], pair[0]] }))).toBe('reject')
  expect(await judge(new Uint8Array(70_000))).toBe('reject')
  expect(node.network.convictions.size).toBe(0)
  // over the wire it costs
  const topic = `/talos/chain/${Buffer.from(chain.id).toString('hex')}/evidence/1`
  const channel = liar.libp2p.services.broadcasts.channel(topic, async () => 'ignore')
  await eventually(async () => (await channel.publish(new Uint8Array(200).fill(Math.random() * 256))) > 0)
  await eventually(() => node.libp2p.services.broadcasts.faultsOf(liar.peerId) > 0)
  expect(node.network.convictions.size).toBe(0)
  expect(await judge(good)).toBe('accept')
  expect(await judge(good)).toBe('ignore')
}, 60_000)
