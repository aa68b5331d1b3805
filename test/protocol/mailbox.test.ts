import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { idOf, tagOf } from '../../src/protocols/mailbox/codec.ts'
import {
  MAILBOX_PROTOCOL,
  MAX_ENVELOPE_LENGTH,
  MAX_FRAME_LENGTH,
  MAX_TTL,
  RETENTION,
  STATUS
} from '../../src/protocols/mailbox/constants.ts'
import type { MailboxLimits } from '../../src/protocols/mailbox/index.ts'
import { Request, Response } from '../../src/protocols/mailbox/pb/mailbox.ts'
import { BOX_CAPACITIES, BOX_OVERHEAD, sealBox, verifyBundle } from '../../src/protocols/ratchet/index.ts'
import {
  correspondent,
  type Published,
  startMailbox,
  type TestCorrespondent,
  type TestMailbox
} from '../support/mailbox.ts'
import { startNode, within } from '../support/nodes.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const soon = () => AbortSignal.timeout(20_000)
const text = (value: string) => new TextEncoder().encode(value)
const later = () => Date.now() + DAY

/** Bob, whose mailboxes these are, and Alice, who writes to him; Bob has been there once, and is away now. */
async function network(count = 1, limits: Partial<MailboxLimits> = {}) {
  const mailboxes: TestMailbox[] = []
  for (let made = 0; made < count; made++) mailboxes.push(await startMailbox(limits))
  const published: Published = new Map()
  const addresses = mailboxes.map(({ address }) => address)
  const alice = await correspondent(published)
  const bob = await correspondent(published, addresses)
  published.set(bob.peerId.toString(), addresses)
  await alice.online()
  await bob.online()
  await bob.ready()
  await bob.offline()
  return {
    alice,
    bob,
    mailboxes,
    mailbox: mailboxes[0]!,
    published,
    [Symbol.asyncDispose]: async () => {
      for (const one of [alice, bob, ...mailboxes]) await one[Symbol.asyncDispose]()
    }
  }
}

const write = (from: TestCorrespondent, to: TestCorrespondent, what: string) =>
  from.client.deposit(to.peerId, text(what), later(), soon())

/** A stream of frames of our own making, of some identity. */
async function raw(mailbox: TestMailbox, seed: Uint8Array = randomBytes(32)) {
  const node = await startNode({ seed, listen: [] })
  await node.dial([...mailbox.address.addresses])
  const open = async () => {
    const stream = await node.dialProtocol(mailbox.address.peerId, MAILBOX_PROTOCOL)
    // larger than what is allowed, so that the other side must check
    return new FrameStream(stream, { maxFrameLength: 4 * MAX_FRAME_LENGTH })
  }
  let frames = await open()
  const askBytes = async (request: Uint8Array) => {
    await frames.write(request)
    return Response.decode((await within(frames.read(), 'an answer'))!)
  }
  return {
    node,
    get frames() {
      return frames
    },
    reopen: async () => {
      frames = await open()
    },
    askBytes,
    ask: (request: Request) => askBytes(Request.encode(request)),
    [Symbol.asyncDispose]: async () => node.stop()
  }
}

const u8 = (bytes: Uint8Array) => Uint8Array.from(bytes)

/** Something of the form of a box. */
function boxLike(boxClass = 0): Uint8Array<ArrayBuffer> {
  const box = u8(randomBytes(BOX_CAPACITIES[boxClass]! + BOX_OVERHEAD))
  box[0] = 1
  box[1] = boxClass
  return box
}

const put = (to: TestCorrespondent, box = boxLike(), expiresAt = later()): Request => ({
  put: { tag: u8(tagOf(to.publicKey)), expiresAt: BigInt(expiresAt), box }
})

describe('an envelope', () => {
  test('waits for a recipient who is away, over a restart of the mailbox, and is there once', async () => {
    await using net = await network()
    const { alice, bob, mailbox } = net
    for (const what of ['one', 'two', 'three']) expect(await write(alice, bob, what)).toMatchObject({ copies: 1 })
    expect(mailbox.service.items).toBe(3)
    await mailbox.stop()
    await mailbox.start()
    expect(mailbox.service.items).toBe(3)
    await bob.online()
    await bob.until(3)
    expect(bob.received).toEqual(['one', 'two', 'three'])
    // and the mailbox forgets it: the sender comes back with another
    await write(alice, bob, 'four')
    await bob.until(4)
    await bob.offline()
    expect(mailbox.service.items).toBe(0)
    expect(mailbox.service.bytes).toBe(0)
    await bob.online()
    await write(alice, bob, 'five')
    await bob.until(5)
    expect(bob.received).toEqual(['one', 'two', 'three', 'four', 'five'])
  })

  test('reaches a recipient who is there at once, also after the mailbox was restarted', async () => {
    await using net = await network()
    const { alice, bob, mailbox } = net
    await bob.online()
    await bob.ready()
    await write(alice, bob, 'hello')
    await bob.until(1)
    await mailbox.until(0)
    await mailbox.stop()
    await expect(write(alice, bob, 'lost?')).rejects.toMatchObject({ code: 'MAILBOX_UNREACHABLE' })
    await mailbox.start()
    // a new courier: the old one remembers that the mailbox is down
    const carol = await correspondent(net.published)
    await carol.online()
    await write(carol, bob, 'again')
    await bob.until(2)
    expect(bob.received).toEqual(['hello', 'again'])
    await carol[Symbol.asyncDispose]()
  })

  test('of any size up to the largest comes whole; a larger one is refused here already', async () => {
    await using net = await network()
    const { alice, bob } = net
    const sizes = [0, 1, 1024, 1025, 70_000, MAX_ENVELOPE_LENGTH]
    for (const size of sizes) await write(alice, bob, 'x'.repeat(size))
    await expect(write(alice, bob, 'x'.repeat(MAX_ENVELOPE_LENGTH + 1))).rejects.toMatchObject({
      code: 'MAILBOX_TOO_LARGE'
    })
    await bob.online()
    await bob.until(sizes.length)
    expect(bob.received.map(({ length }) => length)).toEqual(sizes)
  })

  test('stays at the mailbox until it is taken, and what was not taken holds up nothing', async () => {
    await using net = await network()
    const { alice, bob, mailbox } = net
    for (const what of ['one', 'bad', 'two', 'worse']) await write(alice, bob, what)
    bob.takes = what => {
      if (what === 'worse') throw new Error('the disk is full')
      return what !== 'bad'
    }
    await bob.online()
    await bob.until(2)
    await bob.offline()
    expect(bob.received).toEqual(['one', 'two'])
    expect(mailbox.service.items).toBe(2)
    bob.takes = () => true
    await bob.online()
    await bob.until(4)
    expect(bob.received.slice(2)).toEqual(['bad', 'worse'])
  })

  test('that will never open is removed and counted', async () => {
    await using net = await network()
    const { alice, bob, mailbox } = net
    await using stranger = await raw(mailbox)
    for (let sent = 0; sent < 3; sent++) expect((await stranger.ask(put(bob))).status).toBe(STATUS.ok)
    // one for somebody else's prekeys, under Bob's tag
    const bundle = verifyBundle(crypto, await alice.sessions.publicBundle(), alice.publicKey, Date.now())
    await stranger.ask(put(bob, u8(sealBox(crypto, bundle, text('not for Bob')))))
    await write(alice, bob, 'genuine')
    await bob.online()
    await bob.until(1)
    await write(alice, bob, 'after')
    await bob.until(2)
    expect(bob.received).toEqual(['genuine', 'after'])
    expect(bob.client.counts).toEqual({ received: 2, poisoned: 4 })
    await bob.offline()
    expect(mailbox.service.items).toBe(0)
  })

  test('lies at two mailboxes; one that is down costs a copy and no envelope', async () => {
    await using net = await network(2)
    const { alice, bob, mailboxes } = net
    expect(await write(alice, bob, 'both')).toMatchObject({ copies: 2 })
    await mailboxes[1]!.stop()
    expect(await write(alice, bob, 'one')).toMatchObject({ copies: 1 })
    await bob.online()
    await bob.until(2)
    await bob.offline()
    await mailboxes[0]!.stop()
    await mailboxes[1]!.start()
    await bob.online()
    // the second copy of the first: telling them apart is for who opens envelopes
    await bob.until(3)
    expect(bob.received).toEqual(['both', 'one', 'both'])
  })

  test('of thousands come in order, page by page, while a slow reader holds them up', async () => {
    await using net = await network()
    const { alice, bob, mailbox } = net
    const count = 2_000
    for (let sent = 0; sent < count; sent += 100) {
      const some = Array.from({ length: 100 }, (_, index) => write(alice, bob, `${sent + index}`))
      expect(await Promise.all(some)).toMatchObject(some.map(() => ({ copies: 1 })))
    }
    expect(mailbox.service.items).toBe(count)
    let most = 0
    let now = 0
    bob.takes = async () => {
      most = Math.max(most, ++now)
      await new Promise(resolve => setImmediate(resolve))
      now--
      return true
    }
    await bob.online()
    await bob.until(count)
    await bob.offline()
    expect(bob.received).toEqual(Array.from({ length: count }, (_, index) => `${index}`))
    expect(most).toBeLessThanOrEqual(64)
    expect(mailbox.service.items).toBe(0)
  }, 60_000)
})

describe('the bundle that a recipient left', () => {
  test('is found while it is away, is its own, and is none for who has no mailbox', async () => {
    await using net = await network(2)
    const { alice, bob, published } = net
    const bundle = await alice.client.bundle(bob.peerId, soon())
    expect(alice.sessions.verify(bob.peerId, bundle!).bundle.oneTime).toBeUndefined()
    const carol = await correspondent(published)
    await expect(alice.client.bundle(carol.peerId, soon())).rejects.toMatchObject({ code: 'MAILBOX_NONE' })
    published.set(carol.peerId.toString(), published.get(bob.peerId.toString())!)
    const dave = await correspondent(published)
    await dave.online()
    expect(await dave.client.bundle(carol.peerId, soon())).toBeUndefined()
    await expect(write(dave, carol, 'hi')).rejects.toMatchObject({ code: 'MAILBOX_UNKNOWN_RECIPIENT' })
    for (const one of [carol, dave]) await one[Symbol.asyncDispose]()
  })

  test('is not taken from another, with one-time prekeys, or when it is damaged', async () => {
    await using net = await network()
    const { alice, bob, mailbox } = net
    await using eve = await raw(mailbox)
    const bundle = u8((await alice.client.bundle(bob.peerId, soon()))!)
    expect((await eve.ask({ subscribe: { bundle } })).status).toBe(STATUS.badBundle)
    expect((await eve.ask({ subscribe: { bundle: bundle.slice(0, 100) } })).status).toBe(STATUS.badBundle)
    expect((await eve.ask({ subscribe: { bundle: u8(randomBytes(3000)) } })).status).toBe(STATUS.badBundle)
    expect(mailbox.service.recipients).toBe(1)
  })
})

describe('another peer', () => {
  test('cannot fetch, remove or hear of what is not its own', async () => {
    await using net = await network()
    const { alice, bob, mailbox } = net
    await write(alice, bob, 'for Bob')
    const box = boxLike()
    await using eve = await raw(mailbox)
    await eve.ask(put(bob, box))
    const { page } = await eve.ask({ fetch: { after: 0n } })
    expect(page).toMatchObject({ boxes: [], more: false })
    expect((await eve.ask({ remove: { ids: [u8(idOf(box))] } })).status).toBe(STATUS.ok)
    expect(mailbox.service.items).toBe(2)
    // it may have a mailbox of its own, and hears of that one only
    const mallory = await correspondent(new Map(), [mailbox.address])
    await mallory.online()
    await mallory.ready()
    await write(alice, bob, 'for Bob again')
    await bob.online()
    await bob.until(2)
    expect(mallory.received).toEqual([])
    await mallory[Symbol.asyncDispose]()
  })

  test('who floods is slowed down, told for how long, and thrown out when it goes on', async () => {
    await using net = await network(1, { addressRate: { burst: 20, perSecond: 1 } })
    const { bob, mailbox } = net
    await using stranger = await raw(mailbox)
    let refused: Response | undefined
    for (let sent = 0; sent < 30 && refused === undefined; sent++) {
      const answer = await stranger.ask(put(bob))
      if (answer.status === STATUS.rateLimited) refused = answer
    }
    expect(refused!.retryAfter).toBeGreaterThan(0)
    expect(refused!.retryAfter).toBeLessThanOrEqual(1_000)
    const rude = async () => {
      for (let sent = 0; sent < 100; sent++) await stranger.ask(put(bob))
    }
    await expect(rude()).rejects.toThrow()
  })
})

describe('bytes that are no request', () => {
  test('get an answer or a reset, and change nothing', async () => {
    await using net = await network()
    const { bob, mailbox } = net
    await using stranger = await raw(mailbox)
    const genuine = Request.encode(put(bob))
    const status = async (request: Uint8Array) => (await stranger.askBytes(request)).status
    expect(await status(genuine.slice(0, genuine.length - 1))).toBe(STATUS.malformed)
    expect(await status(u8(randomBytes(500)))).not.toBe(STATUS.ok)
    expect(await status(new Uint8Array())).toBe(STATUS.unknownRequest)
    const answers = [
      { put: { tag: u8(randomBytes(31)), expiresAt: BigInt(later()), box: boxLike() } },
      { put: { tag: u8(tagOf(bob.publicKey)), expiresAt: 2n ** 63n, box: boxLike() } },
      put(bob, boxLike().subarray(1)),
      put(bob, new Uint8Array(0)),
      put(bob, new Uint8Array(BOX_CAPACITIES[0]! + BOX_OVERHEAD)),
      { askBundle: { tag: new Uint8Array() } },
      { remove: { ids: [new Uint8Array(31)] } },
      { remove: { ids: Array.from({ length: 513 }, () => new Uint8Array(32)) } }
    ]
    for (const request of answers) expect((await stranger.ask(request)).status).toBe(STATUS.malformed)
    // too long a frame is not even read
    const tooLong = async () => {
      // the reset may come while it is still being written
      await stranger.frames.write(new Uint8Array(MAX_FRAME_LENGTH + 1))
      await stranger.frames.read()
    }
    await expect(within(tooLong(), 'a reset')).rejects.toMatchObject({ code: 'NETWORK_STREAM_CLOSED' })
    await stranger.reopen()
    expect(await status(genuine)).toBe(STATUS.ok)
    expect(mailbox.service.items).toBe(1)
  })

  test('a box that comes again is the same one, and takes no more room', async () => {
    await using net = await network()
    const { bob, mailbox } = net
    await using stranger = await raw(mailbox)
    await using other = await raw(mailbox)
    const request = put(bob)
    const many = [stranger, other].flatMap(one => Array.from({ length: 5 }, () => one))
    for (const one of many) expect((await one.ask(request)).status).toBe(STATUS.ok)
    await Promise.all([stranger.ask(put(bob, boxLike())), other.ask(request)])
    expect(mailbox.service.items).toBe(2)
    await bob.online()
    await write(net.alice, bob, 'done')
    await bob.until(1)
    expect(bob.client.counts.poisoned).toBe(2)
  })
})

describe('quotas', () => {
  const small = BOX_CAPACITIES[0]! + BOX_OVERHEAD

  test('of one recipient, in boxes and in bytes', async () => {
    await using net = await network(1, { itemsPerRecipient: 3, bytesPerRecipient: 10 * small })
    const { alice, bob, mailbox } = net
    for (let sent = 0; sent < 3; sent++) await write(alice, bob, `${sent}`)
    await expect(write(alice, bob, 'x')).rejects.toMatchObject({ code: 'MAILBOX_FULL' })
    await bob.online()
    await bob.until(3)
    await bob.offline()
    // 16 KiB and 64 KiB: one fits once, the other never
    await write(alice, bob, 'x'.repeat(16 * 1024))
    await expect(write(alice, bob, 'x'.repeat(16 * 1024))).rejects.toMatchObject({ code: 'MAILBOX_FULL' })
    await expect(write(alice, bob, 'x'.repeat(64 * 1024))).rejects.toMatchObject({ code: 'MAILBOX_TOO_LARGE' })
    expect(mailbox.service.items).toBe(1)
    expect(mailbox.answers.slice(-1)).toEqual(['put tooLarge'])
  })

  test('of all, also for many at the same moment', async () => {
    await using net = await network(1, { maxBytes: 5 * small })
    const { bob, mailbox } = net
    const strangers = await Promise.all([raw(mailbox), raw(mailbox), raw(mailbox)])
    const answers = await Promise.all(
      strangers.map(async one => [await one.ask(put(bob)), await one.ask(put(bob)), await one.ask(put(bob))])
    )
    const statuses = answers.flat().map(({ status }) => status)
    expect(statuses.filter(status => status === STATUS.ok)).toHaveLength(5)
    expect(statuses.filter(status => status === STATUS.full)).toHaveLength(4)
    expect(mailbox.service.bytes).toBe(5 * small)
    for (const one of strangers) await one[Symbol.asyncDispose]()
  })

  test('of recipients, in all and from one address; strangers have no mailbox', async () => {
    await using net = await network(1, { maxRecipientsPerAddress: 2 })
    const { alice, mailbox, published } = net
    const second = await correspondent(published, [mailbox.address])
    await second.online()
    await second.ready()
    const third = await correspondent(published, [mailbox.address])
    published.set(third.peerId.toString(), [mailbox.address])
    await third.online()
    await third.until(() => third.client.states()[0]?.error?.code === 'MAILBOX_FULL')
    await using stranger = await raw(mailbox)
    expect((await stranger.ask(put(third))).status).toBe(STATUS.unknownRecipient)
    await expect(write(alice, third, 'x')).rejects.toMatchObject({ code: 'MAILBOX_UNKNOWN_RECIPIENT' })
    // who is there already is not refused
    await second.offline()
    await second.online()
    await second.ready()
    for (const one of [second, third]) await one[Symbol.asyncDispose]()
  })

  test('of what one host deposits for one recipient', async () => {
    await using net = await network(1, { depositRate: { burst: 2 * small, perSecond: 1 } })
    const { bob, mailbox } = net
    await using stranger = await raw(mailbox)
    await using other = await raw(mailbox)
    expect((await stranger.ask(put(bob))).status).toBe(STATUS.ok)
    expect((await other.ask(put(bob))).status).toBe(STATUS.ok)
    const refused = await other.ask(put(bob))
    expect(refused.status).toBe(STATUS.rateLimited)
    expect(refused.retryAfter).toBeGreaterThan(0)
  })

  test('of streams from one address', async () => {
    await using net = await network(1, { maxStreamsPerAddress: 2 })
    const { mailbox, bob } = net
    await using one = await raw(mailbox)
    await one.ask(put(bob))
    await using two = await raw(mailbox)
    await two.ask(put(bob))
    await using three = await raw(mailbox)
    await expect(three.ask(put(bob))).rejects.toThrow()
    // subscriptions are not counted: the recipient is not kept out
    await one.frames.close()
    await bob.online()
    await bob.ready()
  })
})

describe('time', () => {
  test('what has expired is not given out, is swept, and its room is free', async () => {
    await using net = await network()
    const { bob, mailbox } = net
    await using stranger = await raw(mailbox)
    const now = mailbox.clock.now
    const { until } = await stranger.ask(put(bob, boxLike(), now + HOUR))
    expect(Number(until)).toBe(now + HOUR)
    // no longer than the recipient's keys live, whatever is asked for
    expect(Number((await stranger.ask(put(bob, boxLike(), now + 100 * DAY))).until)).toBe(now + MAX_TTL)
    expect((await stranger.ask(put(bob, boxLike(), now))).status).toBe(STATUS.expired)
    await expect(net.alice.client.deposit(bob.peerId, text('x'), Date.now() - 1, soon())).rejects.toMatchObject({
      code: 'MAILBOX_EXPIRED'
    })
    mailbox.clock.now = now + HOUR
    expect(mailbox.service.items).toBe(2)
    expect(await mailbox.service.sweep()).toBe(0)
    await bob.online()
    await mailbox.until(1)
    await bob.offline()
    expect(bob.received).toEqual([])
    mailbox.clock.now = now + HOUR + 1
    expect(await mailbox.service.sweep()).toBe(1)
    expect(mailbox.service.items).toBe(0)
    expect(mailbox.service.bytes).toBe(0)
  })

  test('who stays away too long has no mailbox any more, and nothing of it is left', async () => {
    await using net = await network()
    const { bob, mailbox } = net
    await using stranger = await raw(mailbox)
    for (let sent = 0; sent < 3; sent++) await stranger.ask(put(bob))
    mailbox.clock.now += RETENTION + 1
    expect((await stranger.ask(put(bob, boxLike(), mailbox.clock.now + HOUR))).status).toBe(STATUS.unknownRecipient)
    expect((await stranger.ask({ askBundle: { tag: u8(tagOf(bob.publicKey)) } })).status).toBe(STATUS.unknownRecipient)
    await mailbox.service.sweep()
    expect(mailbox.service).toMatchObject({ items: 0, bytes: 0, recipients: 0 })
    expect(await everything(mailbox)).toEqual([])
  })

  test('a recipient that was away for longer than a week can be written to', async () => {
    await using net = await network()
    const { bob, published } = net
    const frank = await correspondent(published)
    frank.now = () => Date.now() + 13 * DAY
    await frank.online()
    expect(await frank.client.bundle(bob.peerId, soon())).toBeDefined()
    await frank[Symbol.asyncDispose]()
  })

  test('a bundle that has expired is not sealed to', async () => {
    await using net = await network()
    const { bob, mailbox, published } = net
    const frank = await correspondent(published)
    const key = `r:${Buffer.from(tagOf(bob.publicKey)).toString('hex')}`
    expect(await mailbox.storage.of('mailbox').get(key)).toBeDefined()
    frank.now = () => Date.now() + 15 * DAY
    await frank.online()
    const deposit = frank.client.deposit(bob.peerId, text('x'), Date.now() + 16 * DAY, soon())
    await expect(deposit).rejects.toMatchObject({ code: 'MAILBOX_RECIPIENT_AWAY' })
    expect(await frank.client.bundle(bob.peerId, soon())).toBeUndefined()
    await frank[Symbol.asyncDispose]()
  })
})

/** All that the operator has on disk, keys and values. */
async function everything(mailbox: TestMailbox): Promise<Array<[string, Uint8Array]>> {
  const records: Array<[string, Uint8Array]> = []
  for await (const record of mailbox.storage.of('mailbox').iterator()) records.push(record)
  return records
}

describe('the operator', () => {
  test('finds neither the sender nor a length within a class, on its disk or among its peers', async () => {
    await using net = await network()
    const { alice, bob, mailbox, published } = net
    mailbox.seen.clear()
    const carol = await correspondent(published, [mailbox.address])
    published.set(carol.peerId.toString(), [mailbox.address])
    await carol.online()
    await carol.ready()
    await carol.offline()
    mailbox.seen.clear()
    const secret = 'the words of Alice'
    for (const size of [0, 10, 500, 900]) await write(alice, bob, secret + 'x'.repeat(size))
    const depositors = new Set(mailbox.seen)
    mailbox.seen.clear()
    await write(alice, carol, secret)
    // another identity for another recipient, and none is Alice's
    expect(depositors.size).toBe(1)
    expect(mailbox.seen.size).toBe(1)
    expect([...depositors, ...mailbox.seen]).not.toContain(alice.peerId.toString())
    expect(depositors).not.toEqual(mailbox.seen)

    const records = await everything(mailbox)
    const dump = Buffer.concat(records.flatMap(([key, value]) => [Buffer.from(key), value]))
    const alices = [alice.publicKey, text(alice.peerId.toString()), alice.peerId.toMultihash().bytes, text(secret)]
    for (const bytes of alices) expect(dump.includes(Buffer.from(bytes))).toBe(false)
    for (const peer of [...depositors, ...mailbox.seen]) expect(dump.includes(Buffer.from(peer))).toBe(false)
    const boxes = records.filter(([key]) => key.startsWith('b:')).map(([, value]) => value.byteLength)
    expect(boxes).toHaveLength(5)
    expect(new Set(boxes).size).toBe(1)
    // not even the time of the deposit: what is kept of a box has the hour of its end
    const { expiresAt } = await stored(records)
    expect(Number(expiresAt) % HOUR).toBe(0)
    await carol[Symbol.asyncDispose]()
  })
})

async function stored(records: Array<[string, Uint8Array]>) {
  const { StoredItem } = await import('../../src/protocols/mailbox/pb/mailbox.ts')
  return StoredItem.decode(records.find(([key]) => key.startsWith('i:'))![1])
}

describe('a hostile mailbox', () => {
  test('that gives out a stranger’s bundle is believed nothing', async () => {
    await using net = await network()
    const { bob, mailbox, published } = net
    const store = mailbox.storage.of('mailbox')
    const { StoredRecipient } = await import('../../src/protocols/mailbox/pb/mailbox.ts')
    const eve = await correspondent(published)
    await eve.online()
    const key = `r:${Buffer.from(tagOf(bob.publicKey)).toString('hex')}`
    const record = StoredRecipient.decode((await store.get(key))!)
    const value = StoredRecipient.encode({ ...record, bundle: u8(await eve.sessions.publicBundle()) })
    await store.batch([{ type: 'put', key, value }])
    await expect(write(eve, bob, 'x')).rejects.toMatchObject({ code: 'MAILBOX_ANSWER_INVALID' })
    expect(mailbox.service.items).toBe(0)
    await eve[Symbol.asyncDispose]()
  })
})

test('a peer that is no mailbox is said to be none', async () => {
  await using node = await startNode()
  const published: Published = new Map()
  const where = { peerId: node.peerId, addresses: node.getMultiaddrs() }
  const alice = await correspondent(published, [where])
  const bob = await correspondent(published)
  published.set(bob.peerId.toString(), [where])
  await alice.online()
  await expect(write(alice, bob, 'x')).rejects.toMatchObject({ code: 'MAILBOX_UNSUPPORTED' })
  for (const one of [alice, bob]) await one[Symbol.asyncDispose]()
})
