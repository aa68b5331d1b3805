import { networkInterfaces } from 'node:os'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  addPeer,
  createWallet,
  type McpHost,
  type ServeMcpOptions,
  serveMcp,
  TalosClientTransport,
  type TalosServerTransport
} from '../../src/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let owner: string
let agent: string
let agentId: string

beforeEach(async () => {
  owner = temporaryFolder()
  agent = temporaryFolder()
  const create = (dataDir: string, name: string) => createWallet({ dataDir, name, insecurePlaintext: true })
  await create(owner, 'owner')
  agentId = (await create(agent, 'agent')).wallet.peerId
})

async function serve(services: ServeMcpOptions['services']): Promise<McpHost> {
  const host = await serveMcp({
    dataDir: owner,
    authorizedPeers: [agentId],
    services,
    config: { listen: ['/ip4/127.0.0.1/tcp/0'] }
  })
  onTestFinished(() => host.stop())
  await addPeer({ dataDir: agent, name: 'owner', peer: host.peerId, addresses: host.addresses() })
  return host
}

const connect = (service?: string) =>
  new TalosClientTransport({ dataDir: agent, peer: 'owner', ...(service === undefined ? {} : { service }) })

/** An MCP server of either SDK with one tool that says who called. */
function whoami(version: 'v1' | 'v2') {
  return async (transport: TalosServerTransport) => {
    const about = { name: 'whoami', version: '1' }
    // what both have in common is all that is used of them
    const server = (version === 'v1' ? new ServerV1(about) : new ServerV2(about)) as ServerV1
    const answer = async () => ({ content: [{ type: 'text' as const, text: transport.peer }] })
    server.registerTool('whoami', { description: 'Who calls' }, answer)
    await server.connect(transport)
  }
}

test.each([
  ['v1', 'v1'],
  ['v1', 'v2'],
  ['v2', 'v1'],
  ['v2', 'v2']
] as const)(
  'an SDK %s client calls a tool of an SDK %s server, each in its own agent',
  async (clientVersion, serverVersion) => {
    await serve({ whoami: whoami(serverVersion) })
    const info = { name: 'test', version: '1' }
    // what both have in common is all that is used of them
    const client = (clientVersion === 'v1' ? new ClientV1(info) : new ClientV2(info)) as ClientV1
    await client.connect(connect())
    expect((await client.listTools()).tools.map(tool => tool.name)).toEqual(['whoami'])
    const result = await client.callTool({ name: 'whoami', arguments: {} })
    expect(result.content).toEqual([{ type: 'text', text: agentId }])
    await client.close()
  }
)

test('an SDK v2 client that negotiates the era talks to an in-process server', async () => {
  await serve({ whoami: whoami('v2') })
  const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(connect())
  expect((await client.listTools()).tools).toHaveLength(1)
  await client.close()
})

test('several agents of one peer have a server each, and the end of one leaves the other', async () => {
  const host = await serve({ whoami: whoami('v1') })
  const [one, two] = [new ClientV1({ name: 'a', version: '1' }), new ClientV1({ name: 'b', version: '1' })]
  await Promise.all([one.connect(connect()), two.connect(connect())])
  expect(host.sessionCount).toBe(2)
  await one.close()
  expect((await two.callTool({ name: 'whoami', arguments: {} })).content).toEqual([{ type: 'text', text: agentId }])
  await two.close()
})

test('connect() fails with the reason, and does not hang, when the peer does not authorise us', async () => {
  const host = await serve({ whoami: whoami('v1') })
  const stranger = temporaryFolder()
  await createWallet({ dataDir: stranger, name: 'stranger', insecurePlaintext: true })
  await addPeer({ dataDir: stranger, name: 'owner', peer: host.peerId, addresses: host.addresses() })
  const client = new ClientV1({ name: 'test', version: '1' })
  const transport = new TalosClientTransport({ dataDir: stranger, peer: 'owner' })
  await expect(client.connect(transport)).rejects.toMatchObject({ code: expect.stringContaining('NOT_AUTHORISED') })
})

test('an agent that closes its side is told of no other link', async () => {
  await serve({ whoami: whoami('v1') })
  const client = new ClientV1({ name: 'test', version: '1' })
  const events: string[] = []
  await client.connect(new TalosClientTransport({ dataDir: agent, peer: 'owner', onEvent: e => events.push(e.type) }))
  await client.close()
  expect(events).toEqual(['connected'])
})

test('an unknown service is an error by name', async () => {
  await serve({ whoami: whoami('v1') })
  const client = new ClientV1({ name: 'test', version: '1' })
  await expect(client.connect(connect('nonsense'))).rejects.toMatchObject({ code: 'TUNNEL_UNKNOWN_SERVICE' })
})

const hasIp6 = Object.values(networkInterfaces()).some(addresses => addresses?.some(({ family }) => family === 'IPv6'))

test('without an address it is served on both families of IP, where the machine has both', async () => {
  const host = await serveMcp({ dataDir: owner, authorizedPeers: [agentId], services: { whoami: whoami('v2') } })
  onTestFinished(() => host.stop())
  const families = new Set(host.listening().map(address => address.split('/')[1]))
  expect([...families].sort()).toEqual(hasIp6 ? ['ip4', 'ip6'] : ['ip4'])
  for (const loopback of hasIp6 ? ['/ip4/127.0.0.1/', '/ip6/::1/'] : ['/ip4/127.0.0.1/']) {
    const addresses = host.addresses().filter(address => address.startsWith(loopback))
    await addPeer({ dataDir: agent, name: 'owner', peer: host.peerId, addresses })
    const client = new ClientV2({ name: 'test', version: '1' })
    await client.connect(connect())
    expect(await client.callTool({ name: 'whoami' })).toMatchObject({ content: [{ text: agentId }] })
    await client.close()
  }
})
