import { writeFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { startServer, TalosClient } from '../../src/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { within } from '../support/within.ts'

test('who says yes to an offer finds the transfer in the list, at once', { timeout: 90_000 }, async () => {
  const folder = temporaryFolder()
  const server = await startServer({ dataDir: `${folder}/server`, host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.stop())
  const config = { servers: [server.addresses[0]!], listen: ['/ip4/127.0.0.1/tcp/0'] }
  const start = async (name: string) => {
    const client = await TalosClient.create({ name, dataDir: `${folder}/${name}`, insecurePlaintext: true, config })
    onTestFinished(() => client.close())
    return client
  }
  const [alice, bob] = [await start('Alice'), await start('Bob')]
  for (let i = 0; i < 3; i++) {
    writeFileSync(`${folder}/${i}`, 'content')
    const offered = new Promise<string>(resolve =>
      bob.addEventListener('file-offer', ({ detail: { offer } }) => resolve(offer.id), { once: true })
    )
    await alice.sendFile(bob.peerId, `${folder}/${i}`)
    const id = await within(offered, 'the offer')
    await bob.answerOffer(id, true)
    const { offers, transfers } = await bob.files()
    expect(offers).toEqual([])
    expect(transfers.map(transfer => transfer.id)).toContain(id)
  }
})
