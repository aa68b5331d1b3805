import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import { Queue } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { didKeyOf, hexOf, peerIdOf } from '../../crypto/peer-key.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import {
  DEFAULT_LIFETIME,
  MAX_ADDRESSES,
  MAX_CANDIDATES,
  MAX_FRAME_LENGTH,
  MAX_MAILBOXES,
  MAX_PAGE,
  REGISTRY_PROTOCOL,
  STATUS
} from './constants.ts'
import { type LookUp, Request, Response } from './pb/registry.ts'
import {
  checkTimes,
  isRegistrableName,
  nameKey,
  namesMailboxes,
  openRegistration,
  type Registration,
  type RegistrationSigner,
  type SignedRegistration,
  signRegistration
} from './registration.ts'

/** How long a registry may take to answer, in milliseconds. */
const ANSWER_TIMEOUT = 8_000
/** Exchanges at a time; a registry refuses more streams than it allows a connection. */
const CONCURRENCY = 8
/** Longest message of a registry that is shown. */
const MAX_MESSAGE = 200

export interface RegistryClientInit {
  /** How long an answer may take, in milliseconds. @default 8_000 */
  answerTimeout?: number
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

export interface RegistryClientComponents {
  connectionManager: ConnectionManager
}

export interface Claim {
  name: string
  addresses: Multiaddr[]
  /** Where to leave messages while it is away, each with `/p2p/<mailbox>` at its end. @default none */
  mailboxes?: Multiaddr[]
  /** Milliseconds until it expires unless refreshed. @default 3_600_000 */
  lifetime?: number
}

export interface Receipt {
  name: string
  /** Milliseconds since the epoch: until when the registration is shown to others … */
  expiresAt: number
  /** … and until when nobody else gets the name. */
  heldUntil: number
}

/** A page of the list; ask for the next one with `after: next` until it is undefined. */
export interface RegistryPage {
  registrations: Registration[]
  next: string | undefined
}

/**
 * Asks registries. Whatever a registry answers is checked: that each registration is signed by the key in it, is valid now,
 * and is what was asked for. A registry can thus hide a peer, but never lead to another.
 *
 * Errors: REGISTRY_UNREACHABLE, REGISTRY_UNSUPPORTED, REGISTRY_TIMEOUT, REGISTRY_ANSWER_INVALID, the refusals that
 * REFUSALS lists, and the reason of a signal.
 */
export class RegistryClient {
  readonly [Symbol.toStringTag] = '@talos/registry-client'
  readonly #connectionManager: ConnectionManager
  readonly #answerTimeout: number
  readonly #now: () => number
  readonly #queue = new Queue<Response>({ concurrency: CONCURRENCY })
  #sequence = 0

  constructor(components: RegistryClientComponents, init: RegistryClientInit = {}) {
    this.#connectionManager = components.connectionManager
    this.#answerTimeout = init.answerTimeout ?? ANSWER_TIMEOUT
    this.#now = init.now ?? Date.now
  }

  /** Registers the signer, or refreshes its registration. Its own node must be the one that asks. */
  async register(
    server: PeerId,
    claim: Claim,
    signer: RegistrationSigner,
    options: AbortOptions = {}
  ): Promise<Receipt> {
    checkName(claim.name)
    let response = await this.#offer(server, claim, signer, options)
    if (response.status === STATUS.staleSequence) {
      // our clock was set back, or another process of ours registered: go on from what the registry has
      this.#sequence = Math.max(this.#sequence, safe(response.sequence))
      response = await this.#offer(server, claim, signer, options)
    }
    this.#throwRefusal(response, claim.name)
    if (response.registered === undefined) throw invalidAnswer('no receipt')
    const { expiresAt, heldUntil } = response.registered
    return { name: claim.name, expiresAt: safe(expiresAt), heldUntil: safe(heldUntil) }
  }

  /** Takes the registration of this node back; its name is free at once. */
  async unregister(server: PeerId, options: AbortOptions = {}): Promise<void> {
    this.#throwRefusal(await this.#ask(server, { unregister: {} }, options))
  }

  async lookUpName(server: PeerId, name: string, options: AbortOptions = {}): Promise<Registration | undefined> {
    const found = await this.#lookUpOne(server, { name }, options)
    if (found !== undefined && nameKey(found.name) !== nameKey(name)) throw invalidAnswer('another name')
    return found
  }

  async lookUpKey(server: PeerId, key: Uint8Array, options: AbortOptions = {}): Promise<Registration | undefined> {
    const publicKey = Uint8Array.from(key)
    const found = await this.#lookUpOne(server, { publicKey }, options)
    if (found !== undefined && hexOf(found.publicKey) !== hexOf(key)) throw invalidAnswer('another key')
    return found
  }

  /**
   * The last registration of a peer that says where its mailboxes are, for up to 14 days after it was issued: the peer may be
   * away since, and its addresses of no use. The one with the highest `sequence` is the newest of several servers'.
   */
  async lookUpMailboxes(
    server: PeerId,
    key: Uint8Array,
    options: AbortOptions = {}
  ): Promise<Pick<Registration, 'mailboxes' | 'sequence'> | undefined> {
    const response = await this.#ask(server, { lookUp: { publicKey: Uint8Array.from(key), away: true } }, options)
    this.#throwRefusal(response)
    const signed = oneOf(response)
    if (signed === undefined) return undefined
    const found = opened(signed)
    if (hexOf(found.publicKey) !== hexOf(key)) throw invalidAnswer('another key')
    return namesMailboxes(found, this.#now()) ? found : undefined
  }

  /** Peers whose name, PeerId, did:key or hex key begins with `prefix` (3 characters or more), 16 at most. */
  async find(server: PeerId, prefix: string, options: AbortOptions = {}): Promise<Registration[]> {
    const response = await this.#ask(server, { lookUp: { prefix, away: false } }, options)
    this.#throwRefusal(response)
    const found = this.#openAll(response, MAX_CANDIDATES)
    if (!found.every(registration => hasPrefix(registration, prefix))) throw invalidAnswer('another prefix')
    return found
  }

  /** Registered peers in the order of their names. */
  async list(
    server: PeerId,
    page: { after?: string; limit?: number } = {},
    options: AbortOptions = {}
  ): Promise<RegistryPage> {
    const after = nameKey(page.after ?? '')
    const response = await this.#ask(server, { list: { after, limit: page.limit ?? MAX_PAGE } }, options)
    this.#throwRefusal(response)
    const registrations = this.#openAll(response, MAX_PAGE)
    const next = response.page?.next || undefined
    if (next !== undefined && next <= after) throw invalidAnswer('a list that turns back')
    return { registrations, next }
  }

  #offer(server: PeerId, claim: Claim, signer: RegistrationSigner, options: AbortOptions): Promise<Response> {
    const issuedAt = this.#now()
    this.#sequence = Math.max(this.#sequence + 1, issuedAt)
    const signed = signRegistration(
      {
        name: claim.name,
        publicKey: signer.publicKey,
        addresses: claim.addresses.slice(0, MAX_ADDRESSES),
        mailboxes: (claim.mailboxes ?? []).slice(0, MAX_MAILBOXES),
        issuedAt,
        expiresAt: issuedAt + (claim.lifetime ?? DEFAULT_LIFETIME),
        sequence: this.#sequence
      },
      signer
    )
    const register = { registration: own(signed.registration), signature: own(signed.signature) }
    return this.#ask(server, { register }, options)
  }

  async #lookUpOne(
    server: PeerId,
    key: Omit<LookUp, 'away'>,
    options: AbortOptions
  ): Promise<Registration | undefined> {
    const response = await this.#ask(server, { lookUp: { ...key, away: false } }, options)
    this.#throwRefusal(response)
    const signed = oneOf(response)
    return signed === undefined ? undefined : this.#open(signed)
  }

  #openAll(response: Response, most: number): Registration[] {
    const registrations = response.page?.registrations ?? []
    if (registrations.length > most) throw invalidAnswer('too many peers')
    return registrations.map(signed => this.#open(signed))
  }

  #open(signed: SignedRegistration): Registration {
    const registration = opened(signed)
    checkTimes(registration, this.#now())
    return registration
  }

  async #ask(server: PeerId, request: Request, { signal }: AbortOptions): Promise<Response> {
    return this.#queue.add(() => this.#exchange(server, Request.encode(request), signal), signal ? { signal } : {})
  }

  async #exchange(server: PeerId, request: Uint8Array, outer: AbortSignal | undefined): Promise<Response> {
    const timeout = AbortSignal.timeout(this.#answerTimeout)
    const signal = outer === undefined ? timeout : AbortSignal.any([outer, timeout])
    try {
      return await this.#tryExchange(server, request, signal).catch(error => {
        // the connection may have been closing; asking twice changes nothing at the registry
        if (signal.aborted || !isBroken(error)) throw error
        return this.#tryExchange(server, request, signal)
      })
    } catch (error) {
      outer?.throwIfAborted()
      throw timeout.aborted ? timedOut(server, error) : asRegistryError(server, error)
    }
  }

  async #tryExchange(server: PeerId, request: Uint8Array, signal: AbortSignal): Promise<Response> {
    const stream = await this.#connectionManager.openStream(server, REGISTRY_PROTOCOL, { signal })
    const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
    try {
      await frames.write(request, signal)
      const frame = await frames.read(signal)
      if (frame === undefined) throw new TalosError('NETWORK_STREAM_CLOSED', 'the registry closed the stream')
      await frames.close(signal)
      return decodeResponse(frame)
    } catch (error) {
      frames.abort(error as Error)
      throw error
    }
  }

  #throwRefusal(response: Response, name?: string): void {
    if (response.status === STATUS.ok) return
    const said = printable(response.message)
    switch (response.status) {
      case STATUS.nameTaken:
        throw nameTaken(name ?? '', response)
      case STATUS.badTime:
        throw new TalosError(
          'REGISTRY_TIME_INVALID',
          `the registry's clock says ${iso(response.serverTime)}, this one ${new Date(this.#now()).toISOString()}`,
          { hint: 'Set the clock that is wrong.' }
        )
      case STATUS.rateLimited:
        throw new TalosError('REGISTRY_RATE_LIMITED', 'the registry refuses more requests for now', {
          hint: `Try again in ${Math.max(1, Math.ceil(response.retryAfter / 1000))} s.`
        })
      default: {
        const [code, what] = REFUSALS[response.status] ?? ['REGISTRY_REFUSED', 'the registry refused']
        throw new TalosError(code, said === '' ? what : `${what}: ${said}`)
      }
    }
  }
}

function oneOf(response: Response): SignedRegistration | undefined {
  const registrations = response.page?.registrations ?? []
  if (registrations.length > 1) throw invalidAnswer('more than one peer')
  return registrations[0]
}

/** Form and signature checked, times not. */
function opened(signed: SignedRegistration): Registration {
  try {
    return openRegistration(signed)
  } catch (cause) {
    throw invalidAnswer((cause as Error).message, cause)
  }
}

/** Codes for the statuses of docs/spec/registry.md that carry nothing but a message. */
const REFUSALS: Record<number, [code: string, what: string]> = {
  [STATUS.malformed]: ['REGISTRY_REFUSED', 'the registry could not read the request'],
  [STATUS.unknownRequest]: ['REGISTRY_UNSUPPORTED', 'the registry does not know this request'],
  [STATUS.badSignature]: ['REGISTRY_SIGNATURE_INVALID', 'the registry refused the signature'],
  [STATUS.notYours]: ['REGISTRY_REFUSED', 'the registry refused to register another peer'],
  [STATUS.staleSequence]: ['REGISTRY_SEQUENCE_STALE', 'the registry holds a later registration of this peer'],
  [STATUS.badName]: ['REGISTRY_NAME_INVALID', 'the registry refused the name'],
  [STATUS.full]: ['REGISTRY_FULL', 'the registry is full'],
  [STATUS.internal]: ['REGISTRY_FAILED', 'the registry could not answer']
}

function checkName(name: string): void {
  if (isRegistrableName(name)) return
  throw new TalosError('REGISTRY_NAME_INVALID', `${JSON.stringify(name)} cannot be registered as a name`, {
    hint: 'Choose one with --name: 1 to 63 letters, digits, dots, hyphens or underscores, a letter or digit at both ends.'
  })
}

function nameTaken(name: string, { holder }: Response): TalosError {
  const key = holder?.publicKey
  const by = key?.byteLength === 32 ? peerIdOf(key) : 'another peer'
  const until = holder === undefined ? 'unknown' : iso(holder.until)
  return new TalosError('REGISTRY_NAME_TAKEN', `the name '${name}' is held by ${by} until ${until}`, {
    hint: 'Choose another name with --name; its holder keeps it by refreshing its registration.'
  })
}

function hasPrefix({ name, publicKey }: Registration, prefix: string): boolean {
  return (
    nameKey(name).startsWith(nameKey(prefix)) ||
    peerIdOf(publicKey).startsWith(prefix) ||
    didKeyOf(publicKey).startsWith(prefix) ||
    hexOf(publicKey).startsWith(prefix.toLowerCase())
  )
}

function decodeResponse(frame: Uint8Array): Response {
  try {
    return Response.decode(frame, { limits: { page: { registrations: MAX_PAGE } } })
  } catch (cause) {
    throw invalidAnswer('it is not readable', cause)
  }
}

/** True for a failure of the connection, which says nothing about the registry. */
function isBroken(error: unknown): boolean {
  return isTalosError(error) ? error.code === 'NETWORK_STREAM_CLOSED' : !isUnsupported(error)
}

function isUnsupported(error: unknown): boolean {
  return error instanceof Error && error.name === 'UnsupportedProtocolError'
}

function asRegistryError(server: PeerId, cause: unknown): TalosError {
  if (isTalosError(cause) && cause.code.startsWith('REGISTRY_')) return cause
  if (isUnsupported(cause)) {
    return new TalosError('REGISTRY_UNSUPPORTED', `the peer ${server} is not a Talos registry`, {
      hint: 'Check the address: `talos server` prints it when it starts.',
      cause
    })
  }
  // libp2p rejects with events, too
  const why = cause instanceof Error ? cause.message : 'the connection broke'
  return new TalosError('REGISTRY_UNREACHABLE', `cannot reach the registry ${server}: ${why}`, { cause })
}

function timedOut(server: PeerId, cause: unknown): TalosError {
  return new TalosError('REGISTRY_TIMEOUT', `the registry ${server} did not answer in time`, { cause })
}

function invalidAnswer(why: string, cause?: unknown): TalosError {
  return new TalosError('REGISTRY_ANSWER_INVALID', `the registry gave an answer that is not valid: ${why}`, {
    hint: 'Nothing of it was used. The registry is faulty or hostile.',
    cause
  })
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidAnswer('a number is too large')
  return Number(value)
}

function iso(value: bigint): string {
  const date = new Date(Number(value))
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString()
}

/** What a registry says is shown on a terminal: one short line without control characters. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '').slice(0, MAX_MESSAGE)
}

function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes)
}
