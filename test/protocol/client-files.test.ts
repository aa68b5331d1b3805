import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { TalosClient } from '../../src/index.ts'
import { clients } from '../support/clients.ts'
import { within } from '../support/within.ts'

test('who says yes to an offer finds the transfer in the list, at once', { timeout: 90_000 }, async () => {
  const { folder, all } = await clients('Alice', 'Bob')
  const [alice, bob] = all as [TalosClient, TalosClient]
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
