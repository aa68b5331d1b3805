import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, test } from 'vitest'
import { connectKnown } from '../../src/node/directory/connect-server.ts'
import { dialDirect, dialPeer } from '../../src/node/directory/dial-peer.ts'
import { type KeptRegistrations, keepRegistered } from '../../src/node/directory/keep-registered.ts'
import { roundTrip } from '../../src/node/directory/round-trip.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import {
  type AgentNode,
  directoryOf,
  known,
  party,
  portOf,
  startAgent,
  startTestServer,
  type TestServer
} from '../support/network.ts'
import { within } from '../support/nodes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const kept: KeptRegistrations[] = []
afterEach(async () => {
  await Promise.all(kept.splice(0).map(registrations => registrations.stop()))
})

/** An agent that registers with the server and listens as told; resolves when it is registered. */
async function registeredAgent(
  server: TestServer,
  name: string,
  listen: string[],
  role: 'agent' | 'client' = 'agent'
): Promise<AgentNode> {
  const { signer } = party()
  const node = await startAgent({ signer, role, listen })
  const registrations = keepRegistered(node, { servers: [known(server)], name, signer })
  kept.push(registrations)
  await within(registrations.registered, `${name} is registered`)
  return node
}

/** Resolves when the server's registry has a relayed address of the peer. */
async function relayedAddress(server: TestServer, asker: AgentNode, node: AgentNode): Promise<void> {
  const directory = directoryOf(asker, server)
  const key = node.peerId.publicKey!.raw
  const deadline = AbortSignal.timeout(15_000)
  for (;;) {
    const addresses = await directory.addressesAt(known(server), key)
    if (addresses.some(address => address.toString().includes('/p2p-circuit'))) return
    deadline.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

describe('dialPeer', () => {
  test('reaches a registered peer directly, by name', async () => {
    await using server = await startTestServer()
    await using bob = await registeredAgent(server, 'bob', ['/ip4/127.0.0.1/tcp/0'])
    await using alice = await startAgent()
    const directory = directoryOf(alice, server)
    const peer = await directory.resolve('BOB')
    expect(peer.peerId).toBe(bob.peerId.toString())
    const connection = await dialPeer(directory, peer)
    expect(connection.remotePeer.equals(bob.peerId)).toBe(true)
    expect(connection.direct).toBe(true)
    expect(await roundTrip(connection)).toBeGreaterThan(0)
    // the one that is open is used again
    expect((await dialPeer(directory, peer)).id).toBe(connection.id)
  })

  test('a dead address does not hold up a live one, and a silent one neither', async () => {
    await using server = await startTestServer()
    await using bob = await registeredAgent(server, 'bob', ['/ip4/127.0.0.1/tcp/0'], 'client')
    await using alice = await startAgent()
    // accepts and says nothing: each attempt would last its whole timeout
    let givenUp = false
    const silent = createServer(socket => {
      socket.resume().on('close', () => {
        givenUp = true
      })
    }).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    try {
      const addresses = [`/ip4/127.0.0.1/tcp/${port}`, '/ip4/127.0.0.1/tcp/1', '/ip4/192.0.2.99/tcp/1']
      const peer = { peerId: bob.peerId.toString(), addresses }
      const connection = await dialPeer(directoryOf(alice, server), peer)
      // the silent one was still being waited for
      expect(givenUp).toBe(false)
      expect(connection.direct).toBe(true)
    } finally {
      silent.close()
    }
  })

  test('peers with no direct path meet at the relay, and 20 MiB go through it', async () => {
    await using server = await startTestServer()
    await using bob = await registeredAgent(server, 'bob', [])
    await using alice = await startAgent()
    await relayedAddress(server, alice, bob)
    const received = Promise.withResolvers<number>()
    await bob.handle('/test/bulk/1', async stream => {
      const frames = new FrameStream(stream, { maxFrameLength: 65_536 })
      let length = 0
      for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) length += frame.length
      await frames.close()
      received.resolve(length)
    })
    const connection = await dialPeer(directoryOf(alice, server), { peerId: bob.peerId.toString() })
    expect(connection.direct).toBe(false)
    expect(connection.limits).toBeUndefined()
    const stream = await connection.newStream('/test/bulk/1')
    const frames = new FrameStream(stream, { maxFrameLength: 65_536 })
    for (let sent = 0; sent < 320; sent++) await frames.write(new Uint8Array(65_536))
    await frames.close()
    expect(await within(received.promise, '20 MiB arrive', 20_000)).toBe(320 * 65_536)
  })

  test('says what was tried when a peer cannot be reached', async () => {
    await using server = await startTestServer()
    await using alice = await startAgent()
    const nobody = party().peerId
    const failed = dialPeer(directoryOf(alice, server), { peerId: nobody, addresses: ['/ip4/127.0.0.1/tcp/1'] })
    await expect(failed).rejects.toMatchObject({
      code: 'NETWORK_PEER_UNREACHABLE',
      message: expect.stringMatching(/127\.0\.0\.1\/tcp\/1.*nothing listens there.*p2p-circuit.*NO_RESERVATION/s)
    })
  })

  test('no address of a peer leads to a socket of this machine’s file system', async () => {
    await using server = await startTestServer()
    await using asker = await startAgent({ listen: [] })
    const path = join(temporaryFolder(), 'local.sock')
    let touched = false
    const socket = createServer(connection => {
      touched = true
      connection.destroy()
    }).listen(path)
    await once(socket, 'listening')
    const target = { peerId: party().peerId, addresses: [`/unix/${encodeURIComponent(path)}`] }
    const failure = dialPeer(directoryOf(asker, server), target)
    await expect(failure).rejects.toMatchObject({ code: 'NETWORK_PEER_UNREACHABLE' })
    expect(touched).toBe(false)
    socket.close()
  })

  test('a peer that claims another one’s address is not taken for it', async () => {
    await using server = await startTestServer()
    await using mallory = await startAgent({ listen: ['/ip4/127.0.0.1/tcp/0'] })
    await using alice = await startAgent()
    const addresses = mallory.getMultiaddrs().map(address => address.toString().replace(/\/p2p\/.*/, ''))
    const failed = dialPeer(directoryOf(alice, server), { peerId: party().peerId, addresses })
    await expect(failed).rejects.toMatchObject({ message: expect.stringContaining('another peer is there') })
  })

  test('gives up when it is told to', async () => {
    await using alice = await startAgent()
    const controller = new AbortController()
    const failed = dialPeer(directoryOf(alice), { peerId: party().peerId }, controller.signal)
    controller.abort(new Error('enough'))
    await expect(failed).rejects.toThrow('enough')
  })
})

describe('keepRegistered', () => {
  test('after a restart of the server the agent is connected, registered and relayed again', async () => {
    const dataDir = temporaryFolder()
    const first = await startTestServer({ dataDir })
    const port = portOf(first)
    await using bob = await registeredAgent(first, 'bob', [])
    await using alice = await startAgent()
    await relayedAddress(first, alice, bob)
    await first.stop()
    await using second = await startTestServer({ dataDir, port })
    expect(second.peerId).toBe(first.peerId)
    const server = peerIdFromString(second.peerId)
    const deadline = AbortSignal.timeout(20_000)
    while (second.health().reservations === 0) {
      deadline.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    expect(bob.getConnections(server).length).toBeGreaterThan(0)
    await relayedAddress(second, alice, bob)
    const connection = await dialPeer(directoryOf(alice, second), { peerId: bob.peerId.toString() })
    expect(connection.direct).toBe(false)
    expect(await roundTrip(connection)).toBeGreaterThan(0)
  }, 60_000)

  test('a server that has lost its registrations gets them again as soon as it is back', async () => {
    const dataDir = temporaryFolder()
    const first = await startTestServer({ dataDir })
    const port = portOf(first)
    const { signer } = party()
    // no relayed address, whose loss would be noticed, too
    await using bob = await startAgent({ signer, role: 'client', listen: ['/ip4/127.0.0.1/tcp/0'] })
    const registrations = keepRegistered(bob, { servers: [known(first)], name: 'bob', signer })
    kept.push(registrations)
    await within(registrations.registered, 'bob is registered')
    await first.stop()
    rmSync(join(dataDir, 'server', 'store'), { recursive: true })
    await using second = await startTestServer({ dataDir, port })
    const deadline = AbortSignal.timeout(15_000)
    while (second.health().registrations === 0) {
      deadline.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }, 30_000)

  test('a name that is taken gets an ending, so that the peer is found by its PeerId', async () => {
    await using server = await startTestServer()
    await using _bob = await registeredAgent(server, 'bob', [])
    await using other = await registeredAgent(server, 'bob', [])
    const [state] = kept.at(-1)!.states()
    expect(state!.name).toMatch(/^bob-[a-z0-9]{8}$/)
    expect(state!.error?.code).toBe('REGISTRY_NAME_TAKEN')
    await using alice = await startAgent()
    const found = await directoryOf(alice, server).resolve(state!.name!)
    expect(found.peerId).toBe(other.peerId.toString())
  })

  test('a server that comes back with another identity is not registered with', async () => {
    const first = await startTestServer()
    const port = portOf(first)
    const before = known(first)
    await first.stop()
    await using second = await startTestServer({ port })
    await using alice = await startAgent()
    await expect(connectKnown(alice, before)).rejects.toMatchObject({
      code: 'REGISTRY_SERVER_CHANGED',
      message: expect.stringContaining(second.peerId)
    })
    expect(alice.getConnections()).toHaveLength(0)
  })
})

describe('a peer that is in no registry and no address book', () => {
  const LOOPBACK = ['/ip4/127.0.0.1/tcp/0']

  /**
   * Where it is dialled without a relay, for which its address must be known. Until the time is over: a table learns of a peer
   * a moment after it has connected.
   */
  async function found(directory: ReturnType<typeof directoryOf>, peerId: string): Promise<string> {
    for (const deadline = Date.now() + 20_000; ; ) {
      try {
        return (await dialDirect(directory, { peerId }, AbortSignal.timeout(20_000))).remoteAddr.toString()
      } catch (error) {
        if (Date.now() > deadline) throw error
      }
    }
  }

  test('is found in the hash table of a bootstrap node', async () => {
    await using server = await startTestServer()
    await using bob = await startAgent({ role: 'agent', listen: LOOPBACK })
    await bob.dial(known(server).addresses.map(address => multiaddr(address)))
    await using alice = await startAgent()
    const directory = directoryOf(alice, server)
    const address = await found(directory, bob.peerId.toString())
    expect(bob.getMultiaddrs().map(String)).toContain(address)
    expect(await directory.addressesAt(known(server), bob.peerId.publicKey!.raw)).toEqual([])
  }, 60_000)

  test('is found by way of a node that the bootstrap node knows', async () => {
    await using server = await startTestServer()
    await using carol = await startAgent({ role: 'agent', listen: LOOPBACK })
    await using bob = await startAgent({ role: 'agent', listen: LOOPBACK })
    await carol.dial(known(server).addresses.map(address => multiaddr(address)))
    await bob.dial(carol.getMultiaddrs())
    await using alice = await startAgent()
    const address = await found(directoryOf(alice, server), bob.peerId.toString())
    expect(bob.getMultiaddrs().map(String)).toContain(address)
  }, 60_000)
})
