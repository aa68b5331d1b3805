import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerId, ServiceMap } from '@libp2p/interface'
import type { ServiceFactoryMap } from 'libp2p'
import { type Entry, LocalChain } from '../../src/chain/index.ts'
import { crypto } from '../../src/crypto/index.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { certifyAgreementKey, type LocalIdentity, type SessionEvent } from '../../src/protocols/ratchet/index.ts'
import { type MainSessions, type Sessions, sessions } from '../../src/protocols/sessions/index.ts'
import { startNode } from './nodes.ts'

/** An agent with sessions on disk, in this process. */
export interface TestAgent<S extends ServiceMap = Record<never, never>> extends AsyncDisposable {
  node: Awaited<ReturnType<typeof startNode<{ sessions: Sessions } & S>>>
  sessions: Sessions
  store: DurableStore
  /** What happened to its sessions, as `type`. */
  events: string[]
  /** What happened to them, in its chain: the fields of its records, in order. */
  recorded(): Promise<Array<Record<string, unknown>>>
  /** Loses all sessions and prekeys, as a wiped disk would. */
  forget(): Promise<void>
  /** Stops the node and starts it again with its disk. */
  restart(): Promise<void>
}

export interface TestAgentInit<S extends ServiceMap> {
  mayBegin?: (peer: PeerId) => boolean
  seed?: Uint8Array
  /** Services above the sessions, which exist once the node does. */
  services?: (sessions: MainSessions) => ServiceFactoryMap<S>
}

export async function startAgent<S extends ServiceMap = Record<never, never>>(
  init: TestAgentInit<S> = {}
): Promise<TestAgent<S>> {
  const folder = await mkdtemp(join(tmpdir(), 'talos-agent-'))
  const seed = init.seed ?? randomBytes(32)
  const signing = crypto.ed25519.fromSeed(seed)
  const agreement = crypto.x25519.generate()
  const identity: LocalIdentity = {
    publicKey: signing.publicKey,
    sign: bytes => signing.sign(bytes),
    agreement,
    agreementCertificate: certifyAgreementKey(signing, agreement.publicKey)
  }
  const location = join(folder, 'sessions')
  const key = randomBytes(32)
  const store = await DurableStore.open(location, key, crypto)
  const events: string[] = []
  const chain = await LocalChain.open({ store, owner: signing, randomBytes: crypto.randomBytes })
  const later: MainSessions = {
    seal: (...args) => agent.sessions.seal(...args),
    open: (...args) => agent.sessions.open(...args),
    explain: (...args) => agent.sessions.explain(...args),
    heal: (...args) => agent.sessions.heal(...args)
  }
  const start = () =>
    startNode<{ sessions: Sessions } & S>({
      signer: signing,
      limits: { inboundConnectionThreshold: 100 },
      services: {
        ...init.services?.(later),
        sessions: sessions({
          identity,
          store,
          crypto,
          mayBegin: init.mayBegin ?? (() => true),
          onEvent: (_, event: SessionEvent) => events.push(event.type),
          record: async (transaction, entries: readonly Entry[]) => {
            await chain.appendAll(transaction, entries)
          }
        })
      } as ServiceFactoryMap<{ sessions: Sessions } & S>
    })
  const node = await start()
  const agent: TestAgent<S> = {
    node,
    sessions: node.services.sessions,
    store,
    events,
    recorded: async () => {
      const { sequence: last } = await chain.head()
      const records: Array<Record<string, unknown>> = []
      for (let sequence = 1; sequence <= last; sequence++) {
        const { fields } = (await chain.recordAt(sequence))!.payload!
        records.push(Object.fromEntries(fields.map(({ name, value }) => [name, value])))
      }
      return records
    },
    forget: () =>
      store.transact(async transaction => {
        for (const record of await transaction.keys('')) if (!record.startsWith('chain/')) transaction.delete(record)
      }),
    restart: async () => {
      await agent.node.stop()
      agent.node = await start()
      agent.sessions = agent.node.services.sessions
    },
    [Symbol.asyncDispose]: async () => {
      await agent.node.stop()
      await chain.close()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
  return agent
}
