/**
 * Three defects of the first Talos are of whoever stores and sends, not only of the ratchet (test/unit/ratchet/defects.test.ts):
 * here are those parts of them, between nodes, with real stores and streams.
 */
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, onTestFinished, test, vi } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { TalosClient } from '../../src/index.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { type TunnelHost, tunnelHost } from '../../src/protocols/mcp/tunnel/host.ts'
import { HostedTunnels } from '../../src/protocols/mcp/tunnel/hosted.ts'
import { decodeMessage } from '../../src/protocols/mcp/tunnel/message.ts'
import { Envelope, EnvelopeContent, TextBody } from '../../src/protocols/messaging/pb/message.ts'
import { decodeBook, decodePrekeys, openMessage, StreamSession } from '../../src/protocols/ratchet/index.ts'
import { streamSessions } from '../../src/protocols/sessions/index.ts'
import { bookKey, PREKEYS_KEY } from '../../src/protocols/sessions/records.ts'
import { startAgent } from '../support/agents.ts'
import { clients } from '../support/clients.ts'
import { type MessageAgent, startMessageAgent, type Town } from '../support/message-agents.ts'
import { TestMailbox } from '../support/message-route.ts'
import { RawPeer } from '../support/raw-tunnel.ts'
import { codeOf } from '../support/session-party.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Every frame that is written to a libp2p stream in this process from now on, as it leaves. */
function watchTheWire(): Uint8Array[] {
  const frames: Uint8Array[] = []
  const write = FrameStream.prototype.write
  const spy = vi.spyOn(FrameStream.prototype, 'write').mockImplementation(function (this: FrameStream, frame, signal) {
    frames.push(Uint8Array.from(frame.subarray()))
    return write.call(this, frame, signal)
  })
  onTestFinished(() => spy.mockRestore())
  return frames
}

const isIn = (content: string | Uint8Array, frames: Uint8Array[]): boolean =>
  frames.some(frame => Buffer.from(frame).includes(Buffer.from(content)))

/** Ratchet key and number of a message, behind its kind and `before` more bytes (docs/spec/session.md §5, §6). */
function headerOf(message: Uint8Array, before: number): string {
  const ratchet = Buffer.from(message.subarray(before))
  return `${ratchet.toString('hex', 1, 33)} ${ratchet.readUInt32BE(37)}`
}

test('8: what is stored is sealed, in files of their owner only, and a crash keeps the state of a session', async () => {
  const { folder, all } = await clients('Bob')
  const bob = all[0]!
  const servers = (await bob.status()).servers.flatMap(server => server.addresses)
  const open = async (dataDir: string) => {
    const config = { servers, listen: ['/ip4/127.0.0.1/tcp/0'] }
    const passphrase = 'correct horse battery staple'
    const client = await TalosClient.create({ name: 'Alice', dataDir, passphrase, config })
    onTestFinished(() => client.close())
    return client
  }
  const send = async (from: TalosClient, to: TalosClient, text: string) => {
    await from.send(to.peerId, text, { waitFor: 'delivered', signal: AbortSignal.timeout(20_000) })
    const { content } = (await to.inbox({ peer: from.peerId })).at(-1)!
    expect(Buffer.from(content).toString()).toBe(text)
  }
  const disk = join(folder, 'Alice')
  const alice = await open(disk)
  await send(alice, bob, 'a sentence that nobody else reads')
  await send(bob, alice, 'and its answer that nobody else reads')
  const files = readdirSync(disk, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const contents = files.map(file => readFileSync(join(file.parentPath, file.name)))
  expect(contents.filter(({ length }) => length > 0).length).toBeGreaterThan(3)
  expect(isIn('nobody else reads', contents)).toBe(false)
  expect(statSync(disk).mode & 0o777).toBe(0o700)
  expect(statSync(join(disk, 'wallet.json')).mode & 0o777).toBe(0o600)

  // what is on the disk at this moment is what a crash would leave: nothing was closed
  const crashed = join(temporaryFolder(), 'Alice')
  cpSync(disk, crashed, { recursive: true, filter: path => !statSync(path).isSocket() })
  await alice.close()
  const again = await open(crashed)
  await send(bob, again, 'you are back')
  await send(again, bob, 'and remember')
  expect((await again.status()).sessions).toMatchObject([{ peer: bob.peerId, sessions: 1, confirmed: true }])
}, 60_000)

/** What a thief would have of an agent's disk at this moment: opens an envelope with it, or says why not. */
async function thiefOf(agent: MessageAgent, peer: MessageAgent): Promise<(envelope: Uint8Array) => string> {
  const [book, prekeys] = await agent.store.transact(
    async transaction =>
      [
        decodeBook(crypto, (await transaction.get(bookKey(peer.name)))!),
        decodePrekeys(crypto, (await transaction.get(PREKEYS_KEY))!)
      ] as const
  )
  return envelope => {
    const { body } = EnvelopeContent.decode(Envelope.decode(envelope).content)
    const { plaintext } = openMessage(book, body, agent.identity, prekeys, { crypto, now: Date.now() })
    return Buffer.from(TextBody.decode(plaintext).content).toString()
  }
}

const town = async () => {
  const all: Town = new Map()
  const mailbox = new TestMailbox(all)
  const alice = await startMessageAgent(all, { mailbox: mailbox.route })
  const bob = await startMessageAgent(all)
  onTestFinished(async () => {
    for (const agent of [alice, bob]) await agent[Symbol.asyncDispose]()
  })
  return { alice, bob, mailbox }
}

test('16: what is sent leaves as ciphertext, and arrives', async () => {
  const { alice, bob } = await town()
  const frames = watchTheWire()
  const texts = ['short, but seen by nobody', 'longer '.repeat(200), 'long '.repeat(20_000)]
  for (const text of texts) await alice.until((await alice.send(bob, text)).id, 'delivered')
  expect(bob.got).toEqual(texts)
  expect(frames.reduce((sum, frame) => sum + frame.length, 0)).toBeGreaterThan(texts.join('').length)
  for (const text of texts) expect(isIn(text.slice(0, 14), frames)).toBe(false)
})

test('17: real traffic goes through the ratchet: messages', async () => {
  const { alice, bob, mailbox } = await town()
  // one each way, so that there is a session; then two of the same text wait in a box
  await alice.until((await alice.send(bob, 'one')).id, 'delivered')
  await bob.until((await bob.send(alice, 'two')).id, 'delivered')
  bob.isAway = true
  alice.cut()
  const waiting = async (text: string) => {
    await alice.until((await alice.send(bob, text)).id, 'stored')
    return mailbox.boxOf(bob.name).at(-1)!
  }
  const sent = [await waiting('the same'), await waiting('the same')]
  const bodies = sent.map(envelope => EnvelopeContent.decode(Envelope.decode(envelope).content).body)
  expect(new Set(bodies.map(body => headerOf(body, 17))).size).toBe(2)
  expect(isIn('the same', sent)).toBe(false)
  const before = await thiefOf(bob, alice)
  expect(sent.map(before)).toEqual(['the same', 'the same'])
  await mailbox.fetch(bob)
  expect(bob.got).toEqual(['one', 'the same', 'the same'])
  const after = await thiefOf(bob, alice)
  for (const envelope of sent) expect(codeOf(() => after(envelope))).toBe('SESSION_DUPLICATE')
})

test('17: real traffic goes through the ratchet: the DATA frames of a tunnel', async () => {
  const made: Array<{ secret: Uint8Array; context: Uint8Array; key: Uint8Array }> = []
  const real = streamSessions(crypto)
  const host = await startAgent<{ tunnel: TunnelHost }>({
    services: sessions => ({
      tunnel: tunnelHost({
        sessions,
        isAwaited: async () => false,
        streams: {
          ...real,
          // as the real one, with a copy of the secrets for the reader below
          respond: () => {
            const key = crypto.x25519.generate()
            return {
              ratchetKey: key.publicKey,
              session: (secret, context) => {
                made.push({
                  secret: Uint8Array.from(secret),
                  context: Uint8Array.from(context),
                  key: key.exportSecret()
                })
                return StreamSession.responder({ crypto, clock: () => performance.now(), secret, context }, key)
              }
            }
          }
        }
      })
    })
  })
  const agent = await startAgent()
  const tunnels = new HostedTunnels({
    serve: async link => {
      for await (const lines of link.incoming()) await link.send(lines)
    }
  })
  onTestFinished(async () => {
    await tunnels.stop()
    for (const one of [agent, host]) await one[Symbol.asyncDispose]()
  })
  host.node.services.tunnel.offer({
    services: ['echo'],
    authorizedPeers: [agent.node.peerId.toString()],
    maxLine: tunnels.maxLine,
    grace: tunnels.grace,
    pid: process.pid,
    prepare: () => {},
    admit: async request => tunnels.admit(request)
  })
  const frames = watchTheWire()
  const peer = new RawPeer(agent, multiaddr(host.node.getMultiaddrs()[0]!).toString())
  const tunnel = await peer.open()
  const line = (id: number) => JSON.stringify({ jsonrpc: '2.0', id, method: 'the-same-secret-method' })
  // before an answer is read: that may bring the host's next key, which the reader below has not got
  for (const id of [1, 2]) await tunnel.send(line(id))
  expect(await tunnel.line(message => message.id === 2)).toEqual(JSON.parse(line(2)))
  tunnel.close()
  expect(isIn('the-same-secret-method', frames)).toBe(false)
  // exactly what was sealed is what left
  const bodies = tunnel.sealed.filter(body => isIn(body, frames))
  expect(bodies).toHaveLength(2)
  expect(new Set(bodies.map(body => headerOf(body, 0))).size).toBe(2)

  const [{ secret, context, key }] = made as [(typeof made)[0]]
  const reader = (from: Uint8Array) =>
    StreamSession.responder({ crypto, clock: () => 0, secret: from, context }, crypto.x25519.fromSecret(key))
  const genuine = reader(Uint8Array.from(secret))
  const read = bodies.flatMap(body => decodeMessage(genuine.open(body)).lines)
  expect(read.map(bytes => Buffer.from(bytes).toString())).toEqual([line(1), line(2)])
  // each key is used once, and comes from the secret that was sealed by the main session
  expect(codeOf(() => genuine.open(bodies[0]!))).toBe('SESSION_DUPLICATE')
  const other = reader(crypto.randomBytes(32))
  for (const body of bodies) expect(codeOf(() => other.open(body))).toBe('SESSION_FORGED')
})
