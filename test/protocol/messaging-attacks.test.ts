import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { FRAME, MAX_FRAME, MESSAGE_PROTOCOL, REFUSAL, TYPE } from '../../src/protocols/messaging/constants.ts'
import { signEnvelope } from '../../src/protocols/messaging/envelope.ts'
import { Envelope, EnvelopeContent, MessageFrame, Refusal } from '../../src/protocols/messaging/pb/message.ts'
import { UuidSource } from '../../src/protocols/messaging/uuid.ts'
import { type MessageAgent, soon, startMessageAgent, type Town, textOf } from '../support/message-agents.ts'
import { TestMailbox } from '../support/message-route.ts'

const uuids = new UuidSource(Date.now, length => randomBytes(length))
const DAY = 86_400_000

/** Everything that a node has on its disk. */
async function diskOf(agent: MessageAgent): Promise<string> {
  const disk = await agent.store.transact(async transaction => {
    const records: string[] = []
    for (const key of await transaction.keys('')) {
      records.push(`${key} ${Buffer.from((await transaction.get(key))!).toString('hex')}`)
    }
    return records
  })
  return disk.join('\n')
}

/** Alice has sent a message that waits in a box; mallory can do what a peer can. */
async function scene() {
  const town: Town = new Map()
  const mailbox = new TestMailbox(town)
  const alice = await startMessageAgent(town, { mailbox: mailbox.route })
  const bob = await startMessageAgent(town)
  const mallory = await startMessageAgent(town)
  bob.isAway = true
  const first = await alice.send(bob, 'first')
  await alice.until(first.id, 'stored')
  await mailbox.fetch(bob)
  await bob.gotAll(1)
  const sent = await alice.send(bob, 'genuine')
  await alice.until(sent.id, 'stored')
  const [envelope] = mailbox.boxOf(bob.name)
  bob.isAway = false
  return {
    alice,
    bob,
    mallory,
    sent,
    genuine: envelope!,
    mailbox,
    [Symbol.asyncDispose]: async () => {
      for (const agent of [alice, bob, mallory]) await agent[Symbol.asyncDispose]()
    }
  }
}

/** `genuine` with its signed content changed, signed by `signer` if given. */
function forged(genuine: Uint8Array, change: Partial<EnvelopeContent>, signer?: MessageAgent): Uint8Array {
  const { content, signature } = Envelope.decode(genuine)
  const changed = { ...EnvelopeContent.decode(content), ...change }
  if (signer === undefined) return Envelope.encode({ content: EnvelopeContent.encode(changed), signature })
  return signEnvelope({ publicKey: changed.sender, sign: bytes => signer.identity.sign(bytes) }, changed)
}

test('forged, misdirected, misdated and garbled envelopes change nothing, and the genuine one is read after them', async () => {
  await using s = await scene()
  // else he would acknowledge, by and by, and write that down
  s.bob.isAway = true
  const before = await diskOf(s.bob)
  const contents = EnvelopeContent.decode(Envelope.decode(s.genuine).content)
  const bad: Uint8Array[] = [
    new Uint8Array(),
    randomBytes(200),
    s.genuine.subarray(0, s.genuine.length - 1),
    forged(s.genuine, { sequence: 1 }),
    forged(s.genuine, { timestamp: contents.timestamp + 1 }),
    forged(s.genuine, { sequence: 5 }, s.mallory),
    forged(s.genuine, { sender: s.mallory.identity.publicKey as Uint8Array<ArrayBuffer> }),
    forged(s.genuine, { recipient: s.mallory.identity.publicKey as Uint8Array<ArrayBuffer> }, s.alice),
    forged(s.genuine, { timestamp: Date.now() - 16 * DAY }, s.alice),
    forged(s.genuine, { type: 99 }, s.alice),
    forged(s.genuine, { epoch: new Uint8Array(16) }, s.alice),
    forged(s.genuine, { sequence: 0 }, s.alice),
    forged(s.genuine, { floor: 9 }, s.alice),
    forged(s.genuine, { sequence: Number.MAX_SAFE_INTEGER }, s.alice),
    forged(s.genuine, { id: new Uint8Array(16) }, s.alice)
  ]
  // within what is signed, and within the signature: two tags around them may be spelt otherwise
  const signature = s.genuine.length - 64
  for (let at = 3; at < s.genuine.length; at += 7) {
    if (at === signature - 2 || at === signature - 1) continue
    bad.push(s.genuine.map((byte, i) => (i === at ? byte ^ 1 : byte)))
  }
  for (const envelope of bad) await s.bob.messaging.receive(envelope)
  expect(s.bob.messaging.counts).toMatchObject({ unreadableHere: 0, unreadableThere: 0 })
  expect(s.bob.messaging.counts.forged).toBeGreaterThan(20)
  expect(await diskOf(s.bob)).toBe(before)
  expect(await s.bob.messaging.receive(s.genuine)).toBe(true)
  expect(await s.bob.gotAll(2)).toEqual(['first', 'genuine'])
  const after = await diskOf(s.bob)
  expect(await s.bob.messaging.receive(s.genuine)).toBe(true)
  expect(await diskOf(s.bob)).toBe(after)
})

test('an envelope that is dated too far ahead is kept by its mailbox; one sealed under another key is not taken', async () => {
  await using s = await scene()
  expect(await s.bob.messaging.receive(forged(s.genuine, { timestamp: Date.now() + 2 * DAY }, s.alice))).toBe(false)
  const body = randomBytes(500)
  expect(await s.bob.messaging.receive(forged(s.genuine, { body }, s.alice))).toBe(true)
  expect(s.bob.messaging.counts).toEqual({ unreadableHere: 1, unreadableThere: 0, forged: 0 })
  expect(s.bob.got).toEqual(['first'])
  expect(await s.bob.messaging.receive(s.genuine)).toBe(true)
  expect(s.bob.got).toEqual(['first', 'genuine'])
})

test('of messages with one id that wait for an earlier one the first is taken, and the others are refused', async () => {
  await using s = await scene()
  s.bob.isAway = true
  const last = await s.alice.send(s.bob, 'the same again')
  await s.alice.until(last.id, 'stored')
  const after = await s.alice.send(s.bob, 'after')
  s.alice.messaging.retry()
  await s.alice.until(after.id, 'stored')
  const waiting = s.mailbox.boxOf(s.bob.name)
  const { id } = EnvelopeContent.decode(Envelope.decode(waiting[1]!).content)
  const double = forged(waiting[2]!, { id }, s.alice)
  // 'genuine' is missing: what follows it waits
  expect(await s.bob.messaging.receive(waiting[1]!)).toBe(true)
  expect(await s.bob.messaging.get(last.id)).toBeUndefined()
  expect(await s.bob.messaging.receive(double)).toBe(true)
  expect(await s.bob.messaging.receive(s.genuine)).toBe(true)
  expect(s.bob.got).toEqual(['first', 'genuine', 'the same again'])
  expect(textOf((await s.bob.messaging.get(last.id))!)).toBe('the same again')
})

async function openStream(from: MessageAgent, to: MessageAgent): Promise<FrameStream> {
  const connection = await from.node.dial(to.node.getMultiaddrs(), { signal: soon() })
  return new FrameStream(await connection.newStream(MESSAGE_PROTOCOL), { maxFrameLength: MAX_FRAME })
}

/** The next refusal on a stream. */
async function refusalOn(stream: FrameStream): Promise<Refusal> {
  for (;;) {
    const frame = MessageFrame.decode((await stream.read(soon()))!)
    if (frame.type === FRAME.refuse) return Refusal.decode(frame.refusal)
  }
}

test('on a stream what is refused has a typed answer, and the stream goes on', async () => {
  await using s = await scene()
  const stream = await openStream(s.alice, s.bob)
  const send = (frame: Partial<MessageFrame>) => stream.write(MessageFrame.encode(frame), soon())
  const plain = (bytes: Uint8Array) => bytes as Uint8Array<ArrayBuffer>
  await send({ type: 77 })
  expect(await refusalOn(stream)).toMatchObject({ reason: REFUSAL.unsupported, ids: [] })
  await send({ type: FRAME.envelopes, envelopes: [plain(forged(s.genuine, { type: 99 }, s.alice))] })
  expect(await refusalOn(stream)).toMatchObject({ reason: REFUSAL.unsupported, ids: [expect.any(Uint8Array)] })
  await send({ type: FRAME.envelopes, envelopes: [plain(forged(s.genuine, { sequence: 9 }))] })
  expect(await refusalOn(stream)).toMatchObject({ reason: REFUSAL.malformed })
  await send({ type: FRAME.envelopes, envelopes: [plain(forged(s.genuine, { timestamp: 1 }, s.alice))] })
  expect(await refusalOn(stream)).toMatchObject({ reason: REFUSAL.clock })
  // mallory's own signature, over the stream of alice
  const misplaced = signEnvelope(s.mallory.identity, {
    ...EnvelopeContent.decode(Envelope.decode(s.genuine).content),
    id: uuids.next(),
    type: TYPE.text
  })
  await send({ type: FRAME.envelopes, envelopes: [plain(misplaced)] })
  expect(await refusalOn(stream)).toMatchObject({ reason: REFUSAL.malformed })
  await send({ type: FRAME.envelopes, envelopes: [plain(s.genuine)] })
  expect(await s.bob.gotAll(2)).toEqual(['first', 'genuine'])
})

test('a stream of rubbish is reset; acknowledgements and refusals of a stranger do nothing', async () => {
  await using s = await scene()
  s.bob.isAway = true
  const waiting = await s.bob.send(s.alice, 'waits')
  const stranger = await openStream(s.mallory, s.bob)
  const { id } = EnvelopeContent.decode(Envelope.decode(s.genuine).content)
  await stranger.write(MessageFrame.encode({ type: FRAME.refuse, refusal: Refusal.encode({ reason: 1, ids: [id] }) }))
  await stranger.write(MessageFrame.encode({ type: FRAME.done, ids: [id] }))
  for (let i = 0; i < 50; i++) {
    const envelopes = [randomBytes(100) as Uint8Array<ArrayBuffer>]
    await stranger.write(MessageFrame.encode({ type: FRAME.envelopes, envelopes }), soon()).catch(() => {})
  }
  await expect(
    (async () => {
      while ((await stranger.read(soon())) !== undefined);
    })()
  ).rejects.toMatchObject({ code: 'NETWORK_STREAM_CLOSED' })
  expect(await s.bob.messaging.get(waiting.id)).toMatchObject({ state: 'queued' })
})

test('who was forgotten after its link had ended is known again: order, duplicates and quotas go on', async () => {
  await using s = await scene()
  await s.bob.messaging.receive(s.genuine)
  for (let i = 0; i < 3; i++) {
    const { id } = await s.alice.send(s.bob, `after ${i}`)
    s.alice.messaging.retry()
    await s.alice.until(id, 'delivered')
    s.alice.cut()
    await expect.poll(() => s.bob.node.getConnections().length).toBe(0)
  }
  await s.bob.messaging.receive(s.genuine)
  expect(await s.bob.gotAll(5)).toEqual(['first', 'genuine', 'after 0', 'after 1', 'after 2'])
})

test('a frame that says it is longer than a frame may be resets the stream, before anything of its length is made', async () => {
  await using s = await scene()
  const connection = await s.mallory.node.dial(s.bob.node.getMultiaddrs(), { signal: soon() })
  const stream = await connection.newStream(MESSAGE_PROTOCOL)
  const closed = new Promise<void>(resolve => stream.addEventListener('close', () => resolve(), { once: true }))
  stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07))
  await closed
  expect(await s.bob.messaging.receive(s.genuine)).toBe(true)
})

test('a message longer than 1 MiB is refused; one of 1 MiB arrives', async () => {
  await using s = await scene()
  await expect(s.alice.messaging.send(s.bob.peer, new Uint8Array(1024 * 1024 + 1))).rejects.toMatchObject({
    code: 'MESSAGE_TOO_LARGE'
  })
  const { id } = await s.alice.messaging.send(s.bob.peer, new Uint8Array(1024 * 1024))
  s.alice.messaging.retry()
  await s.alice.until(id, 'delivered')
  expect((await s.bob.messaging.get(id))?.content).toHaveLength(1024 * 1024)
})
