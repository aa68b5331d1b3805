// The receiver is away while the sender sends, and the sender is gone when the receiver comes: a mailbox holds the message,
// sealed, so that it can tell neither who sent it nor what it says.
// Run: node examples/offline-delivery.mjs
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer, TalosClient } from 'talos-protocol'

const folder = await mkdtemp(join(tmpdir(), 'talos-example-'))
const server = await startServer({ dataDir: join(folder, 'server'), host: '127.0.0.1', port: 0 })
const agent = name =>
  TalosClient.create({
    name,
    dataDir: join(folder, name),
    insecurePlaintext: true,
    config: { servers: [server.addresses[0]] }
  })

let alice
let bob
try {
  // Bob has been here once: his mailbox knows him, and has his keys for whoever wants to write to him.
  bob = await agent('Bob')
  const { peerId } = bob
  await new Promise(resolve => {
    bob.addEventListener('registered', ({ detail }) => detail.mailboxes > 0 && resolve())
  })
  await bob.close()
  console.log('Bob is away')

  alice = await agent('Alice')
  const sent = await alice.send(peerId, 'Call me when you are back', { waitFor: 'stored' })
  console.log(`Alice: the message is ${sent.state}`)
  await alice.close()
  console.log('Alice is away')

  bob = await agent('Bob')
  for await (const message of bob.messages()) {
    console.log(`Bob is back: "${message.text}"`)
    await message.ack()
    break
  }
} finally {
  await alice?.close()
  await bob?.close()
  await server.stop()
  await rm(folder, { recursive: true })
}
