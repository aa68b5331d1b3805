import { setTimeout as delay } from 'node:timers/promises'
import { type AbortOptions, KEEP_ALIVE, type PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isTalosError, TalosError } from '../../errors.ts'
import { isRegistrableName, type RegistrationSigner } from '../../protocols/registry/index.ts'
import { isLoopback, isRelayed, isWebSocket } from '../network/addresses.ts'
import type { KnownServer } from '../server-book.ts'
import { connectKnown } from './connect-server.ts'
import type { RegistryNode } from './directory.ts'

/** A registration is refreshed when this part of its time is over, so that two refreshes may fail. */
const REFRESH_PART = 1 / 3
/** Waits between attempts, in milliseconds; the last one repeats, for ever. */
const BACKOFF = [500, 1_000, 2_000, 5_000, 10_000, 30_000]
/** Addresses come one by one while a node starts: they are registered together. Milliseconds. */
const SETTLE_TIME = 250
/** Addresses of each kind in a registration, which holds 16. */
const MAX_DIRECT = 10
const MAX_RELAYED = 6

export interface RegistrationState {
  server: KnownServer
  /** The name that is registered there. */
  name?: string
  /** Until when, in milliseconds since the epoch; refreshed before. */
  expiresAt?: number
  /** Addresses of mailboxes that are registered with it. */
  mailboxes?: number
  /** Why the last attempt failed, until one succeeds; or why another name than the wanted one is registered. */
  error?: TalosError
}

export interface KeepRegisteredInit {
  servers: readonly KnownServer[]
  /**
   * The name to register where the server was not given another one. One that is taken or cannot be registered gets an ending,
   * so that the peer can be found.
   */
  name: string
  signer: RegistrationSigner
  /** Where others may leave messages, each with `/p2p/…` at its end; asked at each registration. @default none */
  mailboxes?: () => readonly Multiaddr[]
  /** Whether a mailbox that the registration before names may be named until it is known which there are. @default none may */
  mayBeMailbox?: (mailbox: Multiaddr) => boolean
  /** Called whenever the state at a server changes. */
  onChange?: (state: RegistrationState) => void
}

export interface KeptRegistrations {
  /** What each server has, as far as is known. */
  states(): RegistrationState[]
  /** Resolves at the first time that a server has registered this node. */
  registered: Promise<RegistrationState>
  /** Registers again where something has changed that the node does not tell by itself: the mailboxes. */
  refresh(): void
  /** Ends it; the registrations run out by themselves, or are taken back with `unregister`. */
  stop(options?: { unregister?: boolean }): Promise<void>
}

/**
 * Keeps the node connected to and registered with every server until stop(): refreshes, registers again when the node's
 * addresses change, dials again for ever when a server is gone. Failures are states, never exceptions.
 */
export function keepRegistered(node: RegistryNode, init: KeepRegisteredInit): KeptRegistrations {
  const over = new AbortController()
  const first = Promise.withResolvers<RegistrationState>()
  const keepers = init.servers.map(server => new Keeper(node, server, init, over.signal, first.resolve))
  const running = Promise.all(keepers.map(keeper => keeper.run()))
  return {
    states: () => keepers.map(keeper => keeper.state),
    registered: first.promise,
    refresh: () => {
      for (const keeper of keepers) keeper.refresh()
    },
    stop: async (options = {}) => {
      over.abort()
      await running
      if (options.unregister === true) await Promise.all(keepers.map(keeper => keeper.unregister()))
    }
  }
}

/**
 * The addresses that others can use: without the node's own PeerId, loopback only for a server on the same machine. Direct
 * ones and TCP first, and of both kinds no more than a registration holds.
 */
export function registrableAddresses(node: RegistryNode, server: PeerId): Multiaddr[] {
  const self = `/p2p/${node.peerId}`
  const own = node
    .getMultiaddrs()
    .map(address => (address.toString().endsWith(self) ? address.decapsulate(self) : address))
  const usable = usableFrom(node, server, own).sort((a, b) => Number(isWebSocket(a)) - Number(isWebSocket(b)))
  return [
    ...usable.filter(address => !isRelayed(address)).slice(0, MAX_DIRECT),
    ...usable.filter(isRelayed).slice(0, MAX_RELAYED)
  ]
}

function usableFrom(node: RegistryNode, server: PeerId, addresses: readonly Multiaddr[]): Multiaddr[] {
  const isHere = node.getConnections(server).some(({ remoteAddr }) => isLoopback(remoteAddr))
  return addresses.filter(address => isHere || !isLoopback(address))
}

type Registered = Required<Pick<RegistrationState, 'name' | 'expiresAt' | 'mailboxes'>>

class Keeper {
  state: RegistrationState
  readonly #node: RegistryNode
  readonly #server: KnownServer
  readonly #peer: PeerId
  readonly #init: KeepRegisteredInit
  readonly #signal: AbortSignal
  readonly #onFirst: (state: RegistrationState) => void
  /** What is registered now, to see whether it has changed. */
  #addresses: string | undefined
  #wake: (() => void) | undefined

  constructor(
    node: RegistryNode,
    server: KnownServer,
    init: KeepRegisteredInit,
    signal: AbortSignal,
    onFirst: (state: RegistrationState) => void
  ) {
    this.state = { server }
    this.#node = node
    this.#server = server
    this.#peer = peerIdFromString(server.peerId)
    this.#init = init
    this.#signal = signal
    this.#onFirst = onFirst
  }

  async run(): Promise<void> {
    const onUpdate = (): void => this.refresh()
    const onDisconnect = ({ detail }: CustomEvent<PeerId>): void => {
      if (detail.equals(this.#peer)) this.#wake?.()
    }
    this.#node.addEventListener('self:peer:update', onUpdate)
    this.#node.addEventListener('peer:disconnect', onDisconnect)
    try {
      for (let failures = 0; !this.#signal.aborted; ) {
        try {
          await this.#registerOnce()
          failures = 0
          await this.#sleep(this.#untilRefresh(), true)
        } catch (error) {
          if (this.#signal.aborted) return
          this.#change({ ...this.state, error: asTalosError(error) })
          await this.#sleep(BACKOFF[Math.min(failures++, BACKOFF.length - 1)]! * (0.75 + Math.random() / 2), false)
        }
      }
    } finally {
      this.#node.removeEventListener('self:peer:update', onUpdate)
      this.#node.removeEventListener('peer:disconnect', onDisconnect)
    }
  }

  refresh(): void {
    if (this.#addressKey() !== this.#addresses) this.#wake?.()
  }

  async unregister(): Promise<void> {
    const options = { signal: AbortSignal.timeout(1_000) }
    // a server that cannot be reached forgets the registration by itself
    await this.#node.services.registry.unregister(this.#peer, options).catch(() => {})
  }

  async #registerOnce(): Promise<void> {
    const connection = await connectKnown(this.#node, this.#server, this.#signal)
    await this.#node.peerStore.merge(this.#peer, {
      multiaddrs: [connection.remoteAddr],
      // libp2p never closes the connection to make room
      tags: { [`${KEEP_ALIVE}-talos-server`]: { value: 100 } }
    })
    const addresses = this.#addressKey()
    const { state, error } = await this.#registerUnder(this.#server.name ?? this.#init.name)
    this.#addresses = addresses
    this.#change({ server: this.#server, ...state, ...(error === undefined ? {} : { error }) })
    this.#onFirst(this.state)
  }

  /** Under the wanted name, or under one with an ending when it cannot be had: a peer must be found by its PeerId anyway. */
  async #registerUnder(name: string): Promise<{ state: Registered; error?: TalosError }> {
    try {
      return { state: await this.#register(name) }
    } catch (error) {
      if (!isTalosError(error, 'REGISTRY_NAME_TAKEN') && !isTalosError(error, 'REGISTRY_NAME_INVALID')) throw error
      const ending = this.#node.peerId.toString().slice(-8).toLowerCase()
      const base = isRegistrableName(name) ? name.slice(0, 50) : 'agent'
      return { state: await this.#register(`${base}-${ending}`), error }
    }
  }

  async #register(name: string): Promise<Registered> {
    const addresses = registrableAddresses(this.#node, this.#peer)
    const options = { signal: this.#signal }
    const mailboxes = await this.#mailboxesToName(options)
    const receipt = await this.#node.services.registry.register(
      this.#peer,
      { name, addresses, mailboxes },
      this.#init.signer,
      options
    )
    return { name, expiresAt: receipt.expiresAt, mailboxes: mailboxes.length }
  }

  #untilRefresh(): number {
    return Math.max(1_000, ((this.state.expiresAt ?? 0) - Date.now()) * REFRESH_PART)
  }

  #addressKey(): string {
    const addresses = registrableAddresses(this.#node, this.#peer).map(String).sort()
    return [...addresses, 'mailboxes', ...this.#mailboxes().map(String)].join(' ')
  }

  #mailboxes(): Multiaddr[] {
    return usableFrom(this.#node, this.#peer, this.#init.mailboxes?.() ?? [])
  }

  /**
   * A node that has just started has heard of no mailbox yet. Until it has, the registration names those of the one before: the node may end
   * earlier, and messages for it would wait for its next start at their senders.
   */
  async #mailboxesToName(options: AbortOptions): Promise<Multiaddr[]> {
    const known = this.#mailboxes()
    const { mayBeMailbox, signer } = this.#init
    if (known.length > 0 || this.#addresses !== undefined || mayBeMailbox === undefined) return known
    try {
      const before = await this.#node.services.registry.lookUpMailboxes(this.#peer, signer.publicKey, options)
      return usableFrom(this.#node, this.#peer, before?.mailboxes ?? []).filter(mayBeMailbox)
    } catch (error) {
      // to be registered matters more; whatever is wrong with the server shows at once
      if (!isTalosError(error)) throw error
      return known
    }
  }

  #change(state: RegistrationState): void {
    this.state = state
    this.#init.onChange?.(state)
  }

  /** Until the time is over, or stop() is called, or (where that is wanted) something has changed. */
  async #sleep(milliseconds: number, isWakeable: boolean): Promise<void> {
    const woken = new AbortController()
    if (isWakeable) this.#wake = () => woken.abort()
    const signal = AbortSignal.any([this.#signal, woken.signal])
    if (isWakeable && this.#isOutdated()) woken.abort()
    await delay(milliseconds, undefined, { signal }).catch(() => {})
    this.#wake = undefined
    if (woken.signal.aborted) await delay(SETTLE_TIME, undefined, { signal: this.#signal }).catch(() => {})
  }

  /** True when something changed while it was being registered. */
  #isOutdated(): boolean {
    return this.#addressKey() !== this.#addresses || this.#node.getConnections(this.#peer).length === 0
  }
}

function asTalosError(error: unknown): TalosError {
  if (isTalosError(error)) return error
  return new TalosError('REGISTRY_UNREACHABLE', (error as Error).message, { cause: error })
}
