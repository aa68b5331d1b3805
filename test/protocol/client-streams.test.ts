import { expect, onTestFinished, test } from 'vitest'
import { startServer, TalosClient } from '../../src/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function agents(...names: string[]) {
  const folder = temporaryFolder()
  const server = await startServer({ dataDir: `${folder}/server`, host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.stop())
  const config = { servers: [server.addresses[0]!], listen: ['/ip4/127.0.0.1/tcp/0'] }
  const start = async (name: string) => {
    const client = await TalosClient.create({ name, dataDir: `${folder}/${name}`, insecurePlaintext: true, config })
    onTestFinished(() => client.close())
    return client
  }
  return { start, all: await Promise.all(names.map(start)) }
}

test('a stream goes to who accepts it, and to nobody while nobody decides', { timeout: 90_000 }, async () => {
  const { all } = await agents('Alice', 'Bob')
  const [alice, bob] = [all[0]!, all[1]!]
  await expect(alice.openStream(bob.peerId)).rejects.toMatchObject({ code: 'STREAM_NOT_ACCEPTED' })

  const stop = new AbortController()
  const offers = bob.streams({ signal: stop.signal })
  const offered = offers.next()
  const opening = alice.openStream(bob.peerId, { label: 'speech', priority: 'bulk' })
  const offer = (await offered).value!
  expect(offer).toMatchObject({ peer: alice.peerId, label: 'speech', priority: 'bulk', codec: 'identity' })
  const incoming = await offer.accept()
  const stream = await opening
  await stream.write(new TextEncoder().encode('hello'))
  const ended = stream.end()
  const heard: Uint8Array[] = []
  for await (const bytes of incoming) heard.push(bytes)
  await ended
  expect(Buffer.concat(heard).toString()).toBe('hello')

  const last = offers.next()
  stop.abort()
  expect(await last).toEqual({ done: true, value: undefined })
  await expect(alice.openStream(bob.peerId)).rejects.toMatchObject({ code: 'STREAM_NOT_ACCEPTED' })
})

test('a program that works through another node is told that it cannot stream', async () => {
  const { start, all } = await agents('Alice')
  const attached = await start('Alice')
  expect(await all[0]!.isNode()).toBe(true)
  expect(await attached.isNode()).toBe(false)
  await expect(attached.openStream('bob')).rejects.toMatchObject({ code: 'STREAM_NEEDS_NODE' })
  await expect(attached.streams().next()).rejects.toMatchObject({ code: 'STREAM_NEEDS_NODE' })
})
