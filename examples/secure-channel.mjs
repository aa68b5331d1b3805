// A conversation with one peer: send, wait for the answer, JSON both ways.
// Run: node examples/secure-channel.mjs
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer, TalosClient } from 'talos-protocol'

const folder = await mkdtemp(join(tmpdir(), 'talos-example-'))
const server = await startServer({ dataDir: join(folder, 'server'), host: '127.0.0.1', port: 0 })
const config = { servers: [server.addresses[0]] }
const alice = await TalosClient.create({ name: 'Alice', dataDir: join(folder, 'a'), insecurePlaintext: true, config })
const bob = await TalosClient.create({ name: 'Bob', dataDir: join(folder, 'b'), insecurePlaintext: true, config })
try {
  const session = await alice.establishSession(bob.peerId)
  console.log(`a session with Bob: ${session.isNew ? 'new' : 'known'}, ${session.direct ? 'direct' : 'relayed'}`)

  const toBob = alice.channel(bob.peerId)
  const toAlice = bob.channel(alice.peerId)
  await toBob.sendJson({ question: 'how many?', of: 'prime numbers below 100' })

  const question = await toAlice.receive({ timeout: 10_000 })
  console.log(`Bob was asked: ${question.text}`)
  await toAlice.sendJson({ answer: 25 })

  const { answer } = JSON.parse((await toBob.receive({ timeout: 10_000 })).text)
  console.log(`Alice was told: ${answer}`)
} finally {
  await alice.close()
  await bob.close()
  await server.stop()
  await rm(folder, { recursive: true })
}
