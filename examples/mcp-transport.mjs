// The two ends of a tunnel as transports of the official MCP SDK: Alice serves a tool of this program, Bob's agent calls it.
// Run: npm install @modelcontextprotocol/client @modelcontextprotocol/server && node examples/mcp-transport.mjs
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import { createWallet, serveMcp, startServer, TalosClientTransport } from 'talos-protocol'

const folder = await mkdtemp(join(tmpdir(), 'talos-example-'))
const server = await startServer({ dataDir: join(folder, 'server'), host: '127.0.0.1', port: 0 })
const config = { servers: [server.addresses[0]] }
const party = async name => {
  const dataDir = join(folder, name)
  const { wallet } = await createWallet({ dataDir, name, insecurePlaintext: true }) // a real wallet has a passphrase
  return { dataDir, peerId: wallet.peerId }
}
const alice = await party('Alice')
const bob = await party('Bob')

/** One MCP server for each session; `transport.peer` is who calls, proved by the connection. */
async function greeter(transport) {
  const mcp = new McpServer({ name: 'greeter', version: '1.0.0' })
  const answer = () => ({ content: [{ type: 'text', text: transport.peer === bob.peerId ? 'Hello Bob' : 'Who?' }] })
  mcp.registerTool('greet', { description: 'Says who calls' }, answer)
  await mcp.connect(transport)
}

const host = await serveMcp({
  dataDir: alice.dataDir,
  config,
  authorizedPeers: [bob.peerId],
  services: { greeter },
  onEvent: ({ type }) => console.log(`Alice: ${type}`)
})
try {
  const client = new Client({ name: 'my-agent', version: '1.0.0' })
  await client.connect(new TalosClientTransport({ dataDir: bob.dataDir, config, peer: alice.peerId }))
  const { tools } = await client.listTools()
  console.log(`Bob sees: ${tools.map(({ name }) => name).join(', ')}`)
  const { content } = await client.callTool({ name: 'greet', arguments: {} })
  console.log(`Bob is told: ${content[0].text}`)
  await client.close()
} finally {
  await host.stop()
  await server.stop()
  await rm(folder, { recursive: true })
}
