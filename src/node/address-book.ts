import { join } from 'node:path'
import * as z from 'zod/mini'
import { peerIdOf, publicKeyOf } from '../crypto/peer-key.ts'
import { TalosError } from '../errors.ts'
import { checkDataDir, prepareDataDir, resolveDataDir } from './data-dir.ts'
import { JsonStore } from './json-store.ts'
import { peerAddresses } from './peer-address.ts'
import { nameKey, nameProblem } from './peer-name.ts'
import { peerUnknown } from './peer-ref.ts'

/** More would not help a dialer, and would let one peer fill the file. */
const MAX_ADDRESSES = 16

/** A peer that this user has named. */
export interface KnownPeer {
  /** Unique in the book without regard to case. */
  name: string
  peerId: string
  /** Multiaddrs; empty when it is to be found through the registry. */
  addresses: string[]
}

const SCHEMA = z.strictObject({
  version: z.literal(1),
  peers: z.array(
    z.strictObject({
      name: z.string().check(z.refine(name => nameProblem(name) === undefined, 'not a name for a peer')),
      peerId: z.string().check(z.refine(isPeerId, 'not a PeerId')),
      addresses: z.array(z.string()).check(z.maxLength(MAX_ADDRESSES))
    })
  )
})

/** The peers of the address book, by name. Throws STORAGE_CORRUPT, STORAGE_READ_FAILED, STORAGE_DIR_UNSAFE. */
export async function listPeers(options: { dataDir?: string } = {}): Promise<KnownPeer[]> {
  const dataDir = resolveDataDir(options.dataDir)
  if (!(await checkDataDir(dataDir))) return []
  return (await store(dataDir).read()).peers
}

/**
 * Names a peer, or gives a named one other addresses. Throws PEER_NAME_INVALID, PEER_NAME_TAKEN when the name is another
 * peer's, PEER_INVALID, PEER_ADDRESS_INVALID, STORAGE_*.
 */
export async function addPeer(peer: {
  dataDir?: string
  name: string
  /** PeerId, did:key or hex. */
  peer: string
  addresses?: readonly string[]
}): Promise<KnownPeer> {
  const name = peer.name.normalize('NFC')
  const problem = nameProblem(name)
  if (problem !== undefined) throw new TalosError('PEER_NAME_INVALID', `the name ${problem}`)
  const publicKey = publicKeyOf(peer.peer)
  if (publicKey === undefined) {
    throw new TalosError('PEER_INVALID', `${JSON.stringify(peer.peer)} is not a PeerId, a did:key or a hex key`, {
      hint: '`talos init` and `talos wallet show` print all three for an agent.'
    })
  }
  const addresses = await peerAddresses(publicKey, peer.addresses ?? [])
  if (addresses.length > MAX_ADDRESSES) {
    throw new TalosError(
      'PEER_ADDRESS_INVALID',
      `${addresses.length} addresses are too many; ${MAX_ADDRESSES} are kept`
    )
  }
  const added: KnownPeer = { name, peerId: peerIdOf(publicKey), addresses }
  const dataDir = resolveDataDir(peer.dataDir)
  await prepareDataDir(dataDir)
  await store(dataDir).update(({ version, peers }) => {
    const holder = peers.find(known => nameKey(known.name) === nameKey(name))
    if (holder !== undefined && holder.peerId !== added.peerId) {
      throw new TalosError('PEER_NAME_TAKEN', `${holder.name} is the name of ${holder.peerId} already`, {
        hint: `Choose another name, or first \`talos peers remove ${holder.name}\`.`
      })
    }
    const others = peers.filter(known => known !== holder)
    return { version, peers: [...others, added].sort((a, b) => (nameKey(a.name) < nameKey(b.name) ? -1 : 1)) }
  })
  return added
}

/** Forgets a named peer and returns what was known of it. Throws PEER_UNKNOWN, STORAGE_*. */
export async function removePeer(peer: { dataDir?: string; name: string }): Promise<KnownPeer> {
  const dataDir = resolveDataDir(peer.dataDir)
  const unknown = (peers: KnownPeer[]) =>
    peerUnknown(
      peer.name,
      peers.map(known => ({ ...known, source: 'petname' }))
    )
  if (!(await checkDataDir(dataDir))) throw unknown([])
  let removed: KnownPeer | undefined
  await store(dataDir).update(({ version, peers }) => {
    removed = peers.find(known => nameKey(known.name) === nameKey(peer.name))
    if (removed === undefined) throw unknown(peers)
    return { version, peers: peers.filter(known => known !== removed) }
  })
  return removed!
}

const store = (dataDir: string) => new JsonStore(join(dataDir, 'peers.json'), SCHEMA, { version: 1, peers: [] })

function isPeerId(text: string): boolean {
  const key = publicKeyOf(text)
  return key !== undefined && peerIdOf(key) === text
}
