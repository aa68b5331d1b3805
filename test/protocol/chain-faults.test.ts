// Those of the original's faults (test/unit/chain-faults.test.ts) that take a network.
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import { expect, test } from 'vitest'
import { KAD_PROTOCOL } from '../../src/node/network/create-node.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { REGISTRY_PROTOCOL, STATUS } from '../../src/protocols/registry/constants.ts'
import { Request, Response } from '../../src/protocols/registry/pb/registry.ts'
import { type Registration, signRegistration } from '../../src/protocols/registry/registration.ts'
import { type AgentNode, type Party, party, startAgent, startTestServer } from '../support/network.ts'
import { within } from '../support/nodes.ts'

const text = new TextEncoder()
const HIJACKED = multiaddr('/dns4/attacker.example/tcp/443/wss')
const KAD = { put: 0, get: 1, addProvider: 2, getProviders: 3 }

/** A field of a protobuf, of bytes. */
const field = (number: number, bytes: Uint8Array) =>
  Buffer.concat([Uint8Array.of(8 * number + 2, ...lengthOf(bytes)), bytes])
const lengthOf = ({ length }: Uint8Array) => (length < 128 ? [length] : [(length & 127) | 128, length >> 7])

/** A message of the hash table: its answer, or undefined when the stream ends without one. */
async function kad(node: AgentNode, at: PeerId, type: number, key: Uint8Array, ...fields: Buffer[]) {
  const frames = new FrameStream(await node.dialProtocol(at, KAD_PROTOCOL), { maxFrameLength: 65_536 })
  await frames.write(Buffer.concat([Uint8Array.of(8, type), field(2, key), ...fields]))
  const answer = await within(frames.read(), 'an answer').catch(() => undefined)
  frames.abort(new Error('enough'))
  return answer && Buffer.from(answer)
}

function registration(who: Party, changes: Partial<Registration> = {}): Registration {
  const now = Date.now()
  const { publicKey } = who.signer
  const times = { issuedAt: now, expiresAt: now + 3_600_000, sequence: now }
  return { name: 'victim', publicKey, addresses: [HIJACKED], mailboxes: [], ...times, ...changes }
}

test('fault 22: a look-up reaches the neighbour, and nobody can put another endpoint in its place', {
  timeout: 60_000
}, async () => {
  await using server = await startTestServer()
  const { signer } = party()
  const listen = ['/ip4/127.0.0.1/tcp/0']
  await using victim = await startAgent({ signer, role: 'agent', listen })
  const attacker = party()
  await using mallory = await startAgent({ signer: attacker.signer, role: 'agent', listen })
  await using alice = await startAgent({ role: 'agent', listen })
  const at = server.addresses.map(address => multiaddr(address))
  for (const node of [victim, mallory, alice]) await node.dial(at)
  const serverId = peerIdFromString(server.peerId)

  // the original asked nobody: here the table of the server is asked, which knows the victim by its connection alone
  const own = victim.getMultiaddrs().map(String)
  const found = async () => {
    const { multiaddrs } = await alice.peerRouting.findPeer(victim.peerId, { signal: AbortSignal.timeout(20_000) })
    return multiaddrs.map(address => `${address.toString().replace(/\/p2p\/.*/, '')}/p2p/${victim.peerId}`)
  }
  await expect.poll(found, { timeout: 20_000 }).toEqual(expect.arrayContaining(own.slice(0, 1)))

  // a registration of the victim by another: under the attacker's connection, and with the attacker's signature
  const stream = new FrameStream(await mallory.dialProtocol(serverId, REGISTRY_PROTOCOL), { maxFrameLength: 65_536 })
  const ask = async (signed: { registration: Uint8Array; signature: Uint8Array }) => {
    const { registration, signature } = signed
    const register = { registration: Uint8Array.from(registration), signature: Uint8Array.from(signature) }
    await stream.write(Request.encode({ register }))
    return Response.decode((await within(stream.read(), 'an answer'))!).status
  }
  const genuine = signRegistration(registration({ signer } as Party), signer)
  expect(await ask(genuine)).toBe(STATUS.notYours)
  expect(await ask(signRegistration(registration({ signer } as Party), attacker.signer))).toBe(STATUS.notYours)
  const mine = signRegistration(registration(attacker), attacker.signer)
  expect(await ask({ ...mine, signature: new Uint8Array(64) })).toBe(STATUS.badSignature)
  expect(await ask({ ...mine, signature: genuine.signature })).toBe(STATUS.badSignature)

  // values: only what proves itself is kept, such as a public key under its own hash
  const record = (key: Uint8Array, value: Uint8Array) => field(3, Buffer.concat([field(1, key), field(2, value)]))
  const put = async (key: Uint8Array, value: Uint8Array) => {
    const answered = await kad(mallory, serverId, KAD.put, key, record(key, value))
    const kept = await kad(mallory, serverId, KAD.get, key)
    return [answered !== undefined, kept?.includes(field(2, value)) === true]
  }
  const keyOf = (peer: PeerId) => Buffer.concat([text.encode('/pk/'), peer.toMultihash().bytes])
  const ownKey = Buffer.concat([Uint8Array.of(8, 1, 18, 32), attacker.signer.publicKey])
  expect(await put(keyOf(mallory.peerId), ownKey), 'what proves itself').toEqual([true, true])
  for (const key of [
    keyOf(victim.peerId),
    text.encode(`/talos/${victim.peerId}`),
    text.encode(`/talos-did/${victim.peerId}`),
    text.encode(`/ipns/${victim.peerId}`),
    text.encode('victim'),
    victim.peerId.toMultihash().bytes
  ]) {
    expect(await put(key, ownKey), new TextDecoder().decode(key)).toEqual([false, false])
  }

  // providers: each speaks for itself
  const topic = CID.createV1(0x55, identity.digest(text.encode('victim'))).bytes
  const provider = (peer: PeerId) =>
    field(9, Buffer.concat([field(1, peer.toMultihash().bytes), field(2, HIJACKED.bytes)]))
  await kad(mallory, serverId, KAD.addProvider, topic, provider(victim.peerId))
  const providers = await kad(alice, serverId, KAD.getProviders, topic)
  expect(providers?.includes('attacker.example')).not.toBe(true)

  const still = await found()
  for (const address of still) expect(address).not.toContain('attacker.example')
  const connection = await alice.dial(multiaddr(still.find(address => own.includes(address))!))
  expect(connection.remotePeer.equals(victim.peerId)).toBe(true)
})
