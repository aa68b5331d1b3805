// A file with progress, consent, and verification.
// Run: node examples/file-transfer.mjs
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer, TalosClient } from 'talos-protocol'

const folder = await mkdtemp(join(tmpdir(), 'talos-example-'))
const server = await startServer({ dataDir: join(folder, 'server'), host: '127.0.0.1', port: 0 })
const config = { servers: [server.addresses[0]] }
const alice = await TalosClient.create({ name: 'Alice', dataDir: join(folder, 'a'), insecurePlaintext: true, config })
const bob = await TalosClient.create({ name: 'Bob', dataDir: join(folder, 'b'), insecurePlaintext: true, config })
try {
  const path = join(folder, 'report.txt')
  await writeFile(path, 'All is well.\n'.repeat(100_000))

  // Nothing is taken by silence: Bob decides on each offer (or names peers in files.acceptFrom of his configuration).
  bob.addEventListener('file-offer', ({ detail: { offer } }) => {
    console.log(`Bob is offered ${offer.name}, ${offer.size} bytes of ${offer.mediaType}`)
    bob.answerOffer(offer.id, true)
  })
  const arrived = new Promise(resolve => {
    bob.addEventListener('transfer', ({ detail: { transfer } }) => transfer.state === 'done' && resolve(transfer))
  })
  alice.addEventListener('transfer', ({ detail: { transfer } }) => {
    if (transfer.state === 'active')
      console.log(`Alice: ${Math.round((100 * transfer.doneBytes) / transfer.size)} % verified`)
  })

  const sent = await alice.sendFile(bob.peerId, path, { wait: true })
  console.log(`Alice: ${sent.name} is ${sent.state}`)
  const received = await arrived
  const same = (await readFile(received.path)).equals(await readFile(path))
  console.log(`Bob has ${received.name}, ${same ? 'the same bytes' : 'other bytes!'}`)
} finally {
  await alice.close()
  await bob.close()
  await server.stop()
  await rm(folder, { recursive: true })
}
