import { closeSync, openSync, truncateSync } from 'node:fs'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { serveMcp, startServer, TalosClient, TalosClientTransport, type TalosServerTransport } from '../../src/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { within } from '../support/within.ts'

/** Long enough to be several frames of the tunnel. */
const TEXT = 'x'.repeat(100_000)
const CALLS = 20
const BLOCK = 64_000

/**
 * What may pass on the four streams while one call goes there and back: twice what is under way at any moment, which is a window of
 * each, 4 MiB, and what the system's buffers hold each way. A call that had to wait for a stream's end would let gigabytes pass. Bytes.
 */
const MOST_PASSED = 2 * (4 * 4 + 2 * 8) * 1024 * 1024

async function echo(transport: TalosServerTransport): Promise<void> {
  const server = new McpServer({ name: 'echo', version: '1' })
  server.registerTool(
    'echo',
    { description: 'Says it again', inputSchema: z.object({ text: z.string() }) },
    ({ text }) => ({
      content: [{ type: 'text', text }]
    })
  )
  await server.connect(transport)
}

test('two streams each way, a file and calls at once share a link: the calls get through, neither stream gets far ahead', {
  timeout: 120_000
}, async () => {
  const folder = temporaryFolder()
  const registry = await startServer({ dataDir: `${folder}/server`, host: '127.0.0.1', port: 0 })
  onTestFinished(() => registry.stop())
  const config = {
    servers: [registry.addresses[0]!],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    files: { acceptFrom: ['*'], limits: { other: 0, quota: 0 } }
  }
  const start = async (name: string): Promise<TalosClient> => {
    const talos = await TalosClient.create({ name, dataDir: `${folder}/${name}`, insecurePlaintext: true, config })
    onTestFinished(() => talos.close())
    return talos
  }
  const [alice, bob] = [await start('Alice'), await start('Bob')]
  const host = await serveMcp({ dataDir: `${folder}/Alice`, authorizedPeers: [bob.peerId], services: { echo } })
  onTestFinished(() => host.stop())
  const agent = new Client({ name: 'agent', version: '1' })
  await agent.connect(new TalosClientTransport({ dataDir: `${folder}/Bob`, peer: alice.peerId }))
  onTestFinished(() => agent.close())

  // both ways: the request meets one pair of streams, the answer the other
  const passed = new Map<string, number>()
  const stop = new AbortController()
  const work: Promise<void>[] = []
  async function saturate(name: string, from: TalosClient, to: TalosClient): Promise<void> {
    const offers = to.streams()
    const offered = offers.next()
    const opening = from.openStream(to.peerId, { priority: 'bulk' })
    const incoming = await (await offered).value!.accept()
    const outgoing = await opening
    await offers.return()
    passed.set(name, 0)
    work.push(
      (async () => {
        const block = new Uint8Array(BLOCK)
        while (!stop.signal.aborted) await outgoing.write(block)
        await outgoing.end()
      })(),
      (async () => {
        for await (const bytes of incoming) passed.set(name, passed.get(name)! + bytes.byteLength)
      })()
    )
  }
  for (const name of ['one there', 'two there']) await saturate(name, bob, alice)
  for (const name of ['one back', 'two back']) await saturate(name, alice, bob)
  // a file the same way as the first pair, too large to be through before the calls are
  const path = `${folder}/large`
  closeSync(openSync(path, 'w'))
  truncateSync(path, 4e9)
  let arrived = 0
  alice.addEventListener('transfer', ({ detail: { transfer } }) => {
    arrived = transfer.doneBytes
  })
  const { id } = await bob.sendFile(alice.peerId, path)
  while (arrived === 0) await new Promise(setImmediate)

  const between = (await bob.status()).node!.connections.filter(({ peerId }) => peerId === alice.peerId)
  expect(between).toHaveLength(1)

  const before = new Map(passed)
  const arrivedBefore = arrived
  const total = (): number => [...passed.values()].reduce((sum, bytes) => sum + bytes, 0)
  const during: number[] = []
  for (let call = 0; call < CALLS; call++) {
    const since = total()
    const { content } = await within(
      agent.callTool({ name: 'echo', arguments: { text: TEXT } }),
      `call ${call}`,
      30_000
    )
    expect((content[0] as { text: string }).text).toBe(TEXT)
    during.push(total() - since)
    // there is something to wait behind
    while (total() - since < 4 * BLOCK) await new Promise(setImmediate)
  }
  const share = (name: string): number => passed.get(name)! - before.get(name)!
  const shares = ['there', 'back'].map(way => [share(`one ${way}`), share(`two ${way}`)] as const)
  while (arrived === arrivedBefore) await new Promise(setImmediate)
  await bob.call('cancelTransfer', { id }).catch(error => expect(error).toMatchObject({ code: 'FILE_OVER' }))
  stop.abort()
  await Promise.all(work)

  expect(Math.max(...during), `bytes that passed during each call: ${during}`).toBeLessThan(MOST_PASSED)
  for (const [one, two] of shares) expect(Math.max(one, two) / Math.min(one, two)).toBeLessThan(2)
})
