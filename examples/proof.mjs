// Alice writes to Bob, and both can prove it: to a stranger who has nothing but a text file, and to each other.
// Run: node examples/proof.mjs
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWallet, startServer, TalosClient, verifyProof } from 'talos-protocol'

const folder = await mkdtemp(join(tmpdir(), 'talos-example-'))
const server = await startServer({ dataDir: join(folder, 'server'), host: '127.0.0.1', port: 0 })
const party = async (name, audit = {}) => {
  const dataDir = join(folder, name)
  const { wallet } = await createWallet({ dataDir, name, insecurePlaintext: true }) // a real wallet has a passphrase
  return { dataDir, peerId: wallet.peerId, config: { servers: [server.addresses[0]], audit } }
}
const alice = await party('Alice')
// Bob lets Alice compare her records with his
const bob = await party('Bob', { reconcileWith: [alice.peerId] })
const [hers, his] = [await TalosClient.create(alice), await TalosClient.create(bob)]
try {
  const report = 'the report is ready'
  const { id } = await hers.send(bob.peerId, report, { waitFor: 'delivered' })

  // Alice finds it in her chain, once it is in a block, and opens what the stranger may know of it.
  for await (const record of hers.audit.follow({ kinds: ['MESSAGE'] })) {
    if (record.fields.find(({ name }) => name === 'operation')?.value !== `message/${id}`) continue
    const { proof } = await hers.audit.open(record.id, ['event', 'peer', 'size', 'hash'])
    await writeFile(join(folder, 'proof.txt'), proof)
    break
  }

  // The stranger has the file, and knows Alice's PeerId. Bob has shown him the message.
  const text = await readFile(join(folder, 'proof.txt'), 'utf8')
  const proved = verifyProof(text, { owner: alice.peerId })
  const said = Object.fromEntries(proved.fields.map(({ name, value }) => [name, value]))
  const other = said.peer === bob.peerId ? 'Bob' : 'somebody'
  console.log(`Proved: Alice recorded that a message of ${said.size} bytes was ${said.event} to ${other}`)
  const isSaid = createHash('sha256').update(report).digest().equals(said.hash)
  console.log(`What Bob shows of it is ${isSaid ? 'what she wrote' : 'something else'}`)
  try {
    verifyProof(text.replace('extra A', 'extra B'), { owner: alice.peerId })
  } catch (error) {
    console.log(`With one letter changed it is refused: ${error.code}`)
  }

  const { compared, matching } = await hers.audit.reconcile(bob.peerId)
  console.log(`Alice and Bob agree on ${matching} of ${compared} records of what passed between them`)
} finally {
  await hers.close()
  await his.close()
  await server.stop()
  await rm(folder, { recursive: true })
}
