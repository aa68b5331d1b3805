import type { Connection } from '@libp2p/interface'
import { equalBytes } from '../../chain/bytes.ts'
import { verifyEvidence } from '../../chain/evidence.ts'
import { type LocalChain, originOf, proveConsistency } from '../../chain/index.ts'
import { historyRootAt } from '../../chain/local/history-nodes.ts'
import { NOTE_KEY, type NoteKey, type NoteSignature, parseNote, verifyNote } from '../../chain/note.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { addCheckpoint, latestCheckpoint, WitnessEvidenceError } from '../../protocols/witness/client.ts'

/** How often a witness may name another size before it is left for now. */
const MAX_TRIES = 3

export interface Asked {
  chain: LocalChain
  /** The checkpoint to cosign: a note with the owner's signature, and its size. */
  note: string
  size: number
  key: NoteKey
  /** Blocks of the checkpoint that this witness cosigned last, as far as is known here; 0 for none. */
  known: number
  connection: Connection
  signal: AbortSignal
}

/** The key of a chain's owner, as checkpoints name it. */
export const logKeyOf = ({ chain, owner }: LocalChain): NoteKey => ({
  name: originOf(chain.id),
  type: NOTE_KEY.ed25519,
  publicKey: owner.publicKey
})

/**
 * The cosignature of a witness. What a witness says is followed no further than our own chain and memory bear it out.
 *
 * Throws WITNESS_FAULT when it misbehaves, WITNESS_AHEAD and WITNESS_FORKED when our own key has signed what this chain does not have, and
 * as addCheckpoint().
 */
export async function askWitness(asked: Asked): Promise<NoteSignature> {
  const { chain, note, size, key, known, connection, signal } = asked
  let from = known
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const proof = await proveConsistency(chain, from, size)
    const params = known === 0 ? { params: chain.chain.encodedParams } : {}
    const outcome = await addCheckpoint(connection, key, { note, oldSize: from, proof, ...params }, signal).catch(
      error => explain(asked, error as Error)
    )
    if (outcome.state === 'cosigned') return outcome.signature
    if (outcome.size < known) throw fault(`it remembers ${outcome.size} blocks, and has signed ${known}`)
    if (outcome.size > size || outcome.size === from) throw await contradiction(asked)
    // an answer of it was lost: it is proved from there that nothing of what it signed has changed
    from = outcome.size
  }
  throw new TalosError('WITNESS_BUSY', 'the witness names another size each time', {
    hint: 'It is asked again at the next interval.'
  })
}

/** What a witness holds of our chain is a state of it; what it says otherwise is thrown. Undefined when it holds nothing. */
export async function checkWitness(asked: Omit<Asked, 'note'>): Promise<number | undefined> {
  const { chain, key, known, connection, signal } = asked
  const latest = await latestCheckpoint(connection, key, chain.chain.id, signal).catch(error =>
    explain(asked, error as Error)
  )
  if (latest === undefined) {
    if (known > 0) throw fault(`it remembers nothing, and has signed ${known} blocks`)
    return undefined
  }
  const { size, origin } = latest.checkpoint
  if (origin !== originOf(chain.chain.id)) throw fault('it answers with another chain')
  if (size < known) throw fault(`it remembers ${size} blocks, and has signed ${known}`)
  const problem = await compare(asked, latest)
  if (problem !== undefined) throw problem
  return size
}

/** Why a witness does not accept what continues, as far as we know, the state that it says it has. */
async function contradiction(asked: Omit<Asked, 'note'>): Promise<TalosError> {
  const latest = await latestCheckpoint(asked.connection, asked.key, asked.chain.chain.id, asked.signal)
  return (
    (latest && (await compare(asked, latest))) ??
    fault('it does not accept what continues the state that it says it has')
  )
}

async function compare(
  { chain, size: ours }: Pick<Asked, 'chain' | 'size'>,
  { note, checkpoint }: { note: string; checkpoint: { size: number; root: Uint8Array } }
): Promise<TalosError | undefined> {
  const { size, root } = checkpoint
  if (size <= ours && equalBytes(root, await chain.store.transact(reader => historyRootAt(reader, size))))
    return undefined
  if (verifyNote(parseNote(note), logKeyOf(chain)) !== true) {
    return fault(`it signed a state of ${size} blocks that this agent never signed`)
  }
  if (size > ours) {
    return new TalosError('WITNESS_AHEAD', `the witness has seen ${size} blocks of this chain, which has ${ours}`, {
      hint: 'The data directory was put back to an earlier state, or copied: its chain cannot be witnessed any more.'
    })
  }
  return new TalosError(
    'WITNESS_FORKED',
    `the witness has seen another history of ${size} blocks, signed with this agent’s key`,
    {
      hint: 'The data directory was copied, or the key is in other hands.'
    }
  )
}

/** A refusal for want of consistency is looked into; evidence is verified before it is believed. */
async function explain(asked: Omit<Asked, 'note'>, error: Error): Promise<never> {
  if (error instanceof WitnessEvidenceError) {
    if (!isAgainst(asked.chain, error.evidence)) throw fault('what it holds against this agent is no evidence')
    throw error
  }
  if (isTalosError(error, 'WITNESS_INCONSISTENT')) throw await contradiction(asked)
  throw error
}

function isAgainst(chain: LocalChain, evidence: Uint8Array): boolean {
  try {
    const { culprit, origin } = verifyEvidence(evidence)
    return equalBytes(culprit, chain.owner.publicKey) && origin === originOf(chain.chain.id)
  } catch (error) {
    if (isTalosError(error, 'CHAIN_EVIDENCE_INVALID')) return false
    throw error
  }
}

function fault(why: string): TalosError {
  return new TalosError('WITNESS_FAULT', `the witness misbehaves: ${why}`, {
    hint: 'Its signatures are worth nothing until its operator has explained that. Name another one in the policy.'
  })
}
