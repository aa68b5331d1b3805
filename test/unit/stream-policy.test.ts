import { peerIdFromString } from '@libp2p/peer-id'
import { expect, test } from 'vitest'
import { type OfferedStream, StreamPolicy } from '../../src/node/streams/stream-policy.ts'
import type { IncomingStream, StreamOffer } from '../../src/protocols/streams/index.ts'

const peer = peerIdFromString('12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5')

function offer(signal = new AbortController().signal): StreamOffer {
  return { peer, codec: 'identity', priority: 'interactive', label: 'speech', signal }
}

/** A policy with somebody who decides, and the offers that came to them. */
function decided() {
  const policy = new StreamPolicy()
  const offers: OfferedStream[] = []
  const stop = policy.onOffer(given => offers.push(given))
  return { policy, offers, stop }
}

test('while nobody decides, everything is refused', async () => {
  expect(await new StreamPolicy().decide(offer())).toBe(false)
})

test('accepted streams are given to who accepted them, whichever opens first', async () => {
  const { policy, offers } = decided()
  const [one, two] = [offer(), offer()]
  const answers = [policy.decide(one), policy.decide(two)]
  const accepted = offers.map(given => given.accept())
  expect(await Promise.all(answers)).toEqual([true, true])
  policy.opened(two, { offer: two } as IncomingStream)
  policy.opened(one, { offer: one } as IncomingStream)
  expect((await Promise.all(accepted)).map(stream => stream.offer)).toEqual([one, two])
})

test('the first answer counts', async () => {
  const { policy, offers } = decided()
  const answer = policy.decide(offer())
  offers[0]!.refuse()
  await expect(offers[0]!.accept()).rejects.toMatchObject({ code: 'STREAM_OFFER_OVER' })
  expect(await answer).toBe(false)
})

test('silence is no: when the time is over, and when whoever decides has left', async () => {
  const { policy, offers, stop } = decided()
  const time = new AbortController()
  const late = policy.decide(offer(time.signal))
  time.abort()
  expect(await late).toBe(false)
  await expect(offers[0]!.accept()).rejects.toMatchObject({ code: 'STREAM_OFFER_OVER' })
  const left = policy.decide(offer())
  stop()
  expect(await left).toBe(false)
})

test('a peer that goes after it was accepted is told to who waits for its stream', async () => {
  const { policy, offers } = decided()
  const time = new AbortController()
  const answer = policy.decide(offer(time.signal))
  const accepted = offers[0]!.accept()
  expect(await answer).toBe(true)
  time.abort()
  await expect(accepted).rejects.toMatchObject({ code: 'STREAM_OFFER_OVER' })
})
