import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import {
  ANSWER,
  CHUNK_LENGTH,
  FILE_PROTOCOL,
  FRAME,
  MAX_FRAME_LENGTH,
  MAX_UNDECIDED_PER_PEER,
  OFFER_RATE
} from '../../src/protocols/files/constants.ts'
import { decodeFrame } from '../../src/protocols/files/frames.ts'
import { giveAnswer, readOffer } from '../../src/protocols/files/handshake.ts'
import { encodeCounts, encodeEntry, encodeEntryEnd, encodeStop, KIND } from '../../src/protocols/files/messages.ts'
import { StreamSealer } from '../../src/protocols/files/stream.ts'
import { encodeFrame, FrameStream } from '../../src/protocols/framing/index.ts'
import { startAgent } from '../support/agents.ts'
import { startFileAgent } from '../support/file-agents.ts'
import { digestsOf } from '../support/file-vectors.ts'
import { RawSender, type RawTransfer } from '../support/raw-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { within } from '../support/within.ts'

const code = (expected: string) => expect.objectContaining({ code: expected })

async function scene(init: Parameters<typeof startFileAgent>[0] = {}) {
  const bob = await startFileAgent(init)
  const agent = await startAgent()
  const mallory = new RawSender(agent, bob)
  return {
    bob,
    mallory,
    /** What is in the download folder, without what is not complete. */
    arrived: () => (existsSync(bob.downloads) ? readdirSync(bob.downloads).filter(name => name !== '.partial') : []),
    partial: () => readdirSync(join(bob.downloads, '.partial')),
    [Symbol.asyncDispose]: async () => {
      await agent[Symbol.asyncDispose]()
      await bob[Symbol.asyncDispose]()
    }
  }
}

const ten = Buffer.from('0123456789')
const root = digestsOf(Buffer.alloc(0)).root()
const entry = (rest: object = {}) => encodeEntry({ path: '', directory: false, size: 10, from: 0, root, ...rest })
const chunk = (bytes: Uint8Array) => Buffer.concat([Uint8Array.of(KIND.chunk), bytes])
const end = (entries = 1, bytes = 10) => encodeCounts(KIND.end, { entries, bytes })

function endOf(content: Uint8Array): Uint8Array {
  const digests = digestsOf(content)
  return encodeEntryEnd({ sha256: digests.sha256(), root: digests.root() })
}

async function sendTen(transfer: RawTransfer, content: Uint8Array = ten): Promise<string> {
  await transfer.send(entry())
  await transfer.send(chunk(content))
  await transfer.send(endOf(content))
  await transfer.send(end(), true)
  return transfer.verdict()
}

test('what is right arrives', async () => {
  await using s = await scene()
  const { transfer } = await s.mallory.offer()
  expect(await sendTen(transfer!)).toBe('done')
  expect(readFileSync(join(s.bob.downloads, 'x'))).toEqual(ten)
})

test.each([
  '../../outside',
  '..',
  '/tmp/talos-absolute',
  'C:\\Windows\\x',
  'nul',
  'a\0b',
  'x\u202etxt.exe',
  'x'.repeat(300),
  '.partial',
  '.bashrc',
  'trailing. . ',
  ''
])('the name %j stays in the download folder', async name => {
  await using s = await scene()
  const { transfer } = await s.mallory.offer({ name })
  expect(await sendTen(transfer!)).toBe('done')
  const [only, ...others] = s.arrived()
  expect(others).toEqual([])
  expect(readFileSync(join(s.bob.downloads, only!))).toEqual(ten)
  expect(only).not.toMatch(/^\.|[\0-\u001f/\\:\u202e]|[. ]$/)
  expect(readdirSync(s.bob.folder).sort()).toEqual(['downloads', 'store'])
})

test('a name that is taken, by a file or by a link to somewhere else, is not', async () => {
  await using s = await scene()
  const outside = join(temporaryFolder(), 'outside')
  mkdirSync(s.bob.downloads)
  symlinkSync(outside, join(s.bob.downloads, 'x'))
  writeFileSync(join(s.bob.downloads, 'x (2)'), 'mine')
  const { transfer } = await s.mallory.offer()
  expect(await sendTen(transfer!)).toBe('done')
  expect(s.arrived().sort()).toEqual(['x', 'x (2)', 'x (3)'])
  expect(lstatSync(join(s.bob.downloads, 'x')).isSymbolicLink()).toBe(true)
  expect(existsSync(outside)).toBe(false)
  expect(readFileSync(join(s.bob.downloads, 'x (2)'), 'utf8')).toBe('mine')
})

test.each(['../x', '/x', 'a/../../x', 'a//b', ''])('the path %j in a directory ends the transfer', async path => {
  await using s = await scene()
  const { transfer } = await s.mallory.offer({ directory: true })
  await transfer!.send(entry({ path }))
  expect(await transfer!.verdict()).toBe('FILE_NAME')
  expect(s.arrived()).toEqual([])
})

const violations: Array<[string, (transfer: RawTransfer) => Promise<unknown>]> = [
  [
    'a flipped bit',
    async t => {
      const sealed = t.sealer.seal(entry())
      sealed[0]! ^= 1
      await t.sendSealed(sealed)
    }
  ],
  [
    'a chunk that is sent twice',
    async t => {
      await t.send(entry({ size: 10 }))
      await t.sendSealed(await t.send(chunk(ten)))
    }
  ],
  [
    'chunks in another order',
    async t => {
      const [first, second] = [t.sealer.seal(entry()), t.sealer.seal(chunk(ten))]
      await t.sendSealed(second)
      await t.sendSealed(first)
    }
  ],
  [
    'an early end',
    async t => {
      await t.send(entry())
      await t.send(end(), true)
    }
  ],
  ['more than was offered', t => t.send(entry({ size: 11 }))],
  [
    'less than was offered',
    async t => {
      await t.send(entry({ size: 9 }))
    }
  ],
  ['a chunk that is longer than one', t => t.send(chunk(Buffer.alloc(2 * CHUNK_LENGTH)))],
  [
    'two files for one',
    async t => {
      await t.send(entry())
      await t.send(chunk(ten))
      await t.send(endOf(ten))
      await t.send(entry({ size: 0 }))
    }
  ],
  ['a frame of an unknown type', t => t.frames.write(encodeFrame(77, new Uint8Array()))],
  ['a second offer on the stream', t => t.frames.write(encodeFrame(FRAME.offer, Buffer.alloc(100)))]
]

test.each(violations)('%s ends the transfer, and nothing arrives', async (_, violate) => {
  await using s = await scene()
  const { transfer } = await s.mallory.offer()
  // a frame above the limit resets the stream, while it is still being written even
  const verdict = violate(transfer!).then(() => transfer!.verdict())
  expect(await verdict.catch(error => error.code)).toMatch(/^(FILE_PROTOCOL|NETWORK_STREAM_CLOSED)$/)
  expect(s.arrived()).toEqual([])
  const [over] = s.bob.files.list()
  if (over?.state === 'failed') expect(s.partial()).toEqual([])
})

test('another content than its hash', async () => {
  await using s = await scene()
  const { transfer } = await s.mallory.offer()
  await transfer!.send(entry())
  await transfer!.send(chunk(Buffer.from('012345678x')))
  await transfer!.send(endOf(ten))
  expect(await transfer!.verdict()).toBe('FILE_DAMAGED')
  expect(s.arrived()).toEqual([])
})

test('a video that is none is held to the limit of what it is', async () => {
  await using s = await scene({ limits: { other: 1_000_000 } })
  const size = 1_500_000
  expect((await s.mallory.offer({ size, mediaType: 'application/zip' })).answer.answer).toBe(ANSWER.tooLarge)
  const { transfer } = await s.mallory.offer({ size, mediaType: 'video/mp4' })
  await transfer!.send(entry({ size }))
  await transfer!.send(chunk(Buffer.concat([Buffer.from('PK\x03\x04'), randomBytes(CHUNK_LENGTH - 4)])))
  expect(await transfer!.verdict()).toBe('FILE_TOO_LARGE')
})

test('what the receiver has is what the next offer of the same goes on from; another peer has no share in it', async () => {
  await using s = await scene()
  await using other = await startAgent()
  const transferId = randomBytes(16)
  const content = randomBytes(3 * CHUNK_LENGTH + 10)
  const size = content.length
  const { transfer } = await s.mallory.offer({ transferId, size })
  await transfer!.send(entry({ size }))
  for (let i = 0; i < 3; i++) await transfer!.send(chunk(content.subarray(i * CHUNK_LENGTH, (i + 1) * CHUNK_LENGTH)))
  const written = async () => {
    while (s.bob.files.list()[0]!.doneBytes < 3 * CHUNK_LENGTH) await new Promise(setImmediate)
  }
  await within(written(), 'three chunks on disk')
  transfer!.frames.abort(new Error('cut'))

  expect((await new RawSender(other, s.bob).offer({ transferId, size })).answer.chunks).toBe(0)
  const { answer, transfer: again } = await s.mallory.offer({ transferId, size })
  expect(answer).toMatchObject({ entries: 0, chunks: 3 })
  await again!.send(entry({ size, from: 3, root: digestsOf(content.subarray(0, 3 * CHUNK_LENGTH)).root() }))
  await again!.send(chunk(content.subarray(3 * CHUNK_LENGTH)))
  await again!.send(endOf(content))
  await again!.send(end(1, size), true)
  expect(await again!.verdict()).toBe('done')
  expect(readFileSync(join(s.bob.downloads, 'x')).equals(content)).toBe(true)
  // and once more: it is there already
  expect((await s.mallory.offer({ transferId, size })).answer.answer).toBe(ANSWER.done)
})

test('a recorded stream that is played again opens nothing', async () => {
  await using s = await scene()
  const transferId = randomBytes(16)
  const { transfer } = await s.mallory.offer({ transferId })
  const recorded = [await transfer!.send(entry()), await transfer!.send(chunk(ten))]
  transfer!.frames.abort(new Error('cut'))
  const { transfer: again } = await s.mallory.offer({ transferId })
  for (const body of recorded) await again!.sendSealed(body)
  expect(await again!.verdict()).toBe('FILE_PROTOCOL')
})

test.each([
  ['no id', { transferId: new Uint8Array() }],
  ['two files that are one', { entries: 2 }],
  ['a type that is none', { mediaType: '\u001b[2J' }],
  ['a name of two kilobytes', { name: 'x'.repeat(2_000) }]
])('an offer with %s is refused', async (_, offer) => {
  await using s = await scene()
  await expect(s.mallory.offer(offer)).rejects.toThrow(code('FILE_PROTOCOL'))
  expect(s.bob.files.list()).toEqual([])
})

test('an offer that cannot be had room for is refused before anybody is asked', async () => {
  const asked: string[] = []
  await using s = await scene({
    decide: async ({ name }) => {
      asked.push(name)
      return { accept: true }
    },
    limits: { quota: 100_000, other: 0, directory: 0 }
  })
  expect((await s.mallory.offer({ size: 1e15 })).answer.answer).toBe(ANSWER.quota)
  expect((await s.mallory.offer({ directory: true, size: 0, entries: 50 })).answer.answer).toBe(ANSWER.quota)
  expect((await s.mallory.offer({ directory: true, size: 0, entries: 1e9 })).answer.answer).toBe(ANSWER.tooLarge)
  expect(asked).toEqual([])
  // what was accepted and has not come yet counts
  expect((await s.mallory.offer({ size: 60_000 })).answer.answer).toBe(ANSWER.accepted)
  expect((await s.mallory.offer({ size: 60_000 })).answer.answer).toBe(ANSWER.quota)
})

test('endless offers: few are asked about, the others are told to come later', async () => {
  let asked = 0
  await using s = await scene({
    decide: () => {
      asked++
      return new Promise(() => {})
    }
  })
  const connection = await s.mallory.connection()
  await s.mallory.agent.sessions.seal(connection, Buffer.from('x'), AbortSignal.timeout(10_000))
  const offers = Array.from({ length: MAX_UNDECIDED_PER_PEER + 3 }, () => s.mallory.offer())
  const busy = await within(
    Promise.any(
      offers.map(offer =>
        offer
          .then(() => 'accepted')
          .catch(error => {
            if (error.code !== 'FILE_BUSY') throw error
            return 'busy'
          })
      )
    ),
    'an answer'
  )
  expect(busy).toBe('busy')
  expect(asked).toBe(MAX_UNDECIDED_PER_PEER)
  for (const offer of offers) offer.catch(() => {})
})

test('one offer after the other: at a rate', async () => {
  let asked = 0
  await using s = await scene({
    decide: async () => {
      asked++
      return { accept: false, reason: 'no' }
    }
  })
  let busy = 0
  for (let i = 0; i < OFFER_RATE.burst + 5; i++) {
    await s.mallory.offer().catch(error => {
      expect(error).toEqual(code('FILE_BUSY'))
      busy++
    })
  }
  expect(asked).toBeLessThanOrEqual(OFFER_RATE.burst + 2)
  expect(busy).toBeGreaterThanOrEqual(3)
})

test('something else than an offer, and nothing', async () => {
  await using s = await scene()
  const frames = await s.mallory.stream()
  await frames.write(encodeFrame(FRAME.message, ten))
  expect(decodeFrame(await within(frames.read(), 'a refusal')).type).toBe(FRAME.refuse)
  const garbage = await s.mallory.stream()
  await garbage.write(randomBytes(300))
  expect(decodeFrame(await within(garbage.read(), 'a refusal')).type).toBe(FRAME.refuse)
})

test("the sender's reason for a stop is one of ours, and a cancelled transfer is not asked for again", async () => {
  await using s = await scene()
  const transferId = randomBytes(16)
  const { transfer } = await s.mallory.offer({ transferId })
  const failed = new Promise<string>(resolve =>
    s.bob.files.addEventListener('failed', ({ detail }) => resolve(detail.reason!.message))
  )
  await transfer!.send(encodeStop('FILE_CANCELLED'), true)
  expect(await within(failed, 'the end')).toBe('the other side has cancelled the transfer')
  expect(s.partial()).toEqual([])
  expect((await s.mallory.offer({ transferId })).answer.answer).toBe(ANSWER.cancelled)
})

/** Receivers that lie, by what they say after they have accepted ten bytes. */
const lies: Array<[string, (control: StreamSealer) => Uint8Array[]]> = [
  [
    'has more bytes than there are',
    control => [control.seal(encodeCounts(KIND.progress, { entries: 1, bytes: Number.MAX_SAFE_INTEGER }))]
  ],
  [
    'has more entries than there are',
    control => [control.seal(encodeCounts(KIND.progress, { entries: 2, bytes: 10 }))]
  ],
  ['is done before its last word', control => [control.seal(Uint8Array.of(KIND.done))]],
  ['sends content back', control => [control.seal(chunk(ten))]],
  [
    'says the same twice',
    control => {
      const progress = control.seal(encodeCounts(KIND.progress, { entries: 0, bytes: 5 }))
      return [progress, progress]
    }
  ]
]

test.each(lies)('a receiver that %s: the sender ends the transfer', async (_, lie) => {
  await using alice = await startFileAgent()
  await using mallory = await startAgent()
  await mallory.node.handle(FILE_PROTOCOL, async (stream, connection) => {
    const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
    const party = { self: mallory.node.peerId, sessions: mallory.sessions, crypto }
    const signal = AbortSignal.timeout(10_000)
    const offer = await readOffer(frames, connection.remotePeer, mallory.sessions, signal)
    const accepted = { answer: ANSWER.accepted, entries: 0, chunks: 0 }
    const { control } = await giveAnswer(frames, connection, offer, accepted, party, signal)
    for (const sealed of lie(new StreamSealer(control))) await frames.write(encodeFrame(FRAME.message, sealed))
  })
  const { peerId } = mallory.node
  alice.knows.set(peerId.toString(), () => mallory.node.getMultiaddrs())
  const path = join(temporaryFolder(), 'x')
  writeFileSync(path, ten)
  const { id } = await alice.files.send(peerId, path)
  const ended = alice.files.completed(id, AbortSignal.timeout(10_000))
  await expect(ended).rejects.toThrow(code('FILE_PROTOCOL'))
  expect(alice.files.list()[0]!.doneBytes).toBeLessThanOrEqual(10)
})
