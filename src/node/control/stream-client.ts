import { connect, type Socket } from 'node:net'
import { peerIdFromString } from '@libp2p/peer-id'
import type { MessageConnection } from 'vscode-jsonrpc/node'
import type { OpenOptions, OutgoingStream } from '../../protocols/streams/index.ts'
import type { OfferedStream } from '../streams/stream-policy.ts'
import type { NodeStreams } from '../streams/types.ts'
import { callMethod, hear, nodeGone } from './connection.ts'
import { RemoteIncoming } from './stream-incoming.ts'
import {
  STREAM_OFFER_OVER,
  STREAM_OFFERED,
  type StreamMethod,
  type StreamOffered,
  type StreamResults
} from './stream-methods.ts'
import { RemoteOutgoing } from './stream-outgoing.ts'
import { StreamSocket } from './stream-parts.ts'
import { LINK_WORD } from './tickets.ts'

/** The streams of a node in another process, through its control socket. */
export class RemoteStreams implements NodeStreams {
  readonly #connection: MessageConnection
  readonly #path: string
  readonly #deciders = new Set<(offer: OfferedStream) => void>()
  /** Offers that are not over. */
  readonly #offers = new Map<number, AbortController>()
  readonly #sockets = new Set<Socket>()

  /** @param path of the control socket */
  constructor(connection: MessageConnection, path: string) {
    this.#connection = connection
    this.#path = path
    hear(connection, STREAM_OFFERED, (offered: StreamOffered) => this.#offered(offered))
    hear(connection, STREAM_OFFER_OVER, ({ offer }: { offer: number }) => this.#over(offer))
    connection.onClose(() => {
      for (const offer of [...this.#offers.keys()]) this.#over(offer)
    })
  }

  async open(peer: string, { signal, ...options }: OpenOptions): Promise<OutgoingStream> {
    const { ticket, peerId, ...opened } = await this.#call('openStream', { peer, ...options }, signal)
    return new RemoteOutgoing({ ...opened, peer: peerIdFromString(peerId), socket: this.#take(ticket) })
  }

  async onOffer(decider: (offer: OfferedStream) => void): Promise<() => void> {
    this.#deciders.add(decider)
    const leave = (): void => {
      if (!this.#deciders.delete(decider) || this.#deciders.size > 0) return
      // the node may be gone, and what it asked with it
      this.#call('leaveStreams', {}).catch(() => {})
    }
    try {
      await this.#call('decideStreams', {})
      return leave
    } catch (error) {
      leave()
      throw error
    }
  }

  /** Breaks off all streams: this process has done with the node. */
  close(): void {
    for (const socket of this.#sockets) socket.destroySoon()
  }

  #offered({ offer, peerId, codec, priority, label }: StreamOffered): void {
    const over = new AbortController()
    this.#offers.set(offer, over)
    const peer = peerIdFromString(peerId)
    const shown: OfferedStream = {
      peer: peerId,
      codec,
      priority,
      label,
      signal: over.signal,
      accept: async ({ signal } = {}) => {
        signal?.throwIfAborted()
        this.#offers.delete(offer)
        const { ticket } = await this.#call('acceptStream', { offer }, signal)
        const details = { peer, codec, priority, label, signal: over.signal }
        return new RemoteIncoming(details, this.#take(ticket))
      },
      refuse: () => {
        this.#offers.delete(offer)
        this.#call('refuseStream', { offer }).catch(() => {})
      }
    }
    for (const decider of this.#deciders) decider(shown)
  }

  #over(offer: number): void {
    this.#offers.get(offer)?.abort(nodeGone())
    this.#offers.delete(offer)
  }

  #take(ticket: string): StreamSocket {
    const socket = connect({ path: this.#path, allowHalfOpen: true })
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.write(`${LINK_WORD}${ticket}\n`)
    return new StreamSocket(socket)
  }

  #call<Name extends StreamMethod>(name: Name, params: object, signal?: AbortSignal): Promise<StreamResults[Name]> {
    return callMethod(this.#connection, name, params, signal) as Promise<StreamResults[Name]>
  }
}
