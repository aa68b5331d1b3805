import { toHex } from '../../chain/bytes.ts'
import { type Checkpoint, openCheckpoint, parseCheckpoint } from '../../chain/checkpoint.ts'
import { formatNoteKey, type NoteKey, parseNote, verifyNote } from '../../chain/note.ts'
import type { TrustPolicy } from '../../chain/policy.ts'
import { isTalosError } from '../../errors.ts'
import type { WitnessMemory } from './memory.ts'
import type { WitnessReport } from './types.ts'

export const idOf = ({ publicKey }: NoteKey): string => toHex(publicKey)

/** A checkpoint that the owner and enough witnesses signed; undefined for any other. */
export function openEnough(
  log: NoteKey,
  policy: TrustPolicy,
  note: string | undefined
): (Checkpoint & { witnesses: string[] }) | undefined {
  if (note === undefined || policy.least < 1) return undefined
  const { isMet, least } = policy
  const witnesses = policy.witnesses.map(({ key }) => key)
  try {
    return openCheckpoint(note, { log, witnesses, quorum: { isMet, least } })
  } catch (error) {
    if (isTalosError(error, 'CHAIN_UNTRUSTED')) return undefined
    throw error
  }
}

/** What `report` makes of the policy; without one where it cannot be read, with what is wrong with it. */
export async function reportUnlessWrong(
  read: () => Promise<TrustPolicy | undefined>,
  report: (policy: TrustPolicy | undefined) => Promise<WitnessReport>
): Promise<WitnessReport> {
  let policy: TrustPolicy | undefined
  try {
    policy = await read()
  } catch (error) {
    if (!isTalosError(error)) throw error
    return { ...(await report(undefined)), trouble: { code: error.code, message: error.message } }
  }
  return report(policy)
}

/** What is known of a chain with this key and so many blocks. */
export function reportOf(
  log: NoteKey,
  blocks: number,
  policy: TrustPolicy | undefined,
  memory: WitnessMemory
): WitnessReport {
  const base = { blocks, total: policy?.witnesses.length ?? 0, needed: policy?.least ?? 0 }
  const witnesses = (policy?.witnesses ?? []).map(({ name, key }) => {
    const { size = 0, time = 0, trouble } = memory.witnesses[idOf(key)] ?? {}
    return {
      name,
      key: formatNoteKey(key),
      size,
      ...(time === 0 ? {} : { at: time * 1000 }),
      ...(trouble === undefined ? {} : { trouble })
    }
  })
  const enough = policy && openEnough(log, policy, memory.enough)
  if (enough !== undefined) {
    return { ...base, state: 'witnessed', signed: enough.witnesses.length, size: enough.size, witnesses }
  }
  const note = memory.latest === undefined ? undefined : parseNote(memory.latest)
  const signed = (policy?.witnesses ?? []).filter(({ key }) => note && verifyNote(note, key) === true).length
  const size = note === undefined ? 0 : parseCheckpoint(note.text).size
  return { ...base, state: 'probabilistic', signed, size, witnesses }
}
