import { expect, test } from 'vitest'
import { ZERO_HASH } from '../../src/chain/bytes.ts'
import { encodeEvidence, verifyEvidence } from '../../src/chain/evidence.ts'
import { chainNode } from '../support/chain-nodes.ts'
import { checkWhole } from '../support/check-shared.ts'
import { eventually } from '../support/processes.ts'
import { authors, entryOf, networkOf, rivalOf } from '../support/shared-chain.ts'

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
