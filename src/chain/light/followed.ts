import { isTalosError, TalosError } from '../../errors.ts'
import { equalBytes } from '../bytes.ts'
import { openCheckpoint, parseCheckpoint, type SignerPolicy } from '../checkpoint.ts'
import { formatNote, type Note, parseNote } from '../note.ts'

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
 */
export function newestOf(notes: readonly string[], origin: string, policy: SignerPolicy): FollowedChain | undefined {
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
  const found = [...states.values()].flatMap(note => opened(note, policy) ?? [])
  return found.sort((a, b) => b.size - a.size)[0]
}

/**
 * What is known after somebody showed `next`: never less than before.
 *
 * @throws LIGHT_TWO_HISTORIES when enough witnesses signed two states of one size
 */
export function follow(known: FollowedChain | undefined, next: FollowedChain): FollowedChain {
  if (known === undefined || next.size > known.size) return next
  if (next.size < known.size) return known
  if (equalBytes(next.root, known.root)) return next.witnesses.length >= known.witnesses.length ? next : known
  throw new TalosError(
    'LIGHT_TWO_HISTORIES',
    `two histories of ${next.size} blocks of ${next.origin} were signed by witnesses`,
    {
      hint: `Whoever signed both lies: ${next.witnesses.filter(name => known.witnesses.includes(name)).join(', ')}.`
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
