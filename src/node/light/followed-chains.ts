import type { Connection } from '@libp2p/interface'
import { originOf } from '../../chain/index.ts'
import { type FollowedChain, follow, newestOf } from '../../chain/light/followed.ts'
import { type PolicyWitness, signersFor, type TrustPolicy } from '../../chain/policy.ts'
import { TalosError } from '../../errors.ts'
import type { SessionStore, Transaction } from '../../protocols/sessions/index.ts'
import { latestCheckpoint } from '../../protocols/witness/index.ts'
import type { LightCheckpoint } from './types.ts'

/** How long a witness may take. Milliseconds. */
const TIMEOUT = 10_000

const keyOf = (origin: string): string => `light/checkpoint/${origin.slice('talos/'.length)}`

export interface FollowInit {
  store: SessionStore
  policy: TrustPolicy
  connect(witness: PolicyWitness, signal: AbortSignal): Promise<Connection>
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
  const newest = newestOf(notes, origin, signers)
  const known = await store.transact(async transaction => {
    const before = await read(transaction, origin, init)
    const after = newest === undefined ? before : follow(before, newest)
    if (after !== undefined && after !== before) transaction.put(keyOf(origin), new TextEncoder().encode(after.note))
    return after
  })
  if (known === undefined) {
    throw new TalosError('LIGHT_NOT_WITNESSED', 'too few witnesses of the policy have signed a state of this chain', {
      hint: 'Does its owner name the same witnesses? Can they be reached?'
    })
  }
  const { size, root, witnesses, note } = known
  const hex = Buffer.from(root).toString('hex')
  return { origin, size, root: hex, witnesses, total: policy.witnesses.length, answered: notes.length, note }
}

/** What is on disk is checked by the policy of this moment, as if somebody had said it. */
async function read(
  transaction: Transaction,
  origin: string,
  { policy }: FollowInit
): Promise<FollowedChain | undefined> {
  const bytes = await transaction.get(keyOf(origin))
  return bytes && newestOf([new TextDecoder().decode(bytes)], origin, signersFor(policy, origin))
}
