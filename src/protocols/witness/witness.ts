import { equalBytes } from '../../chain/bytes.ts'
import { originOf, parseCheckpoint } from '../../chain/checkpoint.ts'
import { encodeEvidence, verifyEvidence } from '../../chain/evidence.ts'
import { FormatError } from '../../chain/format-error.ts'
import {
  cosignNote,
  formatNote,
  NOTE_KEY,
  type NoteKey,
  parseNote,
  signatureLine,
  verifyNote
} from '../../chain/note.ts'
import { type Chain, chainOf, decodeParams } from '../../chain/params.ts'
import { consistencyRoots, isComplete } from '../../chain/tree.ts'
import {
  type AddCheckpoint,
  isMalformed,
  judgeCheckpoint,
  NOTHING_YET,
  parseAddCheckpoint,
  signedOnlyBy
} from '../../chain/witness.ts'
import type { CryptoProvider, SigningKey } from '../../crypto/provider.ts'
import type { SessionStore } from '../sessions/index.ts'
import type { StatusName } from './constants.ts'
import { type WitnessedChain, WitnessStore } from './store.ts'

export interface WitnessLimits {
  /** Chains that it remembers. */
  maxChains: number
  /** Chains of one owner. */
  maxChainsPerOwner: number
}

export const DEFAULT_WITNESS_LIMITS: WitnessLimits = { maxChains: 10_000, maxChainsPerOwner: 8 }

export interface WitnessInit {
  /** Transactions that run one after the other, and are on disk when they resolve. */
  store: SessionStore
  crypto: CryptoProvider
  /** What the witness is called in its signatures; without spaces and `+`. */
  name: string
  /** Whose chains it cosigns, by the owner's Ed25519 key. */
  serves(owner: Uint8Array): boolean | Promise<boolean>
  /** @default DEFAULT_WITNESS_LIMITS */
  limits?: Partial<WitnessLimits>
  /** Milliseconds since 1970. @default Date.now */
  now?: () => number
  /** Called when an owner turns out to have signed two histories. */
  onEvidence?: (evidence: Uint8Array) => void
}

export interface WitnessAnswer {
  status: StatusName
  /** As C2SP has it: signature lines, a size, or a checkpoint. */
  body?: string
  evidence?: Uint8Array
}

/**
 * A witness of c2sp.org/tlog-witness: it cosigns checkpoints that continue what it cosigned before, and remembers each on disk
 * before it signs. It knows the owner of a chain from the chain's parameters, whose hash is the chain's name.
 */
export class Witness {
  readonly key: NoteKey
  readonly #init: WitnessInit
  readonly #limits: WitnessLimits
  readonly #store: WitnessStore
  readonly #signer: SigningKey

  private constructor(init: WitnessInit, store: WitnessStore) {
    this.#init = init
    this.#limits = { ...DEFAULT_WITNESS_LIMITS, ...init.limits }
    this.#store = store
    this.#signer = init.crypto.ed25519.fromSeed(store.seed)
    this.key = { name: init.name, type: NOTE_KEY.cosignature, publicKey: this.#signer.publicKey }
  }

  /** Throws STORAGE_*. */
  static async open(init: WitnessInit): Promise<Witness> {
    return new Witness(init, await WitnessStore.open(init.store, length => init.crypto.randomBytes(length)))
  }

  /** Chains that it remembers. */
  get size(): number {
    return this.#store.size
  }

  /** Whether something is remembered of the chain: what is new costs more. */
  async knows(chainId: Uint8Array): Promise<boolean> {
    return (await this.#store.get(chainId)) !== undefined
  }

  /**
   * Answers add-checkpoint. `params` are those of the chain, needed the first time.
   *
   * Throws STORAGE_*.
   */
  async addCheckpoint(body: string, params: Uint8Array): Promise<WitnessAnswer> {
    let request: AddCheckpoint
    try {
      request = parseAddCheckpoint(body)
    } catch (error) {
      if (isMalformed(error)) return { status: 'malformed' }
      throw error
    }
    const chainId = chainIdOf(request.checkpoint.origin)
    const chain = chainId && ownedChain(params.length > 0 ? params : (await this.#store.get(chainId))?.params, chainId)
    const owner = chain?.params.keys[0]
    if (chain === undefined || owner === undefined || !(await this.#init.serves(owner))) return { status: 'unknown' }
    const log: NoteKey = { name: request.checkpoint.origin, type: NOTE_KEY.ed25519, publicKey: owner }
    // nobody else's request takes a place in the queue of the database
    if (verifyNote(request.note, log) !== true) return { status: 'forbidden' }
    const { answer, chain: changed } = await this.#store.change(chain.id, owner, (known, chainsOfOwner) => {
      const decision = this.#decide(request, log, chain, known, chainsOfOwner)
      return { ...(decision.chain === undefined ? {} : { chain: decision.chain }), result: decision }
    })
    if (changed !== undefined && answer.evidence !== undefined) this.#init.onEvidence?.(answer.evidence)
    if (answer.status !== 'ok') return answer
    // what is signed is on disk by now, and the next request of this chain is judged by it
    return {
      status: 'ok',
      body: signatureLine(cosignNote(request.note.text, this.key.name, this.#signer, changed!.time))
    }
  }

  /** The checkpoint of a chain that was cosigned last, with the cosignature. Throws STORAGE_*. */
  async latest(chainId: Uint8Array): Promise<WitnessAnswer> {
    const known = await this.#store.get(chainId)
    if (known === undefined) return { status: 'unknown' }
    const evidence = known.evidence.length === 0 ? {} : { evidence: known.evidence }
    const { text, signatures } = parseNote(known.note)
    const cosignature = cosignNote(text, this.key.name, this.#signer, known.time)
    return { status: 'ok', body: formatNote({ text, signatures: [...signatures, cosignature] }), ...evidence }
  }

  /** Some of the evidence against owners that is kept here. Throws STORAGE_*. */
  someEvidence(most: number): Promise<Uint8Array[]> {
    return this.#store.someEvidence(most)
  }

  /**
   * Evidence that another one has found: kept, and true of the chain from then on, when it convicts the owner of a chain that is remembered here. False
   * when it does not, or there is some already. Throws CHAIN_EVIDENCE_INVALID, STORAGE_*.
   */
  async learn(evidence: Uint8Array): Promise<boolean> {
    const { what, origin, culprit } = verifyEvidence(evidence)
    const chainId = chainIdOf(origin)
    const known = chainId && (await this.#store.get(chainId))
    const owner = known && ownedChain(known.params, chainId)?.params.keys[0]
    // anybody can sign two states under the name of another's chain
    if (what === 'records' || owner === undefined || !equalBytes(owner, culprit)) return false
    return this.#store.change(chainId!, owner, now => {
      if (now === undefined || now.evidence.length > 0) return { result: false }
      return { chain: { ...now, evidence: Uint8Array.from(evidence) }, result: true }
    })
  }

  #decide(
    request: AddCheckpoint,
    log: NoteKey,
    { encodedParams }: Chain,
    known: WitnessedChain | undefined,
    chainsOfOwner: number
  ): Decision {
    if (known !== undefined && known.evidence.length > 0) {
      return { answer: { status: 'forbidden', evidence: known.evidence } }
    }
    const latest = known === undefined ? NOTHING_YET : parseCheckpoint(parseNote(known.note).text)
    const evidence = known && contradiction(known.note, latest, request, log)
    const refusal = judgeCheckpoint(request, log, latest)
    const answer: WitnessAnswer =
      refusal === 409 ? { status: 'conflict', body: `${latest.size}\n` } : { status: STATUSES[refusal ?? 200] }
    if (evidence !== undefined) return { answer: { ...answer, evidence }, chain: { ...known!, evidence } }
    if (refusal !== undefined) return { answer }
    const { maxChains, maxChainsPerOwner } = this.#limits
    if (known === undefined && (this.#store.size >= maxChains || chainsOfOwner >= maxChainsPerOwner)) {
      return { answer: { status: 'full' } }
    }
    const now = Math.floor((this.#init.now ?? Date.now)() / 1000)
    return {
      answer,
      chain: {
        params: encodedParams,
        note: signedOnlyBy(request.note, log)!,
        // a clock that was set back does not make a later checkpoint older
        time: Math.max(now, known?.time ?? 0),
        evidence: new Uint8Array()
      }
    }
  }
}

interface Decision {
  answer: WitnessAnswer
  /** What is to be remembered from now on, if that changes. */
  chain?: WitnessedChain
}

const STATUSES = { 200: 'ok', 400: 'malformed', 403: 'forbidden', 422: 'inconsistent' } as const

/**
 * That the owner signed another state of the size that was cosigned last, or a larger one that another state of that size leads to: a proof
 * of consistency that holds by itself, from another history than the one that was cosigned.
 */
function contradiction(
  note: string,
  latest: { size: number; root: Uint8Array },
  { oldSize, proof, checkpoint, note: offered }: AddCheckpoint,
  log: NoteKey
): Uint8Array | undefined {
  const { size, root } = checkpoint
  const pair = [note, signedOnlyBy(offered, log)!] as const
  if (size === latest.size) {
    return equalBytes(root, latest.root) ? undefined : encodeEvidence({ what: 'checkpoints', key: log, pair })
  }
  // a proof from a complete subtree leaves out what it begins with: it cannot show what else that is
  if (oldSize !== latest.size || size < latest.size || latest.size === 0 || isComplete(latest.size)) return undefined
  const roots = consistencyRoots(latest.size, size, proof)
  if (roots === undefined || !equalBytes(roots.newer, root) || equalBytes(roots.older, latest.root)) return undefined
  return encodeEvidence({ what: 'histories', key: log, pair, path: proof })
}

function chainIdOf(origin: string): Uint8Array | undefined {
  const id = new Uint8Array(Buffer.from(origin.slice('talos/'.length), 'base64url'))
  return id.length === 32 && originOf(id) === origin ? id : undefined
}

/** The chain with these parameters, if they are of this chain and it has an owner. */
function ownedChain(params: Uint8Array | undefined, chainId: Uint8Array): Chain | undefined {
  if (params === undefined) return undefined
  try {
    const chain = chainOf(decodeParams(params))
    return chain.params.admission === 'owner' && equalBytes(chain.id, chainId) ? chain : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
