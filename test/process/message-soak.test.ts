import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Ed25519PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, type TestContext, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { FRAME, MAX_FRAME, MESSAGE_PROTOCOL, TYPE } from '../../src/protocols/messaging/constants.ts'
import { signEnvelope } from '../../src/protocols/messaging/envelope.ts'
import { MessageFrame } from '../../src/protocols/messaging/pb/message.ts'
import { UuidSource } from '../../src/protocols/messaging/uuid.ts'
import { LiveProcess } from '../support/live-process.ts'
import { startNode } from '../support/nodes.ts'
import { freePort } from '../support/ports.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

/** Each way, here; `npm run soak` sends 100,000. */
const COUNT = Number(process.env['TALOS_SOAK_MESSAGES'] ?? 20_000) / 2
/** Kills of one of the three processes, in turn by chance. */
const KILLS = Math.max(12, COUNT / 1_000)
const LIMIT = 300_000 + COUNT * 20

/** What messaging says, with DEBUG, of a genuine envelope that could not be decrypted, here or there. */
const UNREADABLE = /could not (be )?read/

const PROGRAM = fileURLToPath(new URL('../fixtures/soak-agent.mjs', import.meta.url))

/** One of the two agents: a process that is killed and started again. */
class SoakAgent {
  readonly log: string
  readonly #acknowledged = new Set<string>()
  readonly #numbers = new Map<string, number>()
  /** Bytes of the log that were read. */
  #read = 0
  #process: LiveProcess
  readonly #before: LiveProcess[] = []
  /** What became of all that it sent, by its own word. */
  final: Record<string, number> | undefined
  readonly #start: () => LiveProcess

  constructor(context: TestContext, world: TalosWorld, self: Machine, peer: Machine, way: TcpProxy) {
    this.log = join(world.folder, `${self.name}.log`)
    const args = [PROGRAM, self.dataDir, world.address, peer.peerId, COUNT, this.log, way.target, way.port].map(String)
    this.#start = () => new LiveProcess({ file: process.execPath, args }, { DEBUG: 'talos:messaging' })
    this.#process = this.#start()
    context.onTestFinished(() => this.#process.kill().catch(() => {}))
  }

  async kill(): Promise<void> {
    if (!this.#process.running) throw new Error(`the agent has ended by itself:\n${this.#process.said.join('\n')}`)
    await this.#process.kill('SIGKILL')
    this.#before.push(this.#process)
    this.#process = this.#start()
  }

  /** The lines that say so, of all its processes. */
  said(what: RegExp): string[] {
    return [...this.#before, this.#process].flatMap(({ said }) => said.filter(line => what.test(line)))
  }

  /** The numbers received, in their order; throws when one came again after it was acknowledged. */
  received(): ReadonlyMap<string, number> {
    const bytes = existsSync(this.log) ? readFileSync(this.log) : Buffer.alloc(0)
    // what was read before is not parsed again: the log of a long run has megabytes
    const end = bytes.lastIndexOf('\n') + 1
    for (const line of bytes.toString('utf8', this.#read, end).split('\n').slice(0, -1)) {
      const [what, id, number] = line.split(' ') as [string, string, string]
      if (what === 'final') this.final = JSON.parse(id) as Record<string, number>
      else if (what === 'ack') this.#acknowledged.add(id)
      else if (this.#acknowledged.has(id)) throw new Error(`${number} (${id}) came again`)
      else this.#numbers.set(id, Number(number))
    }
    this.#read = end
    return this.#numbers
  }
}

/** A way that leads to a port where nothing listens yet. */
async function hostileWay(context: TestContext): Promise<TcpProxy> {
  const way = await TcpProxy.start({ isHostile: true })
  way.target = await freePort()
  context.onTestFinished(() => way[Symbol.asyncDispose]())
  return way
}

/** What a way can do to what is on it. */
const HARM: Array<(way: TcpProxy) => void> = [
  way => way.reset(),
  way => way.finish(),
  way => way.tamper('flip'),
  way => way.tamper('repeat'),
  way => way.tamper('swap')
]

/** Sends `to`, over its way, envelopes in the name of `from` that it has signed itself, and rubbish, until `signal`. */
async function forge(way: TcpProxy, to: Machine, from: Machine, signal: AbortSignal): Promise<number> {
  await using mallory = await startNode()
  const key = crypto.ed25519.generate()
  const keyOf = ({ peerId }: Machine) => (peerIdFromString(peerId) as Ed25519PeerId).publicKey.raw
  const uuids = new UuidSource(Date.now, length => crypto.randomBytes(length))
  const epoch = uuids.next()
  let sent = 0
  while (!signal.aborted) {
    try {
      const address = multiaddr(`/ip4/127.0.0.1/tcp/${way.port}/p2p/${to.peerId}`)
      const stream = await mallory.dialProtocol(address, MESSAGE_PROTOCOL, { signal })
      const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME })
      for (let sequence = 1; sequence <= 8; sequence++) {
        const fields = {
          id: uuids.next(),
          type: TYPE.text,
          recipient: keyOf(to),
          timestamp: Date.now(),
          epoch,
          sequence
        }
        const body = crypto.randomBytes(200)
        const signer = { publicKey: keyOf(from), sign: (bytes: Uint8Array) => key.sign(bytes) }
        const envelope = signEnvelope(signer, { ...fields, floor: 1, body }) as Uint8Array<ArrayBuffer>
        await frames.write(MessageFrame.encode({ type: FRAME.envelopes, envelopes: [envelope] }), signal)
        sent++
      }
      // rubbish would undo the envelopes that are read together with it: the refusal first
      await frames.read(signal)
      await frames.write(crypto.randomBytes(100), signal)
      await frames.read(signal)
    } catch {
      // the way was cut, or its end was killed, or has had enough
    }
    await delay(100, undefined, { signal }).catch(() => {})
  }
  return sent
}

test(`${2 * COUNT} messages, both ways, ${KILLS} kills, hostile ways and forged messages: none lost, none doubled, none unreadable, order kept`, {
  timeout: LIMIT
}, async context => {
  const world = await TalosWorld.start(context)
  const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
  const ways = [await hostileWay(context), await hostileWay(context)] as const
  const agents = [
    new SoakAgent(context, world, alice, bob, ways[0]),
    new SoakAgent(context, world, bob, alice, ways[1])
  ]
  const progress = () => agents.reduce((sum, agent) => sum + agent.received().size, 0)
  const over = new AbortController()
  const forged = Promise.all([forge(ways[0], alice, bob, over.signal), forge(ways[1], bob, alice, over.signal)])

  // each of the three once, whatever chance says
  const first = [2, 0, 1]
  for (let turn = 0; turn < KILLS; turn++) {
    // each kill when some more messages have come, so that they are spread over the whole run, and harm to the ways in between
    const wanted = (2 * COUNT * (turn + Math.random())) / KILLS
    while (progress() < wanted) {
      HARM[Math.floor(Math.random() * HARM.length)]!(ways[Math.floor(Math.random() * 2)]!)
      await delay(200)
    }
    const victim = first[turn] ?? Math.floor(Math.random() * 3)
    if (victim < 2) await agents[victim]!.kill()
    else {
      await world.server.kill('SIGKILL')
      await world.startServer()
    }
  }
  while (progress() < 2 * COUNT) await delay(200)
  while (agents.some(agent => agent.final === undefined)) {
    await delay(200)
    progress()
  }
  over.abort()
  for (const sent of await forged) expect(sent).toBeGreaterThan(0)
  // some went by the mailbox, most did not
  expect(ways[0].carried + ways[1].carried).toBeGreaterThan(COUNT * 1_000)
  const all = Array.from({ length: COUNT }, (_, number) => number)
  for (const agent of agents) {
    expect([...agent.received().values()]).toEqual(all)
    expect(agent.final).toEqual({ delivered: COUNT })
    // forged ones came as far as that; and it does say what it refuses
    expect(agent.said(/is refused/).length).toBeGreaterThan(0)
    expect(agent.said(UNREADABLE)).toEqual([])
  }
})
