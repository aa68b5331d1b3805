import { type AgreementKey, type CryptoProvider, SIZES, wipe } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import { ascii, concat, sameBytes } from './codec.ts'

/** Bounds of the ratchet (docs/spec/session.md §5). */
export const RATCHET_LIMITS = {
  /** Message keys derived ahead in one jump; checked before any work. */
  maxSkip: 1000,
  /** Skipped message keys kept in all; the oldest goes first. */
  maxStored: 2000,
  /** Earlier receiving chains that are remembered, so that what was received in them is known again. */
  recentChains: 5,
  /**
   * Earlier receiving chains of which messages are still missing, with those above: what lies in a mailbox is overtaken by
   * hundreds of ratchet steps of two that talk directly.
   */
  maxOldChains: 200,
  /** Milliseconds a skipped key is kept. */
  maxAge: 7 * 24 * 60 * 60 * 1000,
  /** Messages in one sending chain. */
  maxChain: 0xffffffff
} as const

const VERSION = 1
const HEADER = 41
const KEY = 32
const SALT = 16
const COMMITMENT = 32
const PREFIX = HEADER + SALT + COMMITMENT

/** Bytes that a sealed message is longer than its plaintext. */
export const RATCHET_OVERHEAD = PREFIX + SIZES.aeadTag

const ROOT_INFO = ascii('talos/ratchet-root/v1')
const EXPAND_LABEL = ascii('talos/ratchet-message/v1\0')
const expandInput = concat(EXPAND_LABEL, new Uint8Array(SALT)) // public bytes only, filled anew by each call
const MESSAGE_STEP = new Uint8Array([1])
const CHAIN_STEP = new Uint8Array([2])
const NONCE = new Uint8Array(12)

export interface SkippedKey {
  /** The remote ratchet key of its chain: the very object in `remote` or `oldChains`. */
  readonly dh: Uint8Array
  readonly n: number
  readonly key: Uint8Array
  /** When it was stored, milliseconds. */
  readonly at: number
}

/**
 * One end of a Double Ratchet (Signal, revision 4, without header encryption) as a value: no operation changes it, each
 * returns the next one. Whoever keeps it replaces it when the next one is safe on disk, and then calls {@link retire}.
 */
export interface Ratchet {
  readonly rootKey: Uint8Array
  /** Our ratchet key pair (DHs). */
  readonly own: AgreementKey
  /** The other side's ratchet key (DHr); undefined until its first message arrives. */
  readonly remote: Uint8Array | undefined
  readonly sendChain: Uint8Array | undefined
  readonly receiveChain: Uint8Array | undefined
  /** Number of the next message to send, and to receive, in its chain. */
  readonly ns: number
  readonly nr: number
  /** Length of our previous sending chain. */
  readonly pn: number
  /** A new remote key arrived and our own key has not followed yet. */
  readonly stepDue: boolean
  /** Sending ratchet steps made: fresh keys of ours that the other side may answer to. */
  readonly steps: number
  /** Remote ratchet keys of earlier chains, oldest first: the last ones, and those of which messages are missing. */
  readonly oldChains: readonly Uint8Array[]
  readonly skipped: readonly SkippedKey[]
}

/** What every operation needs besides the state. */
export interface RatchetContext {
  crypto: CryptoProvider
  /** Bound into every message: both identities and the session id. */
  ad: Uint8Array
  /** Milliseconds since the epoch. */
  now: number
}

function kdfRoot(crypto: CryptoProvider, rootKey: Uint8Array, shared: Uint8Array): [Uint8Array, Uint8Array] {
  const both = crypto.hkdf(shared, rootKey, ROOT_INFO, 64)
  wipe(shared)
  return [both.subarray(0, 32), both.subarray(32)]
}

/** K_enc ‖ K_com: the salt makes them fresh even when a restored backup makes the same message key twice. */
function expand(crypto: CryptoProvider, messageKey: Uint8Array, salt: Uint8Array): Uint8Array {
  expandInput.set(salt, EXPAND_LABEL.length)
  return crypto.hmacSha512(messageKey, expandInput)
}

/** What the next message of a chain takes besides the message itself, so that it can be had before there is one. */
export interface ChainStep {
  /** The chain key that it was derived from. */
  readonly chain: Uint8Array
  readonly messageKey: Uint8Array
  readonly next: Uint8Array
}

/** The same for a message of ours: its salt is drawn, and `keys` are its K_enc ‖ K_com. */
export interface SendStep extends ChainStep {
  readonly salt: Uint8Array
  readonly keys: Uint8Array
}

export function chainStep(crypto: CryptoProvider, chain: Uint8Array): ChainStep {
  return {
    chain,
    messageKey: crypto.hmacSha256(chain, MESSAGE_STEP),
    next: crypto.hmacSha256(chain, CHAIN_STEP)
  }
}

export function sendStepOf(crypto: CryptoProvider, chain: Uint8Array): SendStep {
  const step = chainStep(crypto, chain)
  const salt = crypto.randomBytes(SALT)
  return { ...step, salt, keys: expand(crypto, step.messageKey, salt) }
}

const FRESH = { nr: 0, pn: 0, ns: 0, steps: 0, stepDue: false, oldChains: [], skipped: [] } as const

/**
 * The side that speaks first: it holds the shared root key and the other side's first ratchet key.
 * `firstReceiveChain` lets the other side speak before it has heard anything (stream sessions).
 */
export function initiatorRatchet(
  crypto: CryptoProvider,
  rootKey: Uint8Array,
  remote: Uint8Array,
  firstReceiveChain?: Uint8Array
): Ratchet {
  const own = crypto.x25519.generate()
  const [root, sendChain] = kdfRoot(crypto, rootKey, own.agree(remote))
  return { ...FRESH, rootKey: root, own, remote, sendChain, receiveChain: firstReceiveChain, steps: 1 }
}

/** The side whose first ratchet key `own` the initiator was given. */
export function responderRatchet(rootKey: Uint8Array, own: AgreementKey, firstSendChain?: Uint8Array): Ratchet {
  return { ...FRESH, rootKey, own, remote: undefined, sendChain: firstSendChain, receiveChain: undefined }
}

/**
 * Seals one message. A due ratchet step is made now unless `deferStep` says that it may wait (see StreamSession). `prepared` is
 * used up, unless it is of another chain.
 *
 * @throws SESSION_NOT_READY when the other side must speak first
 * @throws SESSION_EXHAUSTED after 2^32 - 1 messages in one chain
 */
export function seal(
  ratchet: Ratchet,
  plaintext: Uint8Array,
  { crypto, ad }: RatchetContext,
  deferStep = false,
  prepared?: SendStep
): { ratchet: Ratchet; message: Uint8Array } {
  const from = ratchet.stepDue && !(deferStep && ratchet.sendChain !== undefined) ? sendStep(ratchet, crypto) : ratchet
  if (from.sendChain === undefined) {
    throw new TalosError('SESSION_NOT_READY', 'This side cannot send before it has received the first message')
  }
  if (from.ns >= RATCHET_LIMITS.maxChain) {
    throw new TalosError('SESSION_EXHAUSTED', 'Too many messages were sent without an answer', {
      hint: 'Open a new session.'
    })
  }
  const step = prepared?.chain === from.sendChain ? prepared : sendStepOf(crypto, from.sendChain)
  const { messageKey, next: sendChain, salt, keys } = step
  const bound = new Uint8Array(ad.length + PREFIX)
  bound.set(ad)
  const prefix = bound.subarray(ad.length)
  writeHeader(prefix, from.own.publicKey, from.pn, from.ns)
  prefix.set(salt, HEADER)
  prefix.set(keys.subarray(KEY), HEADER + SALT)
  const message = crypto.seal(keys.subarray(0, KEY), NONCE, plaintext, bound, PREFIX)
  message.set(prefix)
  wipe(messageKey, keys)
  if (from !== ratchet) wipe(from.sendChain) // the first chain key of a new step lives only in here
  return { ratchet: { ...from, sendChain, ns: from.ns + 1 }, message }
}

function sendStep(ratchet: Ratchet, crypto: CryptoProvider): Ratchet {
  const own = crypto.x25519.generate()
  const [rootKey, sendChain] = kdfRoot(crypto, ratchet.rootKey, own.agree(ratchet.remote!))
  return { ...ratchet, rootKey, own, sendChain, ns: 0, pn: ratchet.ns, stepDue: false, steps: ratchet.steps + 1 }
}

function writeHeader(target: Uint8Array, dh: Uint8Array, pn: number, n: number): void {
  target[0] = VERSION
  target.set(dh, 1)
  writeU32(target, 33, pn)
  writeU32(target, 37, n)
}

function writeU32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}

function readU32(source: Uint8Array, at: number): number {
  return ((source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!) >>> 0
}

/**
 * Opens one message. Everything is derived aside; on any failure the given state is still the right one.
 * Work before the message is authenticated: at most 1,000 chain steps, two agreements (docs/spec/session.md §5).
 *
 * `prepared` is used up when it is of this message's place in this chain and the message opens.
 *
 * @throws SESSION_MALFORMED too short, or of another version
 * @throws SESSION_DUPLICATE already received, or its key was dropped for age or number (if its chain is remembered)
 * @throws SESSION_SKIP_LIMIT it claims more than 1,000 missing messages
 * @throws SESSION_FORGED it does not authenticate under this session
 */
export function open(
  ratchet: Ratchet,
  message: Uint8Array,
  context: RatchetContext,
  prepared?: ChainStep
): { ratchet: Ratchet; plaintext: Uint8Array } {
  if (message.length < RATCHET_OVERHEAD) {
    throw new TalosError('SESSION_MALFORMED', `A sealed message has at least ${RATCHET_OVERHEAD} bytes`)
  }
  if (message[0] !== VERSION) {
    throw new TalosError('SESSION_MALFORMED', `A sealed message of version ${message[0]} is unknown`)
  }
  const dh = message.subarray(1, 33)
  const pn = readU32(message, 33)
  const n = readU32(message, 37)
  const current = ratchet.remote !== undefined && sameBytes(dh, ratchet.remote)

  if (current && ratchet.receiveChain !== undefined && n >= ratchet.nr) {
    if (n === ratchet.nr && prepared?.chain === ratchet.receiveChain)
      return openNext(ratchet, message, prepared, context)
    return openInChain(ratchet, message, n, context)
  }
  const index = ratchet.skipped.findIndex(entry => entry.n === n && sameBytes(entry.dh, dh))
  if (index !== -1) return openSkipped(ratchet, message, index, context)
  if (current || ratchet.oldChains.some(old => sameBytes(old, dh))) throw duplicate()
  return openWithStep(ratchet, message, dh, pn, n, context)
}

function duplicate(): TalosError {
  return new TalosError('SESSION_DUPLICATE', 'This message was received before, or came too late to be read')
}

function openNext(ratchet: Ratchet, message: Uint8Array, { messageKey, next }: ChainStep, context: RatchetContext) {
  const plaintext = authenticateWith(message, messageKey, context)
  wipe(messageKey)
  const skipped = keepRecent(ratchet.skipped, [], context.now)
  return { plaintext, ratchet: { ...ratchet, receiveChain: next, nr: ratchet.nr + 1, skipped } }
}

function openInChain(ratchet: Ratchet, message: Uint8Array, n: number, context: RatchetContext) {
  const { crypto } = context
  checkSkip(n - ratchet.nr)
  const walk = walkChain(crypto, ratchet.receiveChain!, n - ratchet.nr)
  try {
    const plaintext = authenticate(message, walk.last, context)
    const missed = skippedKeys(crypto, walk.passed, ratchet.remote!, ratchet.nr, context.now)
    return {
      plaintext,
      ratchet: {
        ...ratchet,
        receiveChain: crypto.hmacSha256(walk.last, CHAIN_STEP),
        nr: n + 1,
        skipped: keepRecent(ratchet.skipped, missed, context.now)
      }
    }
  } finally {
    wipe(...walk.derived)
  }
}

function openSkipped(ratchet: Ratchet, message: Uint8Array, index: number, context: RatchetContext) {
  const plaintext = authenticateWith(message, ratchet.skipped[index]!.key, context)
  const skipped = ratchet.skipped.filter((_, i) => i !== index)
  return { plaintext, ratchet: { ...ratchet, skipped } }
}

function openWithStep(
  ratchet: Ratchet,
  message: Uint8Array,
  dh: Uint8Array,
  pn: number,
  n: number,
  context: RatchetContext
) {
  const { crypto, now } = context
  const tail = ratchet.receiveChain === undefined ? 0 : pn - ratchet.nr
  checkSkip(n)
  checkSkip(tail)
  const remote = new Uint8Array(dh)
  let shared: Uint8Array
  try {
    shared = ratchet.own.agree(remote)
  } catch (cause) {
    throw forged(cause)
  }
  const [rootKey, receiveChain] = kdfRoot(crypto, ratchet.rootKey, shared)
  const walk = walkChain(crypto, receiveChain, n)
  try {
    const plaintext = authenticate(message, walk.last, context)
    // only now, for an authentic message, the keys of what is still missing from the chain before
    const missed = [
      ...(tail > 0 ? tailKeys(ratchet, tail, context) : []),
      ...skippedKeys(crypto, walk.passed, remote, 0, now)
    ]
    const skipped = keepRecent(ratchet.skipped, missed, now)
    const oldChains = ratchet.remote === undefined ? [] : chainsToKeep([...ratchet.oldChains, ratchet.remote], skipped)
    const known = new Set([...oldChains, remote])
    return {
      plaintext,
      ratchet: {
        ...ratchet,
        rootKey,
        remote,
        receiveChain: crypto.hmacSha256(walk.last, CHAIN_STEP),
        nr: n + 1,
        stepDue: true,
        oldChains,
        skipped: skipped.filter(({ dh }) => known.has(dh))
      }
    }
  } catch (error) {
    wipe(rootKey)
    throw error
  } finally {
    wipe(receiveChain, ...walk.derived)
  }
}

function tailKeys(ratchet: Ratchet, tail: number, { crypto, now }: RatchetContext): SkippedKey[] {
  const walk = walkChain(crypto, ratchet.receiveChain!, tail - 1)
  const keys = skippedKeys(crypto, [...walk.passed, walk.last], ratchet.remote!, ratchet.nr, now)
  wipe(...walk.derived)
  return keys
}

function checkSkip(count: number): void {
  if (count > RATCHET_LIMITS.maxSkip) {
    throw new TalosError('SESSION_SKIP_LIMIT', `${count} messages before this one are missing`, {
      hint: `At most ${RATCHET_LIMITS.maxSkip} can be; open a new session.`
    })
  }
}

/** Chain keys from `chain` on: `passed` lead to `last`, that of the wanted message; `derived` is all of them but `chain`. */
function walkChain(crypto: CryptoProvider, chain: Uint8Array, steps: number) {
  const chains = [chain]
  for (let i = 0; i < steps; i++) chains.push(crypto.hmacSha256(chains[i]!, CHAIN_STEP))
  const derived = chains.slice(1)
  const last = chains.pop()!
  return { passed: chains, last, derived }
}

function skippedKeys(
  crypto: CryptoProvider,
  chains: readonly Uint8Array[],
  dh: Uint8Array,
  first: number,
  at: number
): SkippedKey[] {
  return chains.map((chain, i) => ({ dh, n: first + i, key: crypto.hmacSha256(chain, MESSAGE_STEP), at }))
}

function keepRecent(stored: readonly SkippedKey[], added: readonly SkippedKey[], now: number): readonly SkippedKey[] {
  if (stored.length === 0 && added.length === 0) return stored
  const all = added.length === 0 ? stored : [...stored, ...added]
  const fresh = all.filter(({ at }) => now - at <= RATCHET_LIMITS.maxAge)
  return fresh.length > RATCHET_LIMITS.maxStored ? fresh.slice(-RATCHET_LIMITS.maxStored) : fresh
}

/** Of earlier chains, oldest first. */
function chainsToKeep(chains: readonly Uint8Array[], skipped: readonly SkippedKey[]): readonly Uint8Array[] {
  const awaited = new Set(skipped.map(({ dh }) => dh))
  const recent = chains.length - RATCHET_LIMITS.recentChains
  return chains.filter((dh, i) => i >= recent || awaited.has(dh)).slice(-RATCHET_LIMITS.maxOldChains)
}

function authenticate(message: Uint8Array, chain: Uint8Array, context: RatchetContext): Uint8Array {
  const messageKey = context.crypto.hmacSha256(chain, MESSAGE_STEP)
  try {
    return authenticateWith(message, messageKey, context)
  } finally {
    wipe(messageKey)
  }
}

function authenticateWith(message: Uint8Array, messageKey: Uint8Array, { crypto, ad }: RatchetContext): Uint8Array {
  const keys = expand(crypto, messageKey, message.subarray(HEADER, HEADER + SALT))
  try {
    // the commitment first: ChaCha20-Poly1305 alone would open one ciphertext under several keys
    if (!crypto.timingSafeEqual(keys.subarray(KEY), message.subarray(HEADER + SALT, PREFIX))) throw forged()
    const bound = new Uint8Array(ad.length + PREFIX)
    bound.set(ad)
    bound.set(message.subarray(0, PREFIX), ad.length)
    const plaintext = crypto.open(keys.subarray(0, KEY), NONCE, message.subarray(PREFIX), bound)
    if (plaintext === undefined) throw forged()
    return plaintext
  } finally {
    wipe(keys)
  }
}

function forged(cause?: unknown): TalosError {
  return new TalosError('SESSION_FORGED', 'The message does not authenticate under this session', { cause })
}

/** Wipes the secrets of `old` that `next` no longer holds. Call it once nothing can fall back to `old`. */
export function retire(old: Ratchet, next: Ratchet | undefined): void {
  for (const secret of ['rootKey', 'sendChain', 'receiveChain'] as const) {
    if (old[secret] !== next?.[secret]) wipe(old[secret])
  }
  if (old.own !== next?.own) old.own[Symbol.dispose]?.()
  if (old.skipped !== next?.skipped) {
    const kept = new Set(next?.skipped.map(entry => entry.key))
    for (const entry of old.skipped) if (!kept.has(entry.key)) wipe(entry.key)
  }
}
