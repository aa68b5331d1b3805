import { randomBytes } from 'node:crypto'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { crypto } from '../../src/crypto/index.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import type { TunnelChannel } from '../../src/protocols/mcp/tunnel/channel.ts'
import { FRAME, MCP_PROTOCOL, SECRET_LENGTH, TUNNEL_ID_LENGTH } from '../../src/protocols/mcp/tunnel/constants.ts'
import { openChannel } from '../../src/protocols/mcp/tunnel/handshake.ts'
import { TunnelFrame, TunnelOpen, TunnelRefuse } from '../../src/protocols/mcp/tunnel/pb/tunnel.ts'
import { type Sealer, streamSessions } from '../../src/protocols/sessions/index.ts'
import type { TestAgent } from './agents.ts'
import { within } from './within.ts'

const MAX_LINE = 10 * 1024 * 1024

/** A peer that speaks the tunnel's protocol by hand, to break it. */
export class RawPeer {
  readonly agent: TestAgent
  readonly #address: string

  constructor(agent: TestAgent, address: string) {
    this.agent = agent
    this.#address = address
  }

  connection(): Promise<Connection> {
    return this.agent.node.dial(multiaddr(this.#address))
  }

  /** A stream of `protocol` that says nothing yet. */
  async stream(protocol = MCP_PROTOCOL): Promise<FrameStream> {
    const connection = await this.connection()
    const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(10_000) })
    return new FrameStream(stream, { maxFrameLength: MAX_LINE * 2 })
  }

  /** Bytes of an OPEN frame, sealed for the host. */
  async sealedOpen(init: Partial<TunnelOpen> = {}): Promise<Uint8Array> {
    const open = TunnelOpen.encode({
      tunnelId: randomBytes(TUNNEL_ID_LENGTH),
      secret: randomBytes(SECRET_LENGTH),
      maxLine: MAX_LINE,
      ...init
    })
    const body = await this.agent.sessions.seal(await this.connection(), open, AbortSignal.timeout(10_000))
    return TunnelFrame.encode({ type: FRAME.open, body: body as Uint8Array<ArrayBuffer> })
  }

  /** Sends frames on a new stream; what is answered first. */
  async ask(...frames: Uint8Array[]): Promise<{ accepted: boolean; refused?: TunnelRefuse }> {
    const stream = await this.stream()
    for (const frame of frames) await stream.write(frame)
    const answer = await within(stream.read(), 'an answer')
    const { type, body } = TunnelFrame.decode(answer!)
    if (type !== FRAME.refuse) stream.abort(new Error('enough'))
    return type === FRAME.accept ? { accepted: true } : { accepted: false, refused: TunnelRefuse.decode(body) }
  }

  /** An open tunnel, with the sealed frames that it has sent. */
  async open(tunnelId: Uint8Array = randomBytes(TUNNEL_ID_LENGTH)): Promise<RawTunnel> {
    const frames = await this.stream()
    const sent: Uint8Array[] = []
    const sessions = streamSessions(crypto)
    const { channel } = await openChannel(
      frames,
      this.agent.node.peerId,
      await this.connection(),
      { tunnelId, service: '', maxLine: MAX_LINE },
      this.agent.sessions,
      { ...sessions, initiate: (...args) => recording(sessions.initiate(...args), sent) },
      AbortSignal.timeout(10_000)
    )
    return new RawTunnel(tunnelId, channel, sent)
  }
}

export class RawTunnel {
  readonly id: Uint8Array
  readonly channel: TunnelChannel
  /** The bodies of the DATA frames that were sealed, in order. */
  readonly sealed: Uint8Array[]
  readonly #lines: string[] = []
  #first = 1

  constructor(id: Uint8Array, channel: TunnelChannel, sealed: Uint8Array[]) {
    this.id = id
    this.channel = channel
    this.sealed = sealed
  }

  async send(...lines: (string | Uint8Array)[]): Promise<void> {
    await this.channel.send({ first: this.#first, lines: lines.map(line => Buffer.from(line)) })
    this.#first += lines.length
  }

  /** Writes a DATA frame with this body, as it is. */
  async data(body: Uint8Array): Promise<void> {
    await this.frame(TunnelFrame.encode({ type: FRAME.data, body: body as Uint8Array<ArrayBuffer> }))
  }

  async frame(bytes: Uint8Array): Promise<void> {
    await this.channel.frames.write(bytes)
  }

  /** The next line that came which `wanted` accepts, parsed. */
  async line(wanted: (message: { id?: unknown }) => boolean): Promise<Record<string, unknown>> {
    const reading = async () => {
      for (;;) {
        for (const text of this.#lines.splice(0)) if (wanted(JSON.parse(text))) return JSON.parse(text)
        for (const { lines } of (await this.channel.receive()) ?? ended()) {
          this.#lines.push(...lines.map(line => Buffer.from(line).toString()))
        }
      }
    }
    return within(reading(), 'a line')
  }

  close(): void {
    this.channel.abort(new Error('enough'))
  }
}

function ended(): never {
  throw new Error('the stream has ended')
}

function recording(sealer: Sealer, sent: Uint8Array[]): Sealer {
  return {
    open: message => sealer.open(message),
    prepare: () => sealer.prepare(),
    close: () => sealer.close(),
    seal: plaintext => {
      const message = sealer.seal(plaintext)
      sent.push(Uint8Array.from(message))
      return message
    }
  }
}
