import type { Connection, Stream } from '@libp2p/interface'
import { expect, test } from 'vitest'
import { toHex } from '../../src/chain/bytes.ts'
import { verifyEvidence } from '../../src/chain/evidence.ts'
import {
  cosignNote,
  formatNote,
  NOTE_KEY,
  type NoteKey,
  parseNote,
  signatureLine,
  verifyNote
} from '../../src/chain/note.ts'
import { formatAddCheckpoint } from '../../src/chain/witness.ts'
import { crypto } from '../../src/crypto/index.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import {
  addCheckpoint,
  latestCheckpoint,
  WITNESS_PROTOCOL,
  type WitnessServer,
  witnessServer
} from '../../src/protocols/witness/index.ts'
import { WitnessRequest, WitnessResponse } from '../../src/protocols/witness/pb/witness.ts'
import type { WitnessServerInit } from '../../src/protocols/witness/server.ts'
import { ownerOf } from '../support/keys.ts'
import { startNode, within } from '../support/nodes.ts'
import { durableStore, TestLog } from '../support/witness.ts'

const NEVER = new AbortController().signal
const code = (text: string) => expect.objectContaining({ code: text })

async function startWitness(init: Partial<WitnessServerInit> = {}) {
  const { store } = await durableStore()
  const node = await startNode<{ witness: WitnessServer }>({
    services: {
      witness: witnessServer({ store, crypto, name: 'witness.example', serves: () => true, ...init })
    } as never
  })
  const client = await startNode()
  const connection = await client.dial(node.getMultiaddrs())
  return {
    key: node.services.witness.witness!.key,
    connection,
    [Symbol.asyncDispose]: async () => {
      await client.stop()
      await node.stop()
    }
  }
}

const submission = (log: TestLog, from: number, to: number) => ({
  note: log.note(to),
  oldSize: from,
  proof: log.proof(from, to),
  params: log.chain.encodedParams
})

/** What a witness answers to a frame as it is. */
async function raw(connection: Connection, frame: Uint8Array): Promise<WitnessResponse | undefined> {
  const frames = new FrameStream(await connection.newStream(WITNESS_PROTOCOL), { maxFrameLength: 1_000_000 })
  await frames.write(frame)
  const answer = await within(frames.read(), 'an answer')
  await frames.close()
  return answer && WitnessResponse.decode(answer)
}

test('checkpoints are cosigned over a connection; a conflict says from where to prove', async () => {
  await using witness = await startWitness()
  const { connection, key } = witness
  const log = new TestLog()
  const first = await addCheckpoint(connection, key, submission(log, 0, 5), NEVER)
  if (first.state !== 'cosigned') throw new Error(first.state)
  expect(verifyNote({ text: log.text(5), signatures: [first.signature] }, key)).toBe(true)
  expect(await addCheckpoint(connection, key, submission(log, 3, 9), NEVER)).toEqual({ state: 'conflict', size: 5 })
  const { params: _, ...known } = submission(log, 5, 9)
  expect(await addCheckpoint(connection, key, known, NEVER)).toMatchObject({ state: 'cosigned' })
  const latest = await latestCheckpoint(connection, key, log.chain.id, NEVER)
  expect(latest!.checkpoint).toMatchObject({ origin: log.origin, size: 9 })
  expect(verifyNote(parseNote(latest!.note), log.key)).toBe(true)
  expect(await latestCheckpoint(connection, key, new TestLog(2).chain.id, NEVER)).toBeUndefined()
})

test('who is refused learns why, and from whom it can be had', async () => {
  await using witness = await startWitness({ serves: owner => owner[0] === ownerOf(1).publicKey[0] })
  const { connection, key } = witness
  await expect(addCheckpoint(connection, key, submission(new TestLog(2), 0, 5), NEVER)).rejects.toThrow(
    expect.objectContaining({ code: 'WITNESS_REFUSED', hint: expect.stringContaining('add your PeerId') })
  )
  const log = new TestLog()
  await addCheckpoint(connection, key, submission(log, 0, 5), NEVER)
  await expect(addCheckpoint(connection, key, { ...submission(log, 5, 9), proof: [] }, NEVER)).rejects.toThrow(
    code('WITNESS_INCONSISTENT')
  )
  const caught = addCheckpoint(connection, key, submission(new TestLog(1, 1, 2), 5, 5), NEVER)
  await expect(caught).rejects.toThrow(code('WITNESS_EVIDENCE'))
  const { evidence } = (await caught.catch(error => error)) as { evidence: Uint8Array }
  const { culprit, place } = verifyEvidence(evidence)
  expect([toHex(culprit), place]).toEqual([toHex(log.owner.publicKey), 5])
  await expect(latestCheckpoint(connection, key, log.chain.id, NEVER)).rejects.toThrow(code('WITNESS_EVIDENCE'))
})

test('what is malformed, too long, or too much is refused', async () => {
  await using witness = await startWitness({ peerRate: { burst: 60, perSecond: 0.001 } })
  const { connection, key } = witness
  const log = new TestLog()
  const body = new TextEncoder().encode(formatAddCheckpoint(0, [], log.note(5)))
  const frames: Array<[string, Uint8Array]> = [
    ['no request', new Uint8Array()],
    ['bytes that are none', Uint8Array.of(1, 2, 3, 4)],
    ['two requests', WitnessRequest.encode({ addCheckpoint: body, latest: Uint8Array.from(log.chain.id) })],
    ['text that is not UTF-8', WitnessRequest.encode({ addCheckpoint: Uint8Array.from([...body, 0xff, 0x0a]) })]
  ]
  for (const [what, frame] of frames) expect((await raw(connection, frame))?.status, what).toBe(400)
  await expect(raw(connection, new Uint8Array(16_385))).rejects.toThrow(code('NETWORK_STREAM_CLOSED'))
  // a chain that may be new costs twenty
  for (let i = 0; i < 2; i++) await addCheckpoint(connection, key, submission(log, 5 * i, 5), NEVER)
  const hasty = addCheckpoint(connection, key, submission(log, 5, 5), NEVER)
  await expect(hasty).rejects.toThrow(
    expect.objectContaining({ code: 'WITNESS_BUSY', hint: expect.stringMatching(/in \d+ s/) })
  )
})

test('a witness that answers what cannot be is not believed', async () => {
  const log = new TestLog()
  const liar = ownerOf(7)
  const key: NoteKey = { name: 'witness.example', type: NOTE_KEY.cosignature, publicKey: liar.publicKey }
  const sign = (text: string, signer = liar, name = key.name) =>
    signatureLine(cosignNote(text, name, signer, 1_790_000_000))
  const utf8 = (text: string) => new TextEncoder().encode(text)
  const answers: Array<[string, Partial<WitnessResponse>]> = [
    ['nothing', {}],
    ['no signature', { status: 200 }],
    ['a signature on something else', { status: 200, body: utf8(sign(log.text(6))) }],
    ['a signature by another key', { status: 200, body: utf8(sign(log.text(5), ownerOf(8))) }],
    ['a signature under another name', { status: 200, body: utf8(sign(log.text(5), liar, 'other.example')) }],
    ['a conflict without a size', { status: 409, body: utf8('five\n') }],
    ['a conflict beyond all sizes', { status: 409, body: utf8('9999999999999999\n') }],
    ['a status that nobody knows', { status: 299 }]
  ]
  let answer: Partial<WitnessResponse> = {}
  await using node = await startNode()
  await node.handle(WITNESS_PROTOCOL, async (stream: Stream) => {
    const frames = new FrameStream(stream, { maxFrameLength: 100_000 })
    await frames.read()
    await frames.write(WitnessResponse.encode(answer))
    await frames.close()
  })
  await using client = await startNode()
  const connection = await client.dial(node.getMultiaddrs())
  for (const [what, given] of answers) {
    answer = given
    await expect(addCheckpoint(connection, key, submission(log, 0, 5), NEVER), what).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^WITNESS_(ANSWER_INVALID|REFUSED)$/) })
    )
  }
  // among others' the one that counts is found
  answer = { status: 200, body: utf8(sign('x\n', ownerOf(8), 'other') + sign(log.text(5))) }
  expect(await addCheckpoint(connection, key, submission(log, 0, 5), NEVER)).toMatchObject({ state: 'cosigned' })
  // a checkpoint that it did not sign is none of its
  answer = { status: 200, body: utf8(log.note(5)) }
  await expect(latestCheckpoint(connection, key, log.chain.id, NEVER)).rejects.toThrow(code('WITNESS_ANSWER_INVALID'))
  const text = log.text(5)
  answer = { status: 200, body: utf8(formatNote({ text, signatures: [cosignNote(text, key.name, liar, 9)] })) }
  expect(await latestCheckpoint(connection, key, log.chain.id, NEVER)).toMatchObject({ checkpoint: { size: 5 } })
})
