import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { crypto } from '../../src/crypto/index.ts'
import { peerIdOf } from '../../src/crypto/peer-key.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { throwAwayDepositor } from '../../src/node/mailbox/depositor.ts'
import { createNode, type TalosNode } from '../../src/node/network/create-node.ts'
import { dialFirst } from '../../src/node/network/race.ts'
import { openStorage, type Storage } from '../../src/node/storage.ts'
import {
  type MailboxAddress,
  type MailboxClient,
  type MailboxLimits,
  type MailboxServer,
  type MailboxState,
  mailboxClient,
  mailboxServer
} from '../../src/protocols/mailbox/index.ts'
import { certifyAgreementKey } from '../../src/protocols/ratchet/index.ts'
import { type Sessions, sessions } from '../../src/protocols/sessions/index.ts'
import { startNode } from './nodes.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface TestMailbox extends AsyncDisposable {
  readonly service: MailboxServer
  readonly address: MailboxAddress
  readonly storage: Storage
  readonly clock: { now: number }
  /** `request status`, one for each answer. */
  readonly answers: string[]
  /** PeerIds that were connected to it at any time. */
  readonly seen: Set<string>
  /** Resolves when so many boxes are there. */
  until(items: number): Promise<void>
  stop(): Promise<void>
  /** Starts again, with its key, port and disk. */
  start(): Promise<void>
}

/** A node that serves a mailbox on a loopback port. */
export async function startMailbox(limits: Partial<MailboxLimits> = {}): Promise<TestMailbox> {
  const folder = temporaryFolder()
  const seed = randomBytes(32)
  const clock = { now: Date.now() }
  const answers: string[] = []
  const seen = new Set<string>()
  const { until, wake } = watch()
  let port = 0
  const run = async () => {
    const storage = await openStorage(folder)
    const node = await startNode<{ mailbox: MailboxServer }>({
      seed,
      role: 'server',
      listen: [`/ip4/127.0.0.1/tcp/${port}`],
      services: {
        mailbox: mailboxServer({
          database: storage.of('mailbox'),
          limits,
          now: () => clock.now,
          onAnswer: (request, status) => {
            answers.push(`${request} ${status}`)
            wake()
          }
        })
      }
    })
    node.addEventListener('peer:connect', ({ detail }: CustomEvent<PeerId>) => seen.add(detail.toString()))
    port = Number(
      node
        .getMultiaddrs()[0]!
        .getComponents()
        .find(({ name }) => name === 'tcp')!.value
    )
    return { storage, node }
  }
  let running: Awaited<ReturnType<typeof run>> | undefined = await run()
  const current = () => running!
  const { peerId } = running.node
  const addresses = running.node.getMultiaddrs()
  const stop = async () => {
    await running?.node.stop()
    await running?.storage.close()
    running = undefined
  }
  return {
    get service() {
      return current().node.services.mailbox
    },
    get storage() {
      return current().storage
    },
    address: { peerId, addresses },
    clock,
    answers,
    seen,
    until: items =>
      until(
        () => current().node.services.mailbox.items === items,
        () => `${items} boxes, there are ${current().node.services.mailbox.items}`
      ),
    stop,
    start: async () => {
      running = await run()
    },
    [Symbol.asyncDispose]: stop
  }
}

export interface TestCorrespondent extends AsyncDisposable {
  readonly peerId: PeerId
  readonly publicKey: Uint8Array
  readonly seed: Uint8Array
  readonly signer: { publicKey: Uint8Array; sign(bytes: Uint8Array): Uint8Array }
  readonly isOnline: boolean
  readonly client: MailboxClient
  readonly sessions: Sessions
  readonly node: TalosNode<{ sessions: Sessions; mailbox: MailboxClient }>
  /** Envelopes that it took, as text, in the order in which they came. */
  readonly received: string[]
  /** What onEnvelope answers from now on. */
  takes: (envelope: string) => boolean | Promise<boolean>
  /** Its clock. */
  now: () => number
  online(): Promise<void>
  offline(): Promise<void>
  /** Resolves when so many have been received, or when something else is so. */
  until(what: number | (() => boolean)): Promise<void>
  /** Resolves when all of its own mailboxes have taken its bundle in this run. */
  ready(): Promise<void>
}

/** Waits until something is so, looking again at each wake(). */
function watch() {
  const changed = new EventTarget()
  return {
    wake: () => void changed.dispatchEvent(new Event('change')),
    until: async (isSo: () => boolean, what: () => string) => {
      const late = Promise.withResolvers<never>()
      const timer = setTimeout(() => late.reject(new Error(`not in time: ${what()}`)), 40_000)
      try {
        while (!isSo()) await Promise.race([once(changed, 'change'), late.promise])
      } finally {
        clearTimeout(timer)
      }
    }
  }
}

/** Where peers' mailboxes are, as a registry would know. */
export type Published = Map<string, readonly MailboxAddress[]>

/** An agent that deposits and collects; not online yet. */
export async function correspondent(
  published: Published,
  own: readonly MailboxAddress[] = []
): Promise<TestCorrespondent> {
  const seed = randomBytes(32)
  const signing = crypto.ed25519.fromSeed(seed)
  const agreement = crypto.x25519.generate()
  const store = await DurableStore.open(temporaryFolder(), randomBytes(32), crypto)
  const identity = {
    publicKey: signing.publicKey,
    sign: (bytes: Uint8Array) => signing.sign(bytes),
    agreement,
    agreementCertificate: certifyAgreementKey(signing, agreement.publicKey)
  }
  const { until, wake } = watch()
  const received: string[] = []
  const states = new Map<string, MailboxState>()
  let node: TestCorrespondent['node'] | undefined
  const create = () =>
    createNode<{ sessions: Sessions; mailbox: MailboxClient }>({
      signer: signing,
      role: 'client',
      version: 'test',
      services: {
        sessions: sessions({ identity, store, crypto, mayBegin: () => true, onEvent: () => {} }),
        mailbox: components =>
          mailboxClient({
            sessions: (components as unknown as { sessions: Sessions }).sessions,
            crypto,
            connect: ({ peerId, addresses }, signal) => dialFirst(node!, [...addresses], peerId, signal),
            depositor: throwAwayDepositor,
            mailboxes: () => own,
            lookUp: async peer => published.get(peer.toString()) ?? [],
            onEnvelope: async envelope => {
              const text = Buffer.from(envelope).toString()
              const isTaken = await agent.takes(text)
              if (isTaken) received.push(text)
              wake()
              return isTaken
            },
            now: () => agent.now(),
            onState: state => {
              states.set(state.mailbox.peerId.toString(), state)
              wake()
            }
          })(components)
      }
    })
  const offline = async () => {
    await node?.stop()
    node = undefined
    states.clear()
  }
  const agent: TestCorrespondent = {
    peerId: peerIdFromString(peerIdOf(signing.publicKey)),
    publicKey: identity.publicKey,
    seed,
    signer: identity,
    get isOnline() {
      return node !== undefined
    },
    get client() {
      return agent.node.services.mailbox
    },
    get sessions() {
      return agent.node.services.sessions
    },
    get node() {
      if (node === undefined) throw new Error('offline')
      return node
    },
    received,
    takes: () => true,
    now: Date.now,
    online: async () => {
      node = await create()
      await node.start()
    },
    offline,
    until: what =>
      until(
        () => (typeof what === 'number' ? received.length >= what : what()),
        () => `${what}, with ${received.length} envelopes`
      ),
    ready: () =>
      until(
        () => own.every(({ peerId }) => states.get(peerId.toString())?.isOurs === true),
        () => 'subscriptions'
      ),
    [Symbol.asyncDispose]: async () => {
      await offline()
      await store.close()
    }
  }
  return agent
}
