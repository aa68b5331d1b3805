import { TalosError } from '../errors.ts'
import { HASH_LENGTH } from './bytes.ts'
import { base64, fromBase64, type Note, type NoteKey, parseNote, verifyNote } from './note.ts'

/** The state of a log: how many blocks, and the root over their hashes. */
export interface Checkpoint {
  origin: string
  size: number
  root: Uint8Array
}

/** Which of the witnesses are enough. */
export interface Quorum {
  /** How many signatures it takes at the least: for messages. */
  least: number
  isMet(signers: readonly NoteKey[]): boolean
}

/** Who must have signed a checkpoint: the log itself, and so many of the witnesses, or those whom a policy file asks for. */
export interface SignerPolicy {
  log?: NoteKey
  witnesses?: readonly NoteKey[]
  /** @default 0 */
  quorum?: number | Quorum
}

/** How a chain is called in checkpoints: `talos/` and its id in base64url. */
export const originOf = (chainId: Uint8Array): string => `talos/${Buffer.from(chainId).toString('base64url')}`

/** The C2SP text of a checkpoint: what log and witnesses sign. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${base64(root)}\n`
}

/** The origin that a signed checkpoint names, not verified. @throws CHAIN_NOTE_INVALID, CHAIN_CHECKPOINT_INVALID */
export const originIn = (note: string): string => parseCheckpoint(parseNote(note).text).origin

/** @throws CHAIN_CHECKPOINT_INVALID */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, sizeText, rootText] = text.split('\n')
  const size = /^(0|[1-9][0-9]{0,15})$/.test(sizeText ?? '') ? Number(sizeText) : Number.NaN
  const root = fromBase64(rootText ?? '')
  if (!origin || !Number.isSafeInteger(size) || root?.length !== HASH_LENGTH || /\n\n/.test(text)) {
    throw new TalosError('CHAIN_CHECKPOINT_INVALID', 'a checkpoint is the name of a log, a size and a root')
  }
  return { origin, size, root }
}

/**
 * Reads a signed checkpoint and checks the signatures that the policy asks for: how many witnesses signed.
 *
 * @throws CHAIN_NOTE_INVALID, CHAIN_CHECKPOINT_INVALID, CHAIN_UNTRUSTED when a signature is missing or wrong
 */
export function openCheckpoint(note: string | Note, policy: SignerPolicy): Checkpoint & { witnesses: string[] } {
  const signed = typeof note === 'string' ? parseNote(note) : note
  const checkpoint = parseCheckpoint(signed.text)
  const { log, witnesses = [], quorum = 0 } = policy
  const least = typeof quorum === 'number' ? quorum : quorum.least
  if (log === undefined && least < 1) throw untrusted('nobody is named whose signature would count')
  if (log !== undefined && verifyNote(signed, log) !== true) throw untrusted(`${log.name} did not sign this checkpoint`)
  const found = new Map<string, NoteKey>()
  for (const witness of witnesses) {
    const verdict = verifyNote(signed, witness)
    if (verdict === false) throw untrusted(`the signature of ${witness.name} is wrong`)
    // one key under two names is one witness
    if (verdict === true) found.set(base64(witness.publicKey), witness)
  }
  const signers = [...found.values()]
  if (signers.length < least)
    throw untrusted(`${signers.length} of ${least} witnesses that are needed signed this checkpoint`)
  if (typeof quorum !== 'number' && !quorum.isMet(signers))
    throw untrusted(`the ${signers.length} witnesses that signed this checkpoint are not enough for the policy`)
  return { ...checkpoint, witnesses: signers.map(({ name }) => name) }
}

function untrusted(message: string): TalosError {
  return new TalosError('CHAIN_UNTRUSTED', message, { hint: 'Check the keys, or get a newer checkpoint.' })
}
