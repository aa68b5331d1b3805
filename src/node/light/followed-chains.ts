import type { Connection } from '@libp2p/interface'
import { originOf } from '../../chain/index.ts'
import { follow, newestOf, type TwoHistories, twoHistories } from '../../chain/light/followed.ts'
import { type PolicyWitness, signersFor, type TrustPolicy } from '../../chain/policy.ts'
import { TalosError } from '../../errors.ts'
import type { SessionStore } from '../../protocols/sessions/index.ts'
import { latestCheckpoint } from '../../protocols/witness/index.ts'
import type { LightCheckpoint } from './types.ts'

/** How long a witness may take. Milliseconds. */
const TIMEOUT = 10_000

const keyOf = (origin: string): string => `light/checkpoint/${origin.slice('talos/'.length)}`

export interface FollowInit {
  store: SessionStore
  policy: TrustPolicy
  connect(witness: PolicyWitness, signal: AbortSignal): Promise<Connection>
  /** Keeps the evidence against somebody who signed two histories; where others find it. */
  convict(found: TwoHistories): Promise<string>
}

/**
 * Asks the witnesses of a policy how far they have seen somebody's chain, and keeps the newest state that enough of them signed.
 *
 * Throws LIGHT_NOT_WITNESSED when none has signatures enough, LIGHT_TWO_HISTORIES, CHAIN_UNTRUSTED when the policy is for other chains, STORAGE_*, and
 * the reason of the signal.
 */
export async function followChain(id: Uint8Array, init: FollowInit, outer: AbortSignal): Promise<LightCheckpoint> {
  const { store, policy, connect } = init
  const origin = originOf(id)
  const signers = signersFor(policy, origin)
  const signal = AbortSignal.any([outer, AbortSignal.timeout(TIMEOUT)])
  const asked = await Promise.allSettled(
    policy.witnesses.map(async witness => latestCheckpoint(await connect(witness, signal), witness.key, id, signal))
  )
  outer.throwIfAborted()
  const notes = asked.flatMap(one => (one.status === 'fulfilled' && one.value !== undefined ? [one.value.note] : []))
  const { found, known } = await store.transact(async transaction => {
    const bytes = await transaction.get(keyOf(origin))
    const kept = bytes === undefined ? [] : [new TextDecoder().decode(bytes)]
    const found = twoHistories([...kept, ...notes], origin, signers)
    if (found !== undefined) return { found }
    // what is on disk is checked by the policy of this moment, as if somebody had said it
    const before = newestOf(kept, origin, signers)
    const newest = newestOf(notes, origin, signers)
    const known = newest === undefined ? before : follow(before, newest)
    if (known !== undefined && known !== before) transaction.put(keyOf(origin), new TextEncoder().encode(known.note))
    return { known }
  })
  if (found !== undefined) throw await told(found, origin, init)
  if (known === undefined) {
    throw new TalosError('LIGHT_NOT_WITNESSED', 'too few witnesses of the policy have signed a state of this chain', {
      hint: 'Does its owner name the same witnesses? Can they be reached?'
    })
  }
  const { size, root, witnesses, note } = known
  const hex = Buffer.from(root).toString('hex')
  return { origin, size, root: hex, witnesses, total: policy.witnesses.length, answered: notes.length, note }
}

async function told(found: TwoHistories, origin: string, { convict }: FollowInit): Promise<TalosError> {
  const { size, name } = found
  const who = name === origin ? 'its owner' : `the witness ${name}`
  return new TalosError('LIGHT_TWO_HISTORIES', `two histories of ${size} blocks of ${origin} were signed by ${who}`, {
    hint: `What anybody can check ("talos proof verify --offline --file …") is in ${await convict(found)}. What was known of this chain stays as it was.`
  })
}
