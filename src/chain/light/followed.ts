import { isTalosError, TalosError } from '../../errors.ts'
import { equalBytes } from '../bytes.ts'
import { type Checkpoint, openCheckpoint, parseCheckpoint, type SignerPolicy } from '../checkpoint.ts'
import { encodeEvidence } from '../evidence.ts'
import { formatNote, type Note, type NoteKey, parseNote, verifyNote } from '../note.ts'

/** A chain that is followed by its checkpoints: one note, however long the chain is. */
export interface FollowedChain {
  /** `talos/` and the chain's id in base64url. */
  origin: string
  /** Blocks. */
  size: number
  root: Uint8Array
  /** With the signatures that were gathered. */
  note: string
  /** Names of the witnesses that signed it. */
  witnesses: string[]
}

/**
 * The newest state of a chain that enough witnesses signed, from what each of them says: a note with its own signature. Undefined when no
 * state has signatures enough. What cannot be read counts for nothing.
 *
 * @throws LIGHT_TWO_HISTORIES as follow()
 */
export function newestOf(notes: readonly string[], origin: string, policy: SignerPolicy): FollowedChain | undefined {
  return statesOf(notes, origin, policy)
    .sort((a, b) => a.size - b.size)
    .reduce<FollowedChain | undefined>(follow, undefined)
}

/** Somebody signed two states of one size. */
export interface TwoHistories {
  size: number
  /** Whose key that is: the chain's own, or a witness. */
  name: string
  evidence: Uint8Array
}

/**
 * Who signed two states of one size, by these notes. Where the policy names the chain's own key, it is that one: its word twice is enough,
 * however few witnesses saw either. Where it does not, a witness that signed two states that both have signatures enough.
 */
export function twoHistories(notes: readonly string[], origin: string, policy: SignerPolicy): TwoHistories | undefined {
  const { log, witnesses = [] } = policy
  const candidates =
    log === undefined
      ? statesOf(notes, origin, policy).map(({ note }) => parseNote(note))
      : notes.flatMap(note => readNote(note, origin) ?? [])
  for (const key of log === undefined ? witnesses : [log]) {
    const signed = candidates
      .filter(note => verifyNote(note, key) === true)
      .map(note => ({ note, ...parseCheckpoint(note.text) }))
    const bySize = new Map<number, Checkpoint & { note: Note }>()
    for (const state of signed) {
      const other = bySize.get(state.size)
      if (other !== undefined && !equalBytes(other.root, state.root)) return evidenceOf(key, other, state)
      bySize.set(state.size, state)
    }
  }
  return undefined
}

function evidenceOf(key: NoteKey, one: Checkpoint & { note: Note }, other: { note: Note }): TwoHistories {
  const pair = [formatNote(one.note), formatNote(other.note)] as const
  return { size: one.size, name: key.name, evidence: encodeEvidence({ what: 'checkpoints', key, pair }) }
}

/** The states that enough witnesses signed, in no order. */
function statesOf(notes: readonly string[], origin: string, policy: SignerPolicy): FollowedChain[] {
  const states = new Map<string, Note>()
  for (const note of notes) {
    const read = readNote(note, origin)
    if (read === undefined) continue
    const before = states.get(read.text)?.signatures ?? []
    const fresh = read.signatures.filter(
      one => !before.some(two => two.name === one.name && equalBytes(two.signature, one.signature))
    )
    states.set(read.text, { text: read.text, signatures: [...before, ...fresh] })
  }
  return [...states.values()].flatMap(note => opened(note, policy) ?? [])
}

/**
 * What is known after somebody showed `next`, of which twoHistories() found nothing: never less than before.
 *
 * @throws LIGHT_TWO_HISTORIES when enough witnesses signed each of two states of one size
 */
export function follow(known: FollowedChain | undefined, next: FollowedChain): FollowedChain {
  if (known === undefined || next.size > known.size) return next
  if (next.size < known.size) return known
  if (equalBytes(next.root, known.root)) return next.witnesses.length >= known.witnesses.length ? next : known
  throw new TalosError(
    'LIGHT_TWO_HISTORIES',
    `two histories of ${next.size} blocks of ${next.origin} were signed by witnesses, none of whom signed both`,
    {
      hint: 'One group of them lies. A line "log" with the key of its owner in the policy would tell whether the owner does.'
    }
  )
}

function readNote(text: string, origin: string): Note | undefined {
  try {
    const note = parseNote(text)
    return parseCheckpoint(note.text).origin === origin ? note : undefined
  } catch (error) {
    if (isTalosError(error)) return undefined
    throw error
  }
}

function opened(note: Note, policy: SignerPolicy): FollowedChain | undefined {
  try {
    const { origin, size, root, witnesses } = openCheckpoint(note, policy)
    return { origin, size, root, note: formatNote(note), witnesses }
  } catch (error) {
    if (isTalosError(error, 'CHAIN_UNTRUSTED')) return undefined
    throw error
  }
}
