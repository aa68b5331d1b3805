import { didKeyOf, hexOf, peerIdOf, publicKeyOf } from '../crypto/peer-key.ts'
import { TalosError } from '../errors.ts'
import { nearestFirst } from './nearest.ts'
import { nameKey } from './peer-name.ts'

/** A peer that a reference may mean. */
export interface PeerCandidate {
  peerId: string
  name?: string
  addresses?: readonly string[]
  /** `petname`: of the local address book. `registered`: a name that a registry server holds for it. `known`: met before, without a name. */
  source: 'petname' | 'registered' | 'known'
}

export interface ResolvedPeer {
  peerId: string
  publicKey: Uint8Array
  /** The petname, else the registered name, if it has one. */
  name?: string
  /** All that the candidates say, those of the address book first. */
  addresses: string[]
}

/** All PeerIds of Ed25519 keys begin with `12D3KooW`, so shorter prefixes would only ever be guesses. */
const MIN_PREFIX = 4
const MAX_LISTED = 10

/**
 * The peer that `reference` means: a PeerId, a 64-digit hex key or a did:key (with or without a candidate for it); else a
 * petname; else a registered name; else an unambiguous prefix, of 4 characters or more, of any of these. Names are
 * compared without regard to case. Throws PEER_UNKNOWN or PEER_AMBIGUOUS, with up to 10 candidates in the hint.
 */
export function resolvePeer(reference: string, candidates: readonly PeerCandidate[]): ResolvedPeer {
  const publicKey = publicKeyOf(reference)
  if (publicKey !== undefined) return resolved(peerIdOf(publicKey), candidates)

  const key = nameKey(reference)
  const named = candidates.filter(({ name }) => name !== undefined && nameKey(name) === key)
  const petnamed = named.filter(({ source }) => source === 'petname')
  const byName = petnamed.length > 0 ? petnamed : named
  const matches =
    byName.length > 0 || reference.length < MIN_PREFIX
      ? byName
      : candidates.filter(
          candidate =>
            spellings(candidate).some(spelling => spelling.startsWith(reference)) || nameStarts(candidate, key)
        )

  const peerIds = [...new Set(matches.map(({ peerId }) => peerId))]
  if (peerIds.length === 1) return resolved(peerIds[0]!, candidates)
  if (peerIds.length === 0) throw peerUnknown(reference, candidates)
  throw new TalosError('PEER_AMBIGUOUS', `${JSON.stringify(reference)} can mean ${peerIds.length} peers`, {
    hint: `Write more of it. ${listed(matches)}`
  })
}

/** The error for a reference that means nobody, with the candidates whose names are nearest. */
export function peerUnknown(reference: string, candidates: readonly PeerCandidate[]): TalosError {
  const nearest = nearestFirst(reference, candidates, ({ name, peerId }) => name ?? peerId)
  const known = nearest.length === 0 ? '`talos peers add <name> <peer>` names one.' : listed(nearest)
  return new TalosError('PEER_UNKNOWN', `no peer is known as ${JSON.stringify(reference)}`, { hint: known })
}

function spellings({ peerId }: PeerCandidate): string[] {
  const key = publicKeyOf(peerId)
  return key === undefined ? [peerId] : [peerId, hexOf(key), didKeyOf(key)]
}

function nameStarts({ name }: PeerCandidate, key: string): boolean {
  return name !== undefined && nameKey(name).startsWith(key)
}

function resolved(peerId: string, candidates: readonly PeerCandidate[]): ResolvedPeer {
  const publicKey = publicKeyOf(peerId)
  if (publicKey === undefined) throw new TalosError('PEER_INVALID', `${JSON.stringify(peerId)} is not a PeerId`)
  const order = ['petname', 'registered', 'known']
  const same = candidates
    .filter(candidate => candidate.peerId === peerId)
    .sort((a, b) => order.indexOf(a.source) - order.indexOf(b.source))
  const name = same.find(candidate => candidate.name !== undefined)?.name
  const addresses = [...new Set(same.flatMap(candidate => candidate.addresses ?? []))]
  return { peerId, publicKey, ...(name === undefined ? {} : { name }), addresses }
}

function listed(candidates: readonly PeerCandidate[]): string {
  const lines = candidates
    .slice(0, MAX_LISTED)
    .map(({ name, peerId }) => (name === undefined ? peerId : `${name} (${peerId})`))
  const more = candidates.length - lines.length
  return `Known: ${lines.join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}
