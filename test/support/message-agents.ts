import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection, PeerId } from '@libp2p/interface'
import { crypto } from '../../src/crypto/index.ts'
import { TalosError } from '../../src/errors.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import {
  type IncomingMessage,
  type Messaging,
  type MessagingInit,
  messaging,
  type OutgoingMessage
} from '../../src/protocols/messaging/index.ts'
import { certifyAgreementKey, type LocalIdentity } from '../../src/protocols/ratchet/index.ts'
import { type SessionStore, type Sessions, sessions } from '../../src/protocols/sessions/index.ts'
import { startNode, within } from './nodes.ts'

/** Where agents find each other: who is listed can be dialled. */
export type Town = Map<string, MessageAgent>

type Node = Awaited<ReturnType<typeof startNode<{ sessions: Sessions; messaging: Messaging }>>>

/** An agent that sends and receives messages, with its disk, in this process. */
export interface MessageAgent extends AsyncDisposable {
  readonly node: Node
  readonly peer: PeerId
  readonly name: string
  readonly identity: LocalIdentity
  readonly messaging: Messaging
  readonly store: DurableStore
  /** Contents of the messages that were handed to the application, as text, in order. */
  readonly got: string[]
  readonly events: string[]
  /** Dials nobody and cannot be dialled while this is true; connections that are open stay. */
  isAway: boolean
  send(to: MessageAgent, text: string, options?: Parameters<Messaging['send']>[2]): Promise<OutgoingMessage>
  /** Resolves when an outgoing message has come that far. */
  until(id: string, state: 'stored' | 'delivered' | 'read'): Promise<OutgoingMessage>
  /** Resolves when so many messages have been handed over. */
  gotAll(count: number): Promise<string[]>
  /** Closes all connections. */
  cut(): void
  stop(): Promise<void>
  /** Starts again, with its disk. */
  start(): Promise<void>
  /** Loses everything on its disk, while it is stopped. */
  wipe(): Promise<void>
  /** Loses its sessions only. */
  loseSessions(): Promise<void>
}

export type AgentInit = Partial<Omit<MessagingInit, 'store'>> & {
  /** Puts something between messaging and the disk. */
  wrap?: (store: SessionStore) => SessionStore
  mayBegin?: (peer: PeerId) => boolean
  /** Of the identity. @default a new one */
  seed?: Uint8Array
  /** Each is taken when it comes. */
  takes?: boolean
}

export const soon = (): AbortSignal => AbortSignal.timeout(20_000)
export const textOf = ({ content }: { content: Uint8Array }): string => Buffer.from(content).toString()

export async function startMessageAgent(town: Town, init: AgentInit = {}): Promise<MessageAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'talos-messages-'))
  const seed = init.seed ?? randomBytes(32)
  const signing = crypto.ed25519.fromSeed(seed)
  const agreement = crypto.x25519.generate()
  const identity: LocalIdentity = {
    publicKey: signing.publicKey,
    sign: bytes => signing.sign(bytes),
    agreement,
    agreementCertificate: certifyAgreementKey(signing, agreement.publicKey)
  }
  const store = await DurableStore.open(join(folder, 'store'), randomBytes(32), crypto)
  const used = init.wrap?.(store) ?? store
  const got: string[] = []
  const events: string[] = []
  const arrived: Array<() => void> = []

  const start = (): Promise<Node> =>
    startNode<{ sessions: Sessions; messaging: Messaging }>({
      seed,
      services: {
        sessions: sessions({
          identity,
          store: used,
          crypto,
          mayBegin: init.mayBegin ?? (() => true),
          onEvent: (_, event) => events.push(event.type)
        }),
        messaging: (components: Parameters<ReturnType<typeof messaging>>[0]) => {
          const service = messaging({
            identity,
            crypto,
            connect: (peer, signal) => agent.connect(peer, signal),
            ...init,
            store: used
          })(components)
          service.addEventListener('message', ({ detail }) => onMessage(detail))
          return service
        }
      }
    })

  const onMessage = (message: IncomingMessage): void => {
    got.push(textOf(message))
    for (const wake of arrived.splice(0)) wake()
    if (init.takes === true) void agent.messaging.take(message.id).catch(() => {})
  }

  const agent: MessageAgent & { node: MessageAgent['node']; connect: MessagingInit['connect'] } = {
    node: await start(),
    identity,
    store,
    got,
    events,
    isAway: false,
    get peer() {
      return agent.node.peerId
    },
    get name() {
      return agent.node.peerId.toString()
    },
    get messaging() {
      return agent.node.services.messaging
    },
    connect: async (peer: PeerId, signal: AbortSignal): Promise<Connection> => {
      const open = agent.node.getConnections(peer).find(({ status }) => status === 'open')
      if (open !== undefined) return open
      const other = town.get(peer.toString())
      if (other === undefined || other.isAway || agent.isAway || other.node.status !== 'started') {
        throw new TalosError('NETWORK_PEER_UNREACHABLE', 'nobody there')
      }
      return agent.node.dial(other.node.getMultiaddrs(), { signal })
    },
    send: (to: MessageAgent, text: string, options?: Parameters<Messaging['send']>[2]) =>
      agent.messaging.send(to.peer, Buffer.from(text), options),
    until: (id: string, state: 'stored' | 'delivered' | 'read') => agent.messaging.waitFor(id, state, soon()),
    gotAll: async (count: number): Promise<string[]> => {
      while (got.length < count) {
        await within(new Promise<void>(resolve => arrived.push(resolve)), `${got.length} of ${count} messages`, 20_000)
      }
      return got
    },
    cut: () => {
      for (const connection of agent.node.getConnections()) connection.abort(new Error('cut'))
    },
    stop: async () => agent.node.stop(),
    start: async () => {
      agent.node = await start()
    },
    wipe: () =>
      store.transact(async transaction => {
        for (const key of await transaction.keys('')) transaction.delete(key)
      }),
    loseSessions: () =>
      store.transact(async transaction => {
        for (const key of await transaction.keys('')) if (!key.startsWith('msg/')) transaction.delete(key)
      }),
    [Symbol.asyncDispose]: async () => {
      await agent.node.stop()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
  town.set(agent.name, agent)
  return agent
}
