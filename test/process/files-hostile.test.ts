import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { CHUNK_LENGTH, MAX_UNDECIDED_PER_PEER } from '../../src/protocols/files/constants.ts'
import { encodeCounts, encodeEntry, encodeEntryEnd, KIND } from '../../src/protocols/files/messages.ts'
import { startAgent } from '../support/agents.ts'
import { digestsOf } from '../support/file-vectors.ts'
import { eventually } from '../support/processes.ts'
import { RawSender, type RawTransfer } from '../support/raw-files.ts'
import { talos } from '../support/talos.ts'
import { TunnelNet } from '../support/tunnel-net.ts'
import { within } from '../support/within.ts'

// Senders that break the protocol of files, against a `talos listen` in a process of its own.

const SOON = 30_000

/** A listener, somebody who sends by hand, and somebody honest whose files are taken unasked. */
async function scene(...flags: string[]) {
  const net = await TunnelNet.open()
  const port = await net.fixedPort()
  const config = `files:\n  acceptFrom: [${net.agent.peerId}]\n`
  writeFileSync(join(net.host.dataDir, 'config.yaml'), config, { mode: 0o600 })
  const listening = await net.start(net.host, 'listen', 'listening', port, flags)
  const agent = await startAgent()
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${net.host.peerId}`)
  const downloads = join(net.host.dataDir, 'downloads')
  return {
    listening,
    agent,
    mallory: new RawSender(agent, { node: { getMultiaddrs: () => [address] } }),
    /** Nothing is in the download folder, complete or not, but what is named. */
    has: (...names: string[]) =>
      eventually(() => {
        const [arrived, partial] = [downloads, join(downloads, '.partial')].map(folder =>
          existsSync(folder) ? readdirSync(folder).filter(name => name !== '.partial') : []
        )
        return partial!.length === 0 && arrived!.sort().join() === names.sort().join()
      }, SOON),
    /** What the listener says of its transfers. */
    listed: async () => {
      const { stdout } = await talos(['files', '--json', '--data-dir', net.host.dataDir], { timeout: SOON })
      return JSON.parse(stdout) as { offers: object[]; transfers: Array<{ state: string; reason?: { code: string } }> }
    },
    /** A genuine file arrives as it is. */
    takesGenuine: async () => {
      const content = randomBytes(2 * CHUNK_LENGTH + 5)
      const path = join(net.folder, 'genuine.bin')
      writeFileSync(path, content)
      const sent = await talos(['send-file', 'host', path, '--data-dir', net.agent.dataDir], { timeout: 2 * SOON })
      expect(sent.status, sent.stderr).toBe(0)
      expect(readFileSync(join(downloads, 'genuine.bin')).equals(content)).toBe(true)
      expect(listening.running).toBe(true)
    },
    [Symbol.asyncDispose]: async () => {
      await agent[Symbol.asyncDispose]()
      await net[Symbol.asyncDispose]()
    }
  }
}

const content = randomBytes(3 * CHUNK_LENGTH + 10)
const size = content.length
const chunksOf = (bytes: Uint8Array) =>
  Array.from({ length: Math.ceil(bytes.length / CHUNK_LENGTH) }, (_, i) =>
    Buffer.concat([Uint8Array.of(KIND.chunk), bytes.subarray(i * CHUNK_LENGTH, (i + 1) * CHUNK_LENGTH)])
  )
const chunks = chunksOf(content)
const entry = (rest: object = {}) =>
  encodeEntry({ path: '', directory: false, size, from: 0, root: digestsOf(Buffer.alloc(0)).root(), ...rest })
const digests = { sha256: digestsOf(content).sha256(), root: digestsOf(content).root() }

async function send(transfer: RawTransfer, ...messages: Uint8Array[]): Promise<void> {
  for (const message of messages) await transfer.send(message)
}

/** What is sent after an offer of `size` bytes was accepted, and what the receiver says of it. */
const lies: Array<[string, string, (transfer: RawTransfer) => Promise<unknown>]> = [
  ['a file that is longer than it was offered', 'FILE_PROTOCOL', t => send(t, entry({ size: size + 1 }))],
  ['a file that is shorter than it was offered', 'FILE_PROTOCOL', t => send(t, entry({ size: size - 1 }))],
  ['bytes after the last one', 'FILE_PROTOCOL', t => send(t, entry(), ...chunks, chunks[0]!)],
  [
    'a last chunk that is longer than the rest',
    'FILE_PROTOCOL',
    t => send(t, entry(), ...chunks.slice(0, 3), chunks[0]!)
  ],
  ['an end before all has come', 'FILE_PROTOCOL', t => send(t, entry(), chunks[0]!, encodeEntryEnd(digests))],
  [
    'a count of bytes that is another',
    'FILE_PROTOCOL',
    async t => {
      await send(t, entry(), ...chunks, encodeEntryEnd(digests))
      await t.send(encodeCounts(KIND.end, { entries: 1, bytes: size - 1 }), true)
    }
  ],
  [
    'a byte that was flipped before it was sealed',
    'FILE_DAMAGED',
    t => {
      const flipped = Buffer.from(content)
      flipped[CHUNK_LENGTH + 7]! ^= 1
      return send(t, entry(), ...chunksOf(flipped), encodeEntryEnd(digests))
    }
  ],
  [
    'a byte that was flipped on the way',
    'FILE_PROTOCOL',
    async t => {
      await send(t, entry())
      await t.sendSealed(t.sealer.seal(chunks[0]!).map((byte, i) => (i === 1_000 ? byte ^ 1 : byte)))
    }
  ],
  [
    'the chunks of two places exchanged',
    'FILE_DAMAGED',
    t => send(t, entry(), chunks[1]!, chunks[0]!, ...chunks.slice(2), encodeEntryEnd(digests))
  ],
  [
    'a sealed chunk in the place of another',
    'FILE_PROTOCOL',
    async t => {
      await send(t, entry())
      await t.sendSealed(await t.send(chunks[0]!))
    }
  ]
]

describe.concurrent('a listener and a hostile sender', () => {
  test('what lies about its size or its content is refused, leaves nothing behind, and a genuine file arrives', async () => {
    await using s = await scene('--yes')
    for (const [what, code, lie] of lies) {
      const { transfer } = await s.mallory.offer({ size })
      await lie(transfer!)
      expect(await transfer!.verdict(), what).toBe(code)
      await s.has()
    }
    const { transfers } = await s.listed()
    expect(transfers.map(({ state, reason }) => `${state} ${reason?.code}`).sort()).toEqual(
      lies.map(([, code]) => `failed ${code}`).sort()
    )
    await s.takesGenuine()
    await s.has('genuine.bin')
  }, 120_000)

  test('endless offers: some are asked about, all others are turned away at once, and a genuine file arrives', async () => {
    await using s = await scene()
    const connection = await s.mallory.connection()
    await s.agent.sessions.seal(connection, Buffer.from('x'), AbortSignal.timeout(SOON))
    // these are answered when somebody decides, and nobody does
    const open = Array.from({ length: MAX_UNDECIDED_PER_PEER }, () => s.mallory.offer({ size }))
    for (const offer of open) offer.catch(() => {})
    await eventually(async () => (await s.listed()).offers.length === MAX_UNDECIDED_PER_PEER, SOON)
    for (let i = 0; i < 100; i++) {
      const more = within(s.mallory.offer({ size }), 'a refusal')
      await expect(more).rejects.toMatchObject({ code: 'FILE_BUSY' })
    }
    const { offers, transfers } = await s.listed()
    expect([offers.length, transfers]).toEqual([MAX_UNDECIDED_PER_PEER, []])
    await s.has()
    await s.takesGenuine()
    await s.has('genuine.bin')
  }, 120_000)
})
