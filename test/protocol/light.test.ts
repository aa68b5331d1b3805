import { multiaddr } from '@multiformats/multiaddr'
import { expect, onTestFinished, test } from 'vitest'
import { SIGNED_HEADER_LENGTH } from '../../src/chain/block.ts'
import { concatBytes, equalBytes, toHex } from '../../src/chain/bytes.ts'
import { chainOf } from '../../src/chain/params.ts'
import { LightNode } from '../../src/node/light/light-node.ts'
import { type ChainServer, type ChainSource, chainServer } from '../../src/protocols/chain/index.ts'
import { ChainBuilder, START } from '../support/chain-builder.ts'
import { startNode } from '../support/nodes.ts'
import { authors, networkOf } from '../support/shared-chain.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const NEVER = new AbortController().signal
const chain = chainOf({ ...networkOf({ difficulty: 1 }).params, genesisTime: START, kinds: ['MESSAGE'] })

async function grown(blocks: number, { fork = 0, each = 1 } = {}) {
  const builder = new ChainBuilder(chain, authors[0]!)
  for (let height = 1; height <= blocks; height++) await builder.add({ count: height > fork ? each : 1 })
  return builder
}

/** A node that answers with the headers of a chain, or with what a liar makes of them. */
async function serve(builder: ChainBuilder, lie: Partial<ChainSource> & { work?: bigint } = {}) {
  const { hashes, blocks } = builder
  const source: ChainSource = {
    id: chain.id,
    status: () => ({
      genesis: chain.genesisHash,
      tip: hashes.at(-1)!,
      height: blocks.length,
      work: lie.work ?? BigInt(blocks.length),
      bodiesFrom: 1
    }),
    headers: async (locator, max) => {
      const at = locator.map(hash => hashes.findIndex(own => equalBytes(own, hash))).find(index => index >= 0)
      if (at === undefined) return undefined
      const headers = blocks.slice(at, at + max).map(block => block.slice(0, SIGNED_HEADER_LENGTH))
      return { height: at + 1, headers: concatBytes(...headers) }
    },
    block: async () => undefined,
    proof: async () => undefined,
    records: async () => ({ records: [], next: undefined }),
    ...lie
  }
  const node = await startNode<{ chain: ChainServer }>({
    services: { chain: chainServer({ source: id => (equalBytes(id, chain.id) ? source : undefined) }) } as never
  })
  onTestFinished(async () => node.stop())
  return node
}

async function lightOf(servers: ReadonlyArray<Awaited<ReturnType<typeof serve>>>) {
  const client = await startNode()
  const light = await LightNode.open({
    params: chain.params,
    dataDir: temporaryFolder(),
    peers: async signal =>
      Promise.all(
        servers.map(server =>
          client.dial(
            server.getMultiaddrs().map(text => multiaddr(text.toString())),
            { signal }
          )
        )
      )
  })
  onTestFinished(async () => {
    await light.stop()
    await client.stop()
  })
  return light
}

test('of four peers three lie, each in its own way: the one that is true is followed', async () => {
  const full = await grown(2_100)
  const short = await grown(20, { fork: 5, each: 2 })
  const forged = full.blocks.map((block, at) => {
    const header = block.slice(0, SIGNED_HEADER_LENGTH)
    if (at === 50) header[70]! ^= 1
    return header
  })
  const servers = [
    // claims most work, and has little
    await serve(short, { work: 10n ** 30n }),
    // a header in the middle that is not valid
    await serve(full, {
      work: 10n ** 29n,
      headers: async () => ({ height: 1, headers: concatBytes(...forged.slice(0, 100)) })
    }),
    // the same headers without end
    await serve(full, {
      work: 10n ** 28n,
      headers: async () => ({ height: 1, headers: concatBytes(...forged.slice(0, 10)) })
    }),
    await serve(full)
  ]
  const light = await lightOf(servers)
  const { height, tip, peers } = await light.sync(NEVER, true)
  expect([height, tip]).toEqual([2_100, toHex(full.hashes[2_100]!)])
  const problemOf = (server: (typeof servers)[0]) =>
    peers.find(({ peerId }) => peerId === server.peerId.toString())!.problem
  expect(problemOf(servers[1]!)).toContain('not valid')
  expect(problemOf(servers[3]!)).toBeUndefined()
}, 60_000)

test('a chain that would take back more than a hundred blocks is told of, and followed with consent', async () => {
  const [ours, theirs] = [await grown(120, { fork: 5 }), await grown(130, { fork: 5, each: 2 })]
  const servers = [await serve(ours)]
  const light = await lightOf(servers)
  await light.sync(NEVER)
  servers[0] = await serve(theirs)
  expect(await light.sync(NEVER)).toMatchObject({ height: 120, deep: 115 })
  const followed = await light.sync(NEVER, true)
  expect(followed).toMatchObject({ height: 130, tip: toHex(theirs.hashes[130]!) })
  expect(followed.deep).toBeUndefined()
})

test('a proof of another record, or none, proves nothing; with nobody to ask that is said', async () => {
  const full = await grown(10)
  const light = await lightOf([await serve(full, { proof: async () => new Uint8Array(300) })])
  await light.sync(NEVER)
  await expect(light.prove(new Uint8Array(32), NEVER)).rejects.toThrow(
    expect.objectContaining({ code: 'LIGHT_NOT_PROVED' })
  )
  const alone = await lightOf([])
  await expect(alone.sync(NEVER)).rejects.toThrow(expect.objectContaining({ code: 'LIGHT_NO_PEER' }))
})
