import { peerIdFromString } from '@libp2p/peer-id'
import { expect, test } from 'vitest'
import { connectKnown } from '../../src/node/directory/connect-server.ts'
import { registrableAddresses } from '../../src/node/directory/keep-registered.ts'
import { type AgentNode, known, startAgent, startTestServer, type TestServer } from '../support/network.ts'
import { within } from '../support/nodes.ts'

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
