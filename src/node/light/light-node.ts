import { join } from 'node:path'
import type { Connection } from '@libp2p/interface'
import { toHex } from '../../chain/bytes.ts'
import { type HeadersVerdict, LightChain, type LightProof } from '../../chain/light/light-chain.ts'
import { type Chain, type ChainParams, chainOf } from '../../chain/params.ts'
import { decodeProof, type RecordProof } from '../../chain/proof.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { ChainLink, type ChainStatus } from '../../protocols/chain/index.ts'
import { LevelStore } from '../chain/level-store.ts'
import type { LightPeer, LightStatus } from './types.ts'

/** Headers of an answer that is not the last. */
const FULL_ANSWER = 2_000

export interface LightNodeInit {
  params: ChainParams
  dataDir: string
  /** Connections to whoever may keep the chain. */
  peers(signal: AbortSignal): Promise<Connection[]>
}

interface Source {
  peerId: string
  link: ChainLink
  status: ChainStatus
}

/** A shared chain by its headers: asked for at peers, checked here, kept on disk. */
export class LightNode {
  readonly chain: Chain
  readonly #light: LightChain
  readonly #store: LevelStore
  readonly #init: LightNodeInit
  readonly #stopping = new AbortController()
  #running: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #peers: LightPeer[] = []
  #syncedAt: number | undefined
  #deep: number | undefined

  private constructor(init: LightNodeInit, chain: Chain, light: LightChain, store: LevelStore) {
    this.#init = init
    this.chain = chain
    this.#light = light
    this.#store = store
  }

  /** Throws LIGHT_STORE_DAMAGED, CHAIN_OTHER_NETWORK, STORAGE_*. */
  static async open(init: LightNodeInit): Promise<LightNode> {
    const chain = chainOf(init.params)
    const store = await LevelStore.open(join(init.dataDir, 'light'), chain.id)
    try {
      return new LightNode(init, chain, await LightChain.open({ chain, store }), store)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /** Asks by itself, too, each time after so many milliseconds. */
  start(interval: number): void {
    if (this.#stopping.signal.aborted) return
    this.sync(this.#stopping.signal)
      .catch(() => {})
      .finally(() => {
        if (this.#stopping.signal.aborted) return
        this.#timer = setTimeout(() => this.start(interval), interval).unref()
      })
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stopping.abort(new TalosError('NODE_GONE', 'the node is stopping'))
    await this.#running.catch(() => {})
    await this.#store.close()
  }

  status(): LightStatus {
    const { tip } = this.#light
    const { params, id } = this.chain
    return {
      name: params.name,
      chainId: toHex(id),
      height: tip.height,
      tip: toHex(tip.hash),
      tipTime: tip.time,
      work: String(tip.work),
      peers: this.#peers,
      ...(this.#syncedAt === undefined ? {} : { syncedAt: this.#syncedAt }),
      ...(this.#deep === undefined ? {} : { deep: this.#deep })
    }
  }

  /**
   * Asks all peers for headers, those first that claim most work, and follows the chain that has most. `consent` to take back any
   * number of blocks. Throws LIGHT_NO_PEER, STORAGE_*, and the reason of the signal.
   */
  sync(signal: AbortSignal, consent = false): Promise<LightStatus> {
    return this.#alone(signal, async (sources, stop) => {
      this.#deep = undefined
      const peers: LightPeer[] = []
      for (const source of sources) {
        const { peerId, status } = source
        const problem = await this.#follow(source, consent, stop)
        peers.push({ peerId, height: status.height, ...(problem === undefined ? {} : { problem }) })
      }
      this.#peers = peers
      this.#syncedAt = Date.now()
      return this.status()
    })
  }

  /**
   * Has a record proved by the first peer that can, and checks the proof. Throws LIGHT_NOT_PROVED when nobody can, LIGHT_NO_PEER, and the reason of
   * the signal.
   */
  prove(
    record: Uint8Array,
    signal: AbortSignal
  ): Promise<{ bytes: Uint8Array; proof: RecordProof; verified: LightProof }> {
    return this.#alone(signal, async (sources, stop) => {
      for (const { link } of sources) {
        try {
          const bytes = await link.proof(record, this.#light.tip.height + 1, stop)
          if (bytes === undefined) continue
          const proof = decodeProof(bytes)
          const verified = this.#light.verifyProof(proof)
          // a true proof of something else is no answer
          if (toHex(verified.id) === toHex(record)) return { bytes, proof, verified }
        } catch (error) {
          stop.throwIfAborted()
          if (!isTalosError(error)) throw error
        }
      }
      throw new TalosError('LIGHT_NOT_PROVED', 'none of the peers proves that this record is in the chain', {
        hint: 'talos light sync, and try again: it may be in no block yet, or not at all.'
      })
    })
  }

  /** Checks a proof with what is known here: nobody is asked. Throws as LightChain.verifyProof(). */
  verify(proof: RecordProof): LightProof {
    return this.#light.verifyProof(proof)
  }

  async #follow({ link }: Source, consent: boolean, signal: AbortSignal): Promise<string | undefined> {
    this.#light.restart()
    try {
      for (let before = ''; ; ) {
        const locator = this.#light.locator()
        // what brings nothing new would be asked for without end
        if (toHex(locator[0]!) === before) return undefined
        before = toHex(locator[0]!)
        const { headers } = await link.headers(locator, signal)
        if (headers.length === 0) return undefined
        const verdict = await this.#light.add(headers, consent)
        const problem = this.#problemOf(verdict)
        if (problem !== undefined) return problem
        if (headers.length < FULL_ANSWER) return undefined
      }
    } catch (error) {
      signal.throwIfAborted()
      if (isTalosError(error) && /^CHAIN_PEER_/.test(error.code)) return error.message
      throw error
    }
  }

  #problemOf(verdict: HeadersVerdict): string | undefined {
    if (verdict.state === 'invalid') return `a header that is not valid: ${verdict.issue?.message}`
    if (verdict.state === 'unlinked') return 'headers that follow nothing that was named'
    if (verdict.state === 'too-many') return 'more headers than are held'
    if (verdict.state !== 'too-deep') return undefined
    this.#deep = Math.max(this.#deep ?? 0, verdict.depth)
    return `its chain would take back ${verdict.depth} blocks`
  }

  /** One thing at a time, with a stream to each peer that keeps the chain, those first that claim most work. */
  #alone<T>(signal: AbortSignal, work: (sources: Source[], stop: AbortSignal) => Promise<T>): Promise<T> {
    const stop = AbortSignal.any([signal, this.#stopping.signal])
    const running = this.#running.then(async () => {
      const sources = await this.#sources(stop)
      try {
        return await work(sources, stop)
      } finally {
        await Promise.allSettled(sources.map(({ link }) => link.close()))
      }
    })
    this.#running = running.catch(() => {})
    return running
  }

  async #sources(signal: AbortSignal): Promise<Source[]> {
    const { id, genesisHash } = this.chain
    // a light client keeps no chain that others could ask for
    const ours: ChainStatus = { genesis: genesisHash, tip: genesisHash, height: 0, work: 0n, bodiesFrom: 1 }
    const connections = await this.#init.peers(signal)
    const opened = await Promise.allSettled(
      connections.map(async connection => {
        const link = await ChainLink.open(connection, id, signal)
        try {
          const status = await link.status(ours, signal)
          return { peerId: connection.remotePeer.toString(), link, status }
        } catch (error) {
          link.abort(error as Error)
          throw error
        }
      })
    )
    signal.throwIfAborted()
    const sources = opened.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    if (sources.length === 0) {
      throw new TalosError('LIGHT_NO_PEER', 'no node that keeps this chain can be reached', {
        hint: 'Name one: --peer, or chain.peers in the configuration.'
      })
    }
    return sources.sort((a, b) => (a.status.work > b.status.work ? -1 : 1))
  }
}
