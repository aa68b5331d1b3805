import type { ComponentLogger, Connection, Libp2pEvents, Logger, TypedEventTarget } from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import { blockHash, decodeHeader, SIGNATURE_LENGTH, SIGNED_HEADER_LENGTH } from '../../chain/block.ts'
import { equalBytes, toHex } from '../../chain/bytes.ts'
import { type Field, openField } from '../../chain/commitment.ts'
import type { Equivocation } from '../../chain/evidence.ts'
import { type Chain, type ChainParams, chainOf } from '../../chain/params.ts'
import { type Extension, type KindName, RECORD_LENGTH } from '../../chain/record.ts'
import type { ForkNode, Reorganisation } from '../../chain/shared/fork-tree.ts'
import type { Producer } from '../../chain/shared/propose.ts'
import { SharedChain } from '../../chain/shared/shared-chain.ts'
import { KEYS } from '../../chain/shared/store.ts'
import { type ValidationResult, validateHeader } from '../../chain/validation/validate.ts'
import { meetsTarget } from '../../chain/work.ts'
import { TalosError } from '../../errors.ts'
import type { Broadcasts, Channel, ChannelVerdict } from '../../protocols/broadcast/index.ts'
import { type ChainServer, chainServer } from '../../protocols/chain/index.ts'
import { RateLimiter } from '../../protocols/limits/index.ts'
import type { EvidenceKeeper } from '../witness/evidence-exchange.ts'
import { Convictions } from './convictions.ts'
import { LevelStore } from './level-store.ts'
import { type OwnRecord, OwnRecords, type Payloads } from './own-records.ts'
import { type ChainPeer, ChainPeers } from './peers.ts'
import { BlockProducer } from './producer.ts'
import { proofIn, sourceOf, statusOfChain } from './source.ts'
import { Synchroniser } from './sync.ts'
import type { NetworkStatus } from './types.ts'

/** Id of the record by which this installation has introduced itself. */
const INTRODUCED_KEY = 'j'
/** How often peers are asked where their chains end, and what waits at one of them. Milliseconds. */
const REFRESH = 10_000
/** How often what waits too long is dropped. Milliseconds. */
const PRUNE = 60_000
/** How far ahead of ours a clock may be. Milliseconds. */
const MAX_AHEAD = 120_000
/** Blocks further back than this are not taken from gossip. */
const MAX_BEHIND = 100
/** Records that one peer may hand over, each of which costs a signature to check. */
const RECORD_RATE = { burst: 2_000, perSecond: 200 } as const

export interface NetworkChainInit {
  params: ChainParams
  dataDir: string
  /** Who makes blocks and writes records here. */
  identity: Producer
  broadcasts: Broadcasts
  /** Where the contents of own records are kept. @default nowhere: they cannot be opened */
  payloads?: Payloads
  /** False for a node that keeps the chain and makes no blocks. @default true */
  makesBlocks?: boolean
  /** An author was caught with two histories: evidence, which is on disk. */
  onConviction?: (found: Equivocation, evidence: Uint8Array) => void
  /** The chain has changed. */
  onChange?: (change: Reorganisation) => void
}

export interface NetworkChainComponents {
  registrar: Registrar
  connectionManager: ConnectionManager
  events: TypedEventTarget<Libp2pEvents>
  logger: ComponentLogger
}

/** What was done since the start. */
export interface NetworkCounts {
  reorganisations: number
  /** Blocks that were checked. */
  blocks: number
  /** Of these, those that were not valid, by the first violation. */
  rejected: Record<string, number>
  /** Spent in checks, by layer, and blocks of which that was checked. */
  seconds: Record<string, number>
  layers: Record<string, number>
  signatures: number
}

/** A chain that this node shares with others: on disk, answered from, announced, fetched, and with blocks of its own. */
export class NetworkChain {
  readonly chain: Chain
  readonly shared: SharedChain
  /** Authors that were caught. */
  readonly convictions: Convictions
  readonly #init: NetworkChainInit
  readonly #store: LevelStore
  readonly #log: Logger
  readonly #server: ChainServer
  readonly #peers: ChainPeers
  readonly #sync: Synchroniser
  readonly #producer: BlockProducer
  readonly #own: OwnRecords
  readonly #recordRate = new RateLimiter(RECORD_RATE)
  readonly #timers: NodeJS.Timeout[] = []
  /** Woken by the next change of the chain. */
  readonly #waiting = new Set<() => void>()
  readonly counts: NetworkCounts = {
    reorganisations: 0,
    blocks: 0,
    rejected: {},
    seconds: {},
    layers: {},
    signatures: 0
  }
  #blocks: Channel | undefined
  #records: Channel | undefined
  #evidence: Channel | undefined

  private constructor(
    init: NetworkChainInit,
    components: NetworkChainComponents,
    parts: { chain: Chain; store: LevelStore; shared: SharedChain; own: OwnRecords; convictions: Convictions }
  ) {
    const { chain, store, shared, own, convictions } = parts
    this.convictions = convictions
    this.#init = init
    this.chain = chain
    this.#store = store
    this.shared = shared
    this.#own = own
    this.#log = components.logger.forComponent('talos:chain')
    this.#peers = new ChainPeers({
      chain,
      status: () => statusOfChain(shared),
      connectionManager: components.connectionManager,
      events: components.events,
      broadcasts: init.broadcasts,
      log: this.#log,
      onStatus: peer => this.#onStatus(peer)
    })
    this.#sync = new Synchroniser(shared, this.#peers, this.#log)
    this.#producer = new BlockProducer({
      shared,
      producer: init.identity,
      log: this.#log,
      isBehind: () => this.#sync.state !== undefined,
      onBlock: block => void this.#blocks?.publish(block.slice(0, SIGNED_HEADER_LENGTH)).catch(() => {})
    })
    const source = sourceOf(shared, () => convictions.some())
    this.#server = chainServer({
      source: id => (equalBytes(id, chain.id) ? source : undefined),
      isWelcome: peer => this.#peers.isWelcome(peer),
      onFault: (peer, error) => this.#peers.blame(peer, 50, error.message),
      onStatus: (connection: Connection, id, status) => {
        if (equalBytes(id, chain.id)) this.#peers.heard(connection, status)
      }
    })(components)
  }

  /** @throws STORAGE_*, CHAIN_STORE_NEWER, CHAIN_OTHER_NETWORK */
  static async open(init: NetworkChainInit, components: NetworkChainComponents): Promise<NetworkChain> {
    const chain = chainOf(init.params)
    const store = await LevelStore.open(init.dataDir, chain.id)
    try {
      let changed: (change: Reorganisation) => void = () => {}
      let validated: (result: ValidationResult) => void = () => {}
      const convictions = await Convictions.open(store, chain, init.onConviction)
      const shared = await SharedChain.open({
        chain,
        store,
        isOwn: author => equalBytes(author, init.identity.publicKey),
        onChange: change => changed(change),
        onConflict: conflict => void convictions.found(conflict).catch(() => {}),
        onValidated: result => validated(result),
        isBarred: author => convictions.isBarred(author)
      })
      const own = await OwnRecords.open(shared, store, init.identity, init.payloads)
      const network = new NetworkChain(init, components, { chain, store, shared, own, convictions })
      changed = change => network.#onChange(change)
      validated = result => network.#onValidated(result)
      return network
    } catch (error) {
      await store.close()
      throw error
    }
  }

  async start(): Promise<void> {
    const topic = `/talos/chain/${toHex(this.chain.id)}`
    this.#blocks = this.#init.broadcasts.channel(`${topic}/block/1`, (from, data) => this.#judgeBlock(from, data))
    this.#records = this.#init.broadcasts.channel(`${topic}/record/1`, (from, data) => this.#judgeRecord(from, data))
    this.#evidence = this.#init.broadcasts.channel(`${topic}/evidence/1`, (_, data) => this.convictions.judge(data))
    this.convictions.tellOn(this.#evidence)
    await this.#server.start()
    this.#peers.start()
    if (this.#init.makesBlocks !== false) this.#producer.start()
    this.#timers.push(
      setInterval(() => void this.#refresh(), REFRESH).unref(),
      setInterval(() => void this.shared.prune().catch(() => {}), PRUNE).unref()
    )
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    await this.#producer.stop()
    this.#blocks?.close()
    this.#records?.close()
    this.#evidence?.close()
    await this.#server.stop()
    await this.#peers.stop()
    await this.#sync.settled()
    // what was begun is written
    await this.shared.acceptAll([]).catch(() => {})
    await this.#store.close()
  }

  /**
   * Writes a record in our name, tells others, and has it put into a block. Nobody else sees the fields.
   *
   * @throws CHAIN_WAITING_FULL, CHAIN_NOT_ADMITTED, CHAIN_FORMAT, STORAGE_*
   */
  async write(
    kind: KindName,
    extensions: readonly Extension[] = [],
    fields: readonly Field[] = []
  ): Promise<OwnRecord> {
    const own = await this.#own.write(kind, extensions, fields, Date.now())
    const { record, signature } = own
    await this.#records?.publish(Buffer.concat([record, signature])).catch(() => {})
    this.#producer.wake()
    return own
  }

  /** Blocks whose hash begins with these digits, also those that are not in the chain any more: two at most. */
  async blocksThatBegin(digits: string): Promise<ForkNode[]> {
    const found: ForkNode[] = []
    for await (const [key] of this.#store.entries(KEYS.nodes + digits)) {
      const node = this.shared.tree.node(new Uint8Array(Buffer.from(key.slice(KEYS.nodes.length), 'hex')))
      if (node !== undefined) found.push(node)
      if (found.length === 2) break
    }
    return found
  }

  /** Writes an IDENTITY record, the first time in this data directory. Throws as write(). */
  async introduce(fields: readonly Field[]): Promise<void> {
    if (this.#store.get(INTRODUCED_KEY) !== undefined) return
    const { id } = await this.write('IDENTITY', [], fields)
    await this.#store.write(new Map([[INTRODUCED_KEY, id]]), true)
  }

  /**
   * Proof that a record of ours is in the chain, with these fields opened (none named: all). Throws CHAIN_RECORD_UNKNOWN, CHAIN_RECORD_UNSEALED,
   * CHAIN_FIELD_UNKNOWN.
   */
  async open(id: Uint8Array, names: readonly string[] = []): Promise<{ proof: Uint8Array; opened: Field[] }> {
    const payload = await this.#own.payload(id)
    if (payload === undefined) {
      throw new TalosError(
        'CHAIN_RECORD_UNKNOWN',
        `this agent has written no record ${toHex(id)} into the shared chain`,
        {
          hint: 'talos chain block <height> --network shows the records of a block, and who has written them.'
        }
      )
    }
    const wanted = names.length === 0 ? payload.fields.map(({ name }) => name) : names
    const opened = wanted.map(name => {
      const field = openField(payload, name)
      if (field !== undefined) return field
      const all = payload.fields.map(one => one.name).join(', ')
      throw new TalosError('CHAIN_FIELD_UNKNOWN', `the record has no field ${JSON.stringify(name)}`, {
        hint: `It has ${all}.`
      })
    })
    const proof = proofIn(this.shared, id, 0, opened)
    if (proof === undefined) {
      throw new TalosError('CHAIN_RECORD_UNSEALED', 'the record waits for a block of the shared chain', {
        hint: 'Try again when there is one: talos chain mine makes it now.'
      })
    }
    return { proof, opened: opened.map(({ name, value }) => ({ name, value })) }
  }

  /** Asks all peers where their chains end, and fetches what is better. Resolves when nobody is known to have more. */
  async sync(): Promise<void> {
    await this.#peers.refreshAll()
    this.#sync.again()
    await this.#sync.settled()
  }

  /** Makes a block at once of what waits. Resolves when the chain is longer, whoever did it, or nothing waits; rejects with the signal's reason. */
  async mine(signal: AbortSignal): Promise<void> {
    const { height } = this.shared.tip
    while (this.shared.tip.height <= height && this.shared.mempool.size > 0) {
      this.#producer.now()
      const changed = Promise.withResolvers<void>()
      this.#waiting.add(changed.resolve)
      const onAbort = (): void => changed.reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        signal.throwIfAborted()
        await changed.promise
      } finally {
        signal.removeEventListener('abort', onAbort)
        this.#waiting.delete(changed.resolve)
      }
    }
  }

  /** What this identity claimed last of a chain of its own, in the shared chain or waiting for it. */
  lastClaim(chain: Uint8Array): { size: number; root: Uint8Array; record?: Uint8Array } | undefined {
    const { publicKey } = this.#init.identity
    const waiting = this.shared.mempool.claimOf(publicKey, chain)
    if (waiting !== undefined) return { ...waiting.claim, record: waiting.id }
    return this.shared.tree.viewAfter(this.shared.tip).claimOf?.(publicKey, chain)
  }

  /** Consents to taking back whatever a chain that begins with this block takes back. */
  async consent(first: Uint8Array): Promise<void> {
    await this.shared.consent(first)
    await this.sync()
  }

  /** What this chain makes of evidence against the owner of another one. */
  get evidenceKeeper(): EvidenceKeeper {
    const { convictions } = this
    return { take: evidence => convictions.take(evidence), some: async most => convictions.some(most) }
  }

  get peerCount(): number {
    return this.#peers.list().length
  }

  status(): NetworkStatus {
    const { tip, mempool, deep } = this.shared
    const { params } = this.chain
    const { state } = this.#sync
    const { publicKey } = this.#init.identity
    return {
      name: params.name,
      chainId: toHex(this.chain.id),
      height: tip.height,
      tip: toHex(tip.hash),
      tipTime: tip.time,
      work: String(tip.work),
      waiting: mempool.size,
      admitted: params.admission === 'open' || params.keys.some(key => equalBytes(key, publicKey)),
      convicted: this.convictions.size,
      mining: this.#producer.isMining,
      peers: this.#peers.list().map(({ id, status }) => ({
        peerId: id,
        height: status.height,
        work: String(status.work),
        faults: Math.round(this.#init.broadcasts.faultsOf(id))
      })),
      dropped: this.#peers.dropped,
      ...(state === undefined ? {} : { sync: { ...state } }),
      ...(deep === undefined ? {} : { deep: { ...deep, first: toHex(deep.first) } })
    }
  }

  /** A header that was announced: judged by what it took to make before anything else, then the block is fetched and checked. */
  async #judgeBlock(from: string, data: Uint8Array): Promise<ChannelVerdict> {
    const { tree } = this.shared
    if (data.length !== SIGNED_HEADER_LENGTH) return 'reject'
    const { bits } = this.chain.params
    const hash = blockHash(data)
    let header: ReturnType<typeof decodeHeader>
    try {
      header = decodeHeader(data)
    } catch {
      return 'reject'
    }
    if (header.bits !== bits || !meetsTarget(hash, bits)) return 'reject'
    if (header.time > Date.now() + MAX_AHEAD || tree.node(hash) !== undefined) return 'ignore'
    const peer = this.#peers.get(from)
    const parent = tree.node(header.previous)
    if (parent === undefined) {
      // there is more than this block that we have not got
      if (peer !== undefined) await this.#peers.refresh(peer).catch(() => {})
      return 'ignore'
    }
    if (parent.height < this.shared.tip.height - MAX_BEHIND) return 'ignore'
    const { valid } = await validateHeader(data, this.chain, tree.viewAfter(parent))
    if (!valid) return 'reject'
    if (peer === undefined) return 'ignore'
    let block: Uint8Array | undefined
    const wanted = [{ hash, length: SIGNED_HEADER_LENGTH + header.bodyLength }]
    const onBlock = (come: Uint8Array): void => {
      block = come.slice()
    }
    await this.#peers
      .ask(peer, 'blocks', link => link.blocks(wanted, onBlock, this.#peers.signal))
      .catch(error => this.#log('could not fetch a block that was announced - %e', error))
    if (block === undefined || !equalBytes(blockHash(block), hash)) return 'ignore'
    const verdict = await this.shared.accept(block)
    if (verdict.state === 'invalid') return 'reject'
    return verdict.state === 'accepted' ? 'accept' : 'ignore'
  }

  async #judgeRecord(from: string, data: Uint8Array): Promise<ChannelVerdict> {
    if (data.length < RECORD_LENGTH + SIGNATURE_LENGTH) return 'reject'
    if (data.length > this.chain.params.maxRecordLength + SIGNATURE_LENGTH) return 'reject'
    if (this.#recordRate.take(from, 1, Date.now()) > 0) return 'ignore'
    const end = data.length - SIGNATURE_LENGTH
    return this.#takeRecord(data.slice(0, end), data.slice(end))
  }

  async #takeRecord(record: Uint8Array, signature: Uint8Array): Promise<ChannelVerdict> {
    const verdict = this.shared.offer(record, signature)
    if (verdict === 'invalid') return 'reject'
    if (verdict !== 'accepted') return 'ignore'
    await this.shared.written()
    this.#producer.wake()
    return 'accept'
  }

  #onStatus(peer: ChainPeer): void {
    const isNew = !this.#known.has(peer.id)
    this.#known.add(peer.id)
    this.#sync.wake()
    if (isNew) void this.#fetchRecords(peer).catch(() => {})
  }

  /** Peers whose waiting records were asked for since they were connected. */
  readonly #known = new Set<string>()

  /** What waits at a peer. */
  async #fetchRecords(peer: ChainPeer): Promise<void> {
    await this.#sync.settled()
    let after: Uint8Array | undefined = new Uint8Array()
    while (after !== undefined) {
      const from: Uint8Array = after
      const page = await this.#peers.ask(peer, 'questions', link => link.records(from, this.#peers.signal))
      for (const { record, signature } of page.records) {
        if ((await this.#takeRecord(record.slice(), signature.slice())) === 'reject') {
          return this.#peers.blame(peer.id, 50, 'a record that is not valid')
        }
      }
      for (const evidence of page.evidence ?? []) {
        if ((await this.convictions.judge(evidence.slice())) === 'reject') {
          return this.#peers.blame(peer.id, 50, 'evidence that shows nothing')
        }
      }
      after = page.next
    }
  }

  async #refresh(): Promise<void> {
    await this.#peers.refreshAll()
    const peers = this.#peers.list()
    for (const id of this.#known) if (this.#peers.get(id) === undefined) this.#known.delete(id)
    this.#sync.wake()
    // what gossip lost
    const some = peers[Math.floor(Math.random() * peers.length)]
    if (some !== undefined) await this.#fetchRecords(some).catch(() => {})
  }

  #onValidated({ valid, errors, layers, counts: { signatures } }: ValidationResult): void {
    const { counts } = this
    counts.blocks++
    counts.signatures += signatures
    if (!valid) {
      const { violation } = errors[0]!
      counts.rejected[violation] = (counts.rejected[violation] ?? 0) + 1
    }
    for (const [layer, { state, duration }] of Object.entries(layers)) {
      if (state === 'skipped') continue
      counts.layers[layer] = (counts.layers[layer] ?? 0) + 1
      counts.seconds[layer] = (counts.seconds[layer] ?? 0) + duration / 1000
    }
  }

  #onChange(change: Reorganisation): void {
    if (change.disconnect.length > 0) this.counts.reorganisations++
    this.#producer.changed()
    for (const wake of this.#waiting) wake()
    this.#init.onChange?.(change)
  }
}
