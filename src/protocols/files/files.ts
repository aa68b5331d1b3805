import type { PeerId, Startable } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { TypedEventEmitter } from 'main-event'
import { TalosError } from '../../errors.ts'
import { FILE_PROTOCOL, MAX_ACTIVE_PER_PEER, MAX_UNDECIDED_PER_PEER } from './constants.ts'
import { DownloadFolder } from './folder.ts'
import { fileFrames, Incoming } from './incoming.ts'
import type { Files, FilesComponents, FilesEvents, FilesInit, Transfer } from './index.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { Outgoing } from './outgoing.ts'
import { TransferRecords } from './records.ts'
import { Transfers, unknownTransfer } from './transfers.ts'
import { WorkerPool } from './worker-pool.ts'

/** The service: records, the two sides, and the threads that both use. */
export class FileService extends TypedEventEmitter<FilesEvents> implements Files, Startable {
  readonly #registrar: Registrar
  readonly #transfers: Transfers
  readonly #incoming: Incoming
  readonly #outgoing: Outgoing
  readonly #pool = new WorkerPool()
  #topology: string | undefined

  constructor({ peerId, registrar, logger }: FilesComponents, init: FilesInit) {
    super()
    this.#registrar = registrar
    const records = new TransferRecords(init.store, init.record)
    this.#transfers = new Transfers(records, init.downloadDir, (name, detail) =>
      this.safeDispatchEvent(name, { detail })
    )
    const shared = {
      party: { self: peerId, sessions: init.sessions, crypto: init.crypto },
      records,
      transfers: this.#transfers,
      pool: this.#pool,
      now: init.now ?? Date.now,
      log: logger.forComponent('talos:files')
    }
    this.#outgoing = new Outgoing({ ...shared, connect: init.connect })
    this.#incoming = new Incoming({
      ...shared,
      folder: new DownloadFolder(init.downloadDir),
      limits: { ...DEFAULT_LIMITS, ...init.limits },
      decide: init.decide
    })
  }

  async start(): Promise<void> {
    await this.#transfers.load()
    await this.#incoming.start()
    await this.#registrar.handle(
      FILE_PROTOCOL,
      (stream, connection) => this.#incoming.onStream(fileFrames(stream), connection),
      { maxInboundStreams: MAX_ACTIVE_PER_PEER + MAX_UNDECIDED_PER_PEER + 4, runOnLimitedConnection: true }
    )
    this.#topology = await this.#registrar.register(FILE_PROTOCOL, {
      notifyOnLimitedConnection: true,
      onConnect: peer => this.#outgoing.onConnect(peer)
    })
    this.#outgoing.start()
  }

  async beforeStop(): Promise<void> {
    await this.#registrar.unhandle(FILE_PROTOCOL)
    if (this.#topology !== undefined) this.#registrar.unregister(this.#topology)
    await Promise.all([this.#outgoing.stop(), this.#incoming.stop()])
    await this.#pool.close()
  }

  async stop(): Promise<void> {}

  async send(peer: PeerId, path: string, options: { signal?: AbortSignal } = {}): Promise<Transfer> {
    return this.#transfers.view(await this.#outgoing.send(peer, path, options.signal))
  }

  completed(id: string, signal: AbortSignal): Promise<Transfer> {
    return this.#transfers.completed(id, signal)
  }

  decided(id: string): Promise<void> {
    return this.#incoming.decided(id)
  }

  list(): Transfer[] {
    return this.#transfers.list()
  }

  async cancel(id: string): Promise<Transfer> {
    const record = this.#transfers.get(id)
    if (record === undefined) throw unknownTransfer(id)
    if (record.state !== 'waiting') throw new TalosError('FILE_OVER', `the transfer ${id} is over: ${record.state}`)
    await (record.direction === 'out' ? this.#outgoing.cancel(record) : this.#incoming.cancel(record))
    return this.#transfers.view(record)
  }
}
