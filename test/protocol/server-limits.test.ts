import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { connectKnown } from '../../src/node/directory/connect-server.ts'
import { registrableAddresses } from '../../src/node/directory/keep-registered.ts'
import { correspondent, type Published } from '../support/mailbox.ts'
import { type AgentNode, known, startAgent, startTestServer, type TestServer } from '../support/network.ts'
import { within } from '../support/nodes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Resolves when the server counts that many. */
async function until(server: TestServer, what: 'reservations' | 'connections', count: number): Promise<void> {
  const deadline = AbortSignal.timeout(10_000)
  while (server.health()[what] !== count) {
    deadline.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

async function relayed(server: TestServer): Promise<AgentNode> {
  const node = await startAgent({ role: 'agent' })
  await connectKnown(node, known(server))
  return node
}

test('a reservation ends with its peer, so that the next one finds room; above the limit there is none', async () => {
  await using server = await startTestServer({ limits: { maxReservations: 2 } })
  await using first = await relayed(server)
  const second = await relayed(server)
  await until(server, 'reservations', 2)
  await using third = await relayed(server)
  await until(server, 'connections', 3)
  // its reservation is asked for at once and refused
  await within(third.services.registry.list(third.getPeers()[0]!), 'the third is served')
  expect(server.health().reservations).toBe(2)
  expect(third.getMultiaddrs()).toEqual([])
  await second.stop()
  await until(server, 'reservations', 1)
  await using _fourth = await relayed(server)
  await until(server, 'reservations', 2)
  expect(first.getMultiaddrs().map(String)[0]).toContain('/p2p-circuit')
})

test('one address gets its share of connections, no more', async () => {
  await using server = await startTestServer({ limits: { maxConnectionsPerAddress: 3 } })
  const agents: AgentNode[] = []
  try {
    for (let made = 0; made < 3; made++) {
      const agent = await startAgent()
      agents.push(agent)
      await connectKnown(agent, known(server))
    }
    const fourth = await startAgent()
    agents.push(fourth)
    await expect(connectKnown(fourth, known(server))).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
    await agents[0]!.stop()
    await until(server, 'connections', 2)
    await connectKnown(fourth, known(server))
  } finally {
    await Promise.all(agents.map(async agent => agent.stop()))
  }
})

test('what is registered: own addresses without the PeerId, relayed ones after direct ones', async () => {
  await using server = await startTestServer()
  await using node = await startAgent({ role: 'agent', listen: ['/ip4/127.0.0.1/tcp/0/ws', '/ip4/127.0.0.1/tcp/0'] })
  const peer = peerIdFromString(server.peerId)
  // a loopback address is of no use to others
  expect(registrableAddresses(node, peer)).toEqual([])
  await connectKnown(node, known(server))
  await until(server, 'reservations', 1)
  const deadline = AbortSignal.timeout(10_000)
  while (registrableAddresses(node, peer).length < 4) {
    deadline.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const kinds = registrableAddresses(node, peer).map(address => {
    expect(address.toString()).not.toContain(node.peerId.toString())
    return `${address.toString().includes('p2p-circuit') ? 'relayed ' : ''}${address.toString().includes('/ws') ? 'ws' : 'tcp'}`
  })
  expect(kinds).toEqual(['tcp', 'ws', 'relayed tcp', 'relayed ws'])
})

test('a server is a mailbox unless it is told not to be, and counts what it holds and refuses', async () => {
  await using server = await startTestServer({
    metrics: { port: 0 },
    limits: { maxMailboxItemsPerPeer: 1 }
  })
  const address = { peerId: peerIdFromString(server.peerId), addresses: server.addresses.map(text => multiaddr(text)) }
  const published: Published = new Map()
  await using alice = await correspondent(published)
  await using bob = await correspondent(published, [address])
  published.set(bob.peerId.toString(), [address])
  await alice.online()
  await bob.online()
  await bob.ready()
  await bob.offline()
  const write = () =>
    alice.client.deposit(bob.peerId, new Uint8Array(9), Date.now() + 60_000, AbortSignal.timeout(9_000))
  expect(await write()).toEqual({ copies: 1, until: expect.any(Number) })
  await expect(write()).rejects.toMatchObject({ code: 'MAILBOX_FULL' })
  expect(server.health()).toMatchObject({ mailboxes: 1, mailboxItems: 1, mailboxBytes: 2206 })
  const metrics = await (await fetch(`${server.metricsUrl}/metrics`)).text()
  for (const line of [
    'talos_mailbox_recipients 1',
    'talos_mailbox_items 1',
    'talos_mailbox_bytes 2206',
    'talos_mailbox_requests_total{request="put",status="ok"} 1',
    'talos_mailbox_requests_total{request="put",status="full"} 1'
  ]) {
    expect(metrics).toContain(`${line}\n`)
  }

  const dataDir = temporaryFolder()
  writeFileSync(join(dataDir, 'config.yaml'), 'mailbox: false\n')
  await using without = await startTestServer({ dataDir })
  published.set(bob.peerId.toString(), [
    { peerId: peerIdFromString(without.peerId), addresses: without.addresses.map(text => multiaddr(text)) }
  ])
  await using carol = await correspondent(published)
  await carol.online()
  const refused = carol.client.deposit(bob.peerId, new Uint8Array(9), Date.now() + 60_000, AbortSignal.timeout(9_000))
  await expect(refused).rejects.toMatchObject({ code: 'MAILBOX_UNSUPPORTED' })
})
