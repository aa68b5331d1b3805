import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type Entry, LocalChain } from '../../src/chain/index.ts'
import { crypto } from '../../src/crypto/index.ts'
import { TalosError } from '../../src/errors.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { type Files, type FilesInit, files } from '../../src/protocols/files/index.ts'
import { certifyAgreementKey, type LocalIdentity } from '../../src/protocols/ratchet/index.ts'
import { type Sessions, sessions } from '../../src/protocols/sessions/index.ts'
import { startNode } from './nodes.ts'

type FileNode = Awaited<ReturnType<typeof startNode<{ sessions: Sessions; files: Files }>>>

/** An agent that sends and takes files, in this process, with its disk. The same `secret` makes the same agent again. */
export interface FileAgent extends AsyncDisposable {
  node: FileNode
  readonly files: Files
  readonly peerId: PeerId
  store: DurableStore
  /** What became of its transfers, as its audit chain has it: the fields of the records, oldest first. */
  recorded(): Promise<Array<Record<string, unknown>>>
  /** Where it keeps everything; `downloads` is in it. */
  folder: string
  downloads: string
  /** Where it dials whom. */
  knows: Map<string, () => Multiaddr[]>
  stop(): Promise<void>
  start(): Promise<void>
}

export async function startFileAgent(
  init: Partial<Omit<FilesInit, 'sessions' | 'store' | 'crypto' | 'connect' | 'downloadDir'>> & {
    folder?: string
    secret?: Uint8Array
    /** Called with what is about to be recorded; the write fails when it throws. */
    onRecord?: (entries: readonly Entry[]) => void
  } = {}
): Promise<FileAgent> {
  const { folder: given, secret = randomBytes(32), onRecord, ...options } = init
  const derive = (what: string): Uint8Array => crypto.hmacSha256(secret, Buffer.from(what))
  const folder = given ?? (await mkdtemp(join(tmpdir(), 'talos-files-')))
  const seed = derive('identity')
  const signing = crypto.ed25519.fromSeed(seed)
  const agreement = crypto.x25519.fromSecret(derive('agreement'))
  const identity: LocalIdentity = {
    publicKey: signing.publicKey,
    sign: bytes => signing.sign(bytes),
    agreement,
    agreementCertificate: certifyAgreementKey(signing, agreement.publicKey)
  }
  const store = await DurableStore.open(join(folder, 'store'), derive('store'), crypto)
  const chain = await LocalChain.open({ store, owner: signing, randomBytes: crypto.randomBytes })
  const downloads = join(folder, 'downloads')
  const knows = new Map<string, () => Multiaddr[]>()

  async function connect(peer: PeerId, signal: AbortSignal): Promise<Connection> {
    const open = agent.node.getConnections(peer).find(connection => connection.status === 'open')
    if (open !== undefined) return open
    try {
      return await agent.node.dial(knows.get(peer.toString())?.() ?? [], { signal })
    } catch (cause) {
      throw new TalosError('NETWORK_PEER_UNREACHABLE', 'the peer is not there', { cause })
    }
  }
  const startIt = () =>
    startNode<{ sessions: Sessions; files: Files }>({
      seed,
      services: {
        sessions: sessions({ identity, store, crypto, mayBegin: () => true }),
        files: components =>
          files({
            sessions: components.sessions,
            store,
            crypto,
            connect,
            downloadDir: downloads,
            record: async (transaction, entries: readonly Entry[]) => {
              onRecord?.(entries)
              await chain.appendAll(transaction, entries)
            },
            decide: async () => ({ accept: true }),
            limits: { other: 0 },
            ...options
          })(components)
      }
    })

  const agent: FileAgent = {
    node: await startIt(),
    get files() {
      return agent.node.services.files
    },
    get peerId() {
      return agent.node.peerId
    },
    store,
    recorded: async () => recordsOf(chain),
    folder,
    downloads,
    knows,
    stop: async () => agent.node.stop(),
    start: async () => {
      agent.node = await startIt()
    },
    [Symbol.asyncDispose]: async () => {
      await agent.node.stop()
      await chain.close()
      await store.close()
      if (given === undefined) await rm(folder, { recursive: true, force: true })
    }
  }
  return agent
}

/** What makes the agent of a folder the same one in every process. */
export const secretOf = (folder: string): Uint8Array => createHash('sha256').update(folder).digest()

/** Tells both where the other is. */
export function acquaint(one: FileAgent, other: FileAgent): void {
  one.knows.set(other.peerId.toString(), () => other.node.getMultiaddrs())
  other.knows.set(one.peerId.toString(), () => one.node.getMultiaddrs())
}

async function recordsOf(chain: LocalChain): Promise<Array<Record<string, unknown>>> {
  const { sequence } = await chain.head()
  const records: Array<Record<string, unknown>> = []
  for (let at = 1; at <= sequence; at++) {
    const { payload } = (await chain.recordAt(at))!
    const value = (given: unknown) => (given instanceof Uint8Array ? Buffer.from(given).toString('hex') : given)
    records.push(Object.fromEntries(payload!.fields.map(field => [field.name, value(field.value)])))
  }
  return records
}

export type FileAgentInit = Parameters<typeof startFileAgent>[0]

/** Two that know each other, until they are disposed. */
export async function pairOfFileAgents(init: { alice?: FileAgentInit; bob?: FileAgentInit } = {}) {
  const alice = await startFileAgent(init.alice)
  const bob = await startFileAgent(init.bob)
  acquaint(alice, bob)
  return {
    alice,
    bob,
    [Symbol.asyncDispose]: async () => {
      await alice[Symbol.asyncDispose]()
      await bob[Symbol.asyncDispose]()
    }
  }
}
