// Two agents and a server in one program: the shortest way to see a message go over.
// Run: node examples/quick-start.mjs
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer, TalosClient } from 'talos-protocol'

const folder = await mkdtemp(join(tmpdir(), 'talos-example-'))
// On a real network one machine runs `talos server`, and each agent is told its address once.
const server = await startServer({ dataDir: join(folder, 'server'), host: '127.0.0.1', port: 0 })
const agent = name =>
  TalosClient.create({
    name,
    dataDir: join(folder, name),
    insecurePlaintext: true, // a real wallet has a passphrase
    config: { servers: [server.addresses[0]] }
  })

const alice = await agent('Alice')
const bob = await agent('Bob')
try {
  const sent = await alice.send(bob.peerId, 'Hello Bob', { waitFor: 'delivered' })
  console.log(`Alice: the message is ${sent.state}`)

  for await (const message of bob.messages()) {
    console.log(`Bob: "${message.text}", from ${message.peer === alice.peerId ? 'Alice' : 'somebody'}`)
    await message.ack()
    break
  }
  const read = await alice.waitFor(sent.id, 'read')
  console.log(`Alice: now it is ${read.state}`)
} finally {
  await alice.close()
  await bob.close()
  await server.stop()
  await rm(folder, { recursive: true })
}
