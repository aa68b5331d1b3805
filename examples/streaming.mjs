// Bytes as they come into being, with consent, priority and back-pressure: Alice speaks, Bob hears each word when it is said.
// Run: node examples/streaming.mjs
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startServer, TalosClient } from 'talos-protocol'

const folder = await mkdtemp(join(tmpdir(), 'talos-example-'))
const server = await startServer({ dataDir: join(folder, 'server'), host: '127.0.0.1', port: 0 })
const config = { servers: [server.addresses[0]] }
const start = name => TalosClient.create({ name, dataDir: join(folder, name), insecurePlaintext: true, config })
const alice = await start('Alice')
const bob = await start('Bob')
const mallory = await start('Mallory')

async function hear() {
  // Nothing is taken by silence: Bob decides on each stream, by who offers it.
  for await (const offer of bob.streams()) {
    if (offer.peer !== alice.peerId) {
      offer.refuse()
      continue
    }
    const text = new TextDecoder()
    let heard = ''
    for await (const bytes of await offer.accept()) heard += text.decode(bytes, { stream: true })
    console.log(`Bob hears: ${heard}`)
    return
  }
}

try {
  const hearing = hear()
  await mallory.openStream(bob.peerId, { label: 'a prize' }).catch(({ code }) => {
    console.log(`Mallory is refused: ${code}`)
  })
  const stream = await alice.openStream(bob.peerId, { codec: 'identity', priority: 'interactive', label: 'speech' })
  const text = new TextEncoder()
  for (const word of ['One ', 'word ', 'after ', 'the ', 'other.']) {
    await stream.write(text.encode(word)) // waits while Bob has too much that he has not taken
    await delay(20)
  }
  await stream.end()
  console.log('Alice: Bob has all of it')
  await hearing
} finally {
  for (const agent of [alice, bob, mallory]) await agent.close()
  await server.stop()
  await rm(folder, { recursive: true })
}
