import { randomBytes } from 'node:crypto'
import type { Multiaddr } from '@multiformats/multiaddr'
import { crypto } from '../../src/crypto/index.ts'
import { FILE_PROTOCOL, FRAME, MAX_FRAME_LENGTH } from '../../src/protocols/files/constants.ts'
import { decodeFrame } from '../../src/protocols/files/frames.ts'
import { makeOffer, type OfferedTransfer } from '../../src/protocols/files/handshake.ts'
import { decodeStop, KIND } from '../../src/protocols/files/messages.ts'
import type { FileAnswer } from '../../src/protocols/files/pb/file.ts'
import { StreamOpener, StreamSealer } from '../../src/protocols/files/stream.ts'
import { encodeFrame, FrameStream } from '../../src/protocols/framing/index.ts'
import type { TestAgent } from './agents.ts'
import { within } from './within.ts'

const soon = (): AbortSignal => AbortSignal.timeout(10_000)

/** Whom it sends to, in this process or another. */
interface Victim {
  node: { getMultiaddrs(): Multiaddr[] }
}

/** A sender that speaks the protocol of files by hand, to break it. */
export class RawSender {
  readonly agent: TestAgent
  readonly #victim: Victim

  constructor(agent: TestAgent, victim: Victim) {
    this.agent = agent
    this.#victim = victim
  }

  connection() {
    return this.agent.node.dial(this.#victim.node.getMultiaddrs(), { signal: soon() })
  }

  async stream(): Promise<FrameStream> {
    const stream = await (await this.connection()).newStream(FILE_PROTOCOL, { signal: soon() })
    return new FrameStream(stream, { maxFrameLength: 4 * MAX_FRAME_LENGTH })
  }

  /** Offers 10 bytes called `x`, or something else. */
  async offer(
    offer: Partial<OfferedTransfer> = {}
  ): Promise<{ answer: FileAnswer; transfer: RawTransfer | undefined }> {
    const frames = await this.stream()
    const party = { self: this.agent.node.peerId, sessions: this.agent.sessions, crypto }
    const offered = {
      transferId: randomBytes(16),
      name: 'x',
      directory: false,
      size: 10,
      entries: 1,
      mediaType: '',
      cancelled: false,
      ...offer
    }
    const { answer, keys } = await makeOffer(frames, await this.connection(), offered, party, soon()).catch(error => {
      frames.abort(error)
      throw error
    })
    if (keys === undefined) await frames.finish(soon())
    return { answer, transfer: keys === undefined ? undefined : new RawTransfer(frames, keys) }
  }
}

export class RawTransfer {
  readonly frames: FrameStream
  readonly sealer: StreamSealer
  readonly #opener: StreamOpener

  constructor(frames: FrameStream, keys: { content: Uint8Array; control: Uint8Array }) {
    this.frames = frames
    this.sealer = new StreamSealer(keys.content)
    this.#opener = new StreamOpener(keys.control)
  }

  /** Seals a message as it should be; what was sent. */
  async send(message: Uint8Array, last = false): Promise<Uint8Array> {
    const body = this.sealer.seal(message, last)
    await this.sendSealed(body, last)
    return body
  }

  async sendSealed(body: Uint8Array, last = false): Promise<void> {
    await this.frames.write(encodeFrame(last ? FRAME.last : FRAME.message, body), soon())
  }

  /** What the receiver says at the end: the code of its STOP, or `done`. */
  async verdict(): Promise<string> {
    for (;;) {
      const { type, body } = decodeFrame(await within(this.frames.read(), 'a verdict'))
      const message = this.#opener.open(body, type === FRAME.last)
      if (message[0] === KIND.stop) return decodeStop(message)
      if (message[0] === KIND.done) return 'done'
    }
  }
}
