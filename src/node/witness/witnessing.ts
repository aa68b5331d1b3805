import type { Connection } from '@libp2p/interface'
import { viewOf } from '../../chain/bytes.ts'
import { parseCheckpoint } from '../../chain/checkpoint.ts'
import { type LocalChain, signCheckpoint } from '../../chain/index.ts'
import { formatNote, type NoteKey, type NoteSignature, parseNote, verifyNote } from '../../chain/note.ts'
import type { PolicyWitness, TrustPolicy } from '../../chain/policy.ts'
import { isTalosError } from '../../errors.ts'
import type { SessionStore } from '../../protocols/sessions/index.ts'
import { witnessEntry } from './anchor-entry.ts'
import { askWitness, checkWitness, logKeyOf } from './ask-witness.ts'
import { changeMemory, type KnownWitness, readMemory, type WitnessTrouble } from './memory.ts'
import { idOf, openEnough, reportOf, reportUnlessWrong } from './report.ts'
import type { WitnessReport } from './types.ts'

/** The first time, after the start. Milliseconds. */
const FIRST_DELAY = 2_000
/** One round takes no longer. Milliseconds. */
const ROUND_TIMEOUT = 20_000
/** At the end of the node. Milliseconds. */
const LAST_TIMEOUT = 1_500

export interface WitnessingInit {
  chain: LocalChain
  store: SessionStore
  /** Undefined where none is configured: then nobody is asked. Read anew for each round. */
  policy(): Promise<TrustPolicy | undefined>
  connect(witness: PolicyWitness, signal: AbortSignal): Promise<Connection>
  /** Between two rounds, when the chain grew. Milliseconds; undefined for no rounds but those that are asked for. */
  interval?: number
  /** Called when something goes wrong with a witness that did not before. */
  onTrouble?: (witness: string, trouble: WitnessTrouble) => void
  onError?: (error: unknown) => void
}

/** Has the agent's own chain witnessed: at an interval when it grew, when it is asked to, and once more at the end. */
export class Witnessing {
  readonly #init: WitnessingInit
  readonly #stopping = new AbortController()
  /** What is being asked of each witness, by its key: one thing at a time. */
  readonly #turns = new Map<string, Promise<unknown>>()
  #timer: NodeJS.Timeout | undefined

  constructor(init: WitnessingInit) {
    this.#init = init
  }

  start(): void {
    if (this.#init.interval !== undefined) this.#schedule(Math.min(FIRST_DELAY, this.#init.interval))
  }

  /** What is new is shown to the witnesses if that is quick. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    const isOver = AbortSignal.timeout(LAST_TIMEOUT)
    isOver.addEventListener('abort', () => this.#stopping.abort(isOver.reason))
    if (this.#init.interval !== undefined) await this.#roundUnlessDone(true).catch(() => {})
    this.#stopping.abort()
    await Promise.allSettled(this.#turns.values())
  }

  /** Asks all witnesses of the policy for signatures on the chain as it is. Throws CHAIN_POLICY_INVALID, STORAGE_*, and the reason of the signal. */
  async submit(signal: AbortSignal): Promise<WitnessReport> {
    await this.#submit(AbortSignal.any([signal, this.#stopping.signal]), true)
    return this.report()
  }

  /** As report(), after all witnesses were asked what they remember. Throws as submit(). */
  async check(signal: AbortSignal): Promise<WitnessReport> {
    await this.#check(AbortSignal.any([signal, this.#stopping.signal]))
    return this.report()
  }

  /** The policy of this moment. Throws CHAIN_POLICY_INVALID, WITNESS_POLICY_MISSING. */
  policy(): Promise<TrustPolicy | undefined> {
    return this.#init.policy()
  }

  /**
   * Records in the chain itself what the witnesses have signed of it, so that it is checked with the chain (PARANOID). False when they have not signed
   * enough, or that is recorded already. Throws CHAIN_POLICY_INVALID, STORAGE_*.
   */
  async anchor(): Promise<boolean> {
    const { chain, store } = this.#init
    const policy = await this.#init.policy()
    const newest = await this.newest()
    if (policy === undefined || newest === undefined) return false
    const entry = witnessEntry(newest.note, policy)
    const { isNew } = await store.transact(transaction => chain.append(transaction, entry))
    return isNew
  }

  /** What is known, by the policy of this moment. Throws CHAIN_POLICY_INVALID, STORAGE_*. */
  async report(): Promise<WitnessReport> {
    return this.#report(await this.#init.policy())
  }

  /** As report(); what is wrong with the policy is in it. */
  status(): Promise<WitnessReport> {
    return reportUnlessWrong(this.#init.policy, policy => this.#report(policy))
  }

  /** The newest checkpoint with signatures enough for the policy: what proofs are to carry. Undefined while there is none. */
  async newest(): Promise<{ note: string; size: number } | undefined> {
    const policy = await this.#init.policy()
    const { enough } = await readMemory(this.#init.store)
    const opened = policy && openEnough(logKeyOf(this.#init.chain), policy, enough)
    return opened && { note: enough!, size: opened.size }
  }

  async #report(policy: TrustPolicy | undefined): Promise<WitnessReport> {
    const { chain, store } = this.#init
    return reportOf(logKeyOf(chain), chain.tip.height + 1, policy, await readMemory(store))
  }

  #schedule(delay: number): void {
    this.#timer = setTimeout(() => {
      // not after the round: a witness that does not answer holds up no other
      this.#schedule(this.#init.interval!)
      this.#roundUnlessDone(false).catch(error => {
        if (!this.#stopping.signal.aborted) this.#init.onError?.(error)
      })
    }, delay).unref()
  }

  async #roundUnlessDone(isLast: boolean): Promise<void> {
    const { chain } = this.#init
    // what has no block yet gets one for the last round; else the next one is soon enough
    if (isLast) await chain.sealAll()
    const newest = await this.newest()
    if (newest !== undefined && newest.size === chain.tip.height + 1) return
    await this.#submit(AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ROUND_TIMEOUT)]), isLast)
  }

  /** With `all` those too that are being asked something: they are asked after that. */
  async #submit(signal: AbortSignal, all: boolean): Promise<void> {
    const { chain } = this.#init
    const policy = await this.#init.policy()
    if (policy === undefined || policy.witnesses.length === 0) return
    await chain.sealAll()
    const size = chain.tip.height + 1
    const memory = await readMemory(this.#init.store)
    const isSame = memory.latest !== undefined && parseCheckpoint(parseNote(memory.latest).text).size === size
    const note = isSame ? memory.latest! : await signCheckpoint(chain, size)
    const asked = all ? policy.witnesses : policy.witnesses.filter(({ key }) => !this.#turns.has(idOf(key)))
    await this.#eachOf(asked, signal, async (witness, known, connection) => {
      if (isSame && verifyNote(parseNote(note), witness.key) === true) return
      const signature = await askWitness({ chain, note, size, key: witness.key, known, connection, signal })
      await this.#remember(policy, witness.key, note, size, signature)
    })
  }

  async #check(signal: AbortSignal): Promise<void> {
    const { chain } = this.#init
    const policy = await this.#init.policy()
    if (policy === undefined) return
    const size = chain.tip.height + 1
    await this.#eachOf(policy.witnesses, signal, (witness, known, connection) =>
      checkWitness({ chain, size, key: witness.key, known, connection, signal })
    )
  }

  /** One that fails is remembered with its trouble, and holds up no other. */
  async #eachOf(
    witnesses: readonly PolicyWitness[],
    signal: AbortSignal,
    work: (witness: PolicyWitness, known: number, connection: Connection) => Promise<unknown>
  ): Promise<void> {
    const all = witnesses.map(async witness => {
      const id = idOf(witness.key)
      const turn = (this.#turns.get(id) ?? Promise.resolve()).then(() => this.#one(witness, signal, work))
      const settled = turn.catch(() => {})
      this.#turns.set(id, settled)
      try {
        await turn
      } finally {
        if (this.#turns.get(id) === settled) this.#turns.delete(id)
      }
    })
    await Promise.all(all)
  }

  async #one(
    witness: PolicyWitness,
    signal: AbortSignal,
    work: (witness: PolicyWitness, known: number, connection: Connection) => Promise<unknown>
  ): Promise<void> {
    const before = (await readMemory(this.#init.store)).witnesses[idOf(witness.key)]
    try {
      await work(witness, before?.size ?? 0, await this.#init.connect(witness, signal))
      if (before?.trouble !== undefined) await this.#setTrouble(witness.key, undefined)
    } catch (error) {
      this.#stopping.signal.throwIfAborted()
      const trouble = {
        code: isTalosError(error) ? error.code : 'INTERNAL',
        message: signal.aborted ? 'it did not answer in time' : (error as Error).message
      }
      if (trouble.code !== before?.trouble?.code) this.#init.onTrouble?.(witness.name, trouble)
      await this.#setTrouble(witness.key, trouble)
    }
  }

  async #remember(
    policy: TrustPolicy,
    key: NoteKey,
    note: string,
    size: number,
    signature: NoteSignature
  ): Promise<void> {
    const { chain, store } = this.#init
    const { text } = parseNote(note)
    await changeMemory(store, memory => {
      const current = memory.latest === undefined ? undefined : parseNote(memory.latest)
      const { trouble: _, ...known } = memory.witnesses[idOf(key)] ?? { size: 0, time: 0 }
      const time = Number(viewOf(signature.signature).getBigUint64(0))
      const next = { ...memory, witnesses: { ...memory.witnesses, [idOf(key)]: { ...known, size, time } } }
      // an answer that comes so late that others have signed more since
      if (current !== undefined && parseCheckpoint(current.text).size > size) return next
      const base = current?.text === text ? current : parseNote(note)
      const latest = formatNote({ text, signatures: [...base.signatures, signature] })
      const isEnough = openEnough(logKeyOf(chain), policy, latest) !== undefined
      return { ...next, latest, ...(isEnough ? { enough: latest } : {}) }
    })
  }

  #setTrouble(key: NoteKey, trouble: WitnessTrouble | undefined): Promise<void> {
    return changeMemory(this.#init.store, memory => {
      const { trouble: _, ...known } = memory.witnesses[idOf(key)] ?? { size: 0, time: 0 }
      const next: KnownWitness = trouble === undefined ? known : { ...known, trouble }
      return { ...memory, witnesses: { ...memory.witnesses, [idOf(key)]: next } }
    })
  }
}
