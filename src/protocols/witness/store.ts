import { concatBytes, readUint64, toHex, viewOf, writeUint64 } from '../../chain/bytes.ts'
import { TalosError } from '../../errors.ts'
import type { SessionStore, Transaction } from '../sessions/index.ts'

const CHAINS = 'witness/c/'
const OWNERS = 'witness/o/'
/** Chains that there is evidence of. */
const CONVICTED = 'witness/e/'
const KEY = 'witness/key'
const SEED_LENGTH = 32
const VERSION = 1
/** Version, time, and three lengths. */
const HEAD_LENGTH = 21

/** What a witness remembers of a chain. */
export interface WitnessedChain {
  /** The chain's parameters, encoded: they name its owner. */
  params: Uint8Array
  /** The checkpoint that was cosigned last, a note with the owner's signature alone. */
  note: string
  /** When it was cosigned, in seconds since 1970: with it the cosignature can be made again. */
  time: number
  /** That the owner signed two histories; empty when it did not. Nothing of the chain is cosigned any more. */
  evidence: Uint8Array
}

/** What becomes of a request: what is to be remembered from now on, if anything changes, and what is answered. */
interface Change<T> {
  chain?: WitnessedChain
  result: T
}

/**
 * What a witness has cosigned, in the database of its node, and the key that it does so with. They are together so that neither is ever
 * without the other: a key whose memory is gone would sign a second history of a chain that it knew.
 */
export class WitnessStore {
  readonly #store: SessionStore
  /** 32 bytes, for Ed25519. */
  readonly seed: Uint8Array
  #size: number

  private constructor(store: SessionStore, seed: Uint8Array, size: number) {
    this.#store = store
    this.seed = seed
    this.#size = size
  }

  /** Opens what is there, or makes a key. Throws STORAGE_*. */
  static async open(store: SessionStore, randomBytes: (length: number) => Uint8Array): Promise<WitnessStore> {
    const [seed, size] = await store.transact(async transaction => {
      const kept = await transaction.get(KEY)
      const seed = kept ?? randomBytes(SEED_LENGTH)
      if (kept === undefined) transaction.put(KEY, seed.slice())
      return [seed, (await transaction.keys(CHAINS)).length] as const
    })
    return new WitnessStore(store, seed, size)
  }

  /** Chains that something is remembered of. */
  get size(): number {
    return this.#size
  }

  /** The evidence of some of the chains that have any. */
  someEvidence(most: number): Promise<Uint8Array[]> {
    return this.#store.transact(async transaction => {
      const keys = await transaction.keys(CONVICTED)
      const from = Math.floor(Math.random() * Math.max(1, keys.length - most + 1))
      const ids = keys.slice(from, from + most).map(key => key.slice(CONVICTED.length))
      const chains = await Promise.all(ids.map(id => transaction.get(CHAINS + id)))
      return chains.flatMap(bytes => (bytes === undefined ? [] : [decode(bytes).evidence]))
    })
  }

  get(chainId: Uint8Array): Promise<WitnessedChain | undefined> {
    return this.#store.transact(transaction => read(transaction, chainId))
  }

  /**
   * Looks and changes as one step: no other change of any chain comes between, and what changed is on disk when this resolves.
   * `change` is given what is remembered of the chain, and of how many chains of this owner something is, when of this one nothing is.
   */
  async change<T>(
    chainId: Uint8Array,
    owner: Uint8Array,
    change: (known: WitnessedChain | undefined, chainsOfOwner: number) => Change<T>
  ): Promise<T> {
    const [result, isNew] = await this.#store.transact(async transaction => {
      const known = await read(transaction, chainId)
      const ofOwner = `${OWNERS}${toHex(owner)}/`
      const { chain, result } = change(known, known === undefined ? (await transaction.keys(ofOwner)).length : 0)
      if (chain === undefined) return [result, false]
      transaction.put(CHAINS + toHex(chainId), encode(chain))
      if (chain.evidence.length > 0) transaction.put(CONVICTED + toHex(chainId), new Uint8Array())
      if (known === undefined) transaction.put(ofOwner + toHex(chainId), new Uint8Array())
      return [result, known === undefined]
    })
    if (isNew) this.#size++
    return result
  }
}

async function read(transaction: Transaction, chainId: Uint8Array): Promise<WitnessedChain | undefined> {
  const bytes = await transaction.get(CHAINS + toHex(chainId))
  return bytes && decode(bytes)
}

function encode({ params, note, time, evidence }: WitnessedChain): Uint8Array {
  const text = new TextEncoder().encode(note)
  const head = new Uint8Array(HEAD_LENGTH)
  const view = viewOf(head)
  view.setUint8(0, VERSION)
  writeUint64(view, 1, time)
  for (const [i, { length }] of [params, text, evidence].entries()) view.setUint32(9 + 4 * i, length)
  return concatBytes(head, params, text, evidence)
}

function decode(bytes: Uint8Array): WitnessedChain {
  if (bytes[0] !== VERSION) throw new TalosError('STORAGE_CORRUPT', 'what a witness remembers is of another version')
  const view = viewOf(bytes)
  const paramsEnd = HEAD_LENGTH + view.getUint32(9)
  const noteEnd = paramsEnd + view.getUint32(13)
  return {
    time: readUint64(view, 1),
    params: bytes.slice(HEAD_LENGTH, paramsEnd),
    note: new TextDecoder().decode(bytes.subarray(paramsEnd, noteEnd)),
    evidence: bytes.slice(noteEnd, noteEnd + view.getUint32(17))
  }
}
