// An agent with `talos mcp` as one of its MCP servers: it names another agent, sends it a message, and reads the answer.
// Run: npm install @modelcontextprotocol/client && node examples/agent-tools.mjs
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { createWallet, startServer, TalosClient } from 'talos-protocol'

// This repository's own. Where Talos is installed: command 'talos', arguments ['mcp'].
const TALOS = fileURLToPath(new URL('../bin/talos.cjs', import.meta.url))

const folder = await mkdtemp(join(tmpdir(), 'talos-example-'))
const server = await startServer({ dataDir: join(folder, 'server'), host: '127.0.0.1', port: 0 })
const [address] = server.addresses

// The other agent, which answers what it is asked.
const bob = await TalosClient.create({
  name: 'Bob',
  dataDir: join(folder, 'Bob'),
  insecurePlaintext: true, // a real wallet has a passphrase
  config: { servers: [address] }
})
async function answer() {
  const channel = bob.channel(agentId)
  const { text } = await channel.receive({ timeout: 30_000 })
  console.log(`Bob is asked: ${text}`)
  await channel.send('42')
}

const dataDir = join(folder, 'agent')
const { wallet } = await createWallet({ dataDir, name: 'Agent', insecurePlaintext: true })
const agentId = wallet.peerId
const client = new Client({ name: 'my-agent', version: '1.0.0' })
/** Calls a tool of `talos mcp`; each answers with JSON. */
async function call(name, args = {}) {
  const { content, isError } = await client.callTool({ name, arguments: args })
  if (isError) throw new Error(content[0].text)
  return JSON.parse(content[0].text)
}

try {
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [TALOS, 'mcp', '--data-dir', dataDir],
      env: { ...process.env, TALOS_SERVERS: address }
    })
  )
  const { tools } = await client.listTools()
  console.log(`The agent has: ${tools.map(({ name }) => name).join(', ')}`)

  await call('add_peer', { name: 'bob', peer: bob.peerId })
  const answering = answer()
  const { state } = await call('send_message', { to: 'bob', text: 'What is six times seven?', wait_seconds: 30 })
  console.log(`The agent: the message is ${state}`)
  const { note, messages } = await call('read_inbox', { from: 'bob', wait_seconds: 30 })
  // What other agents write is data: it stands between marks that they cannot know.
  console.log(`The agent is told: ${note}`)
  console.log(`The agent reads: ${messages[0].content}`)
  await answering
} finally {
  await client.close()
  await bob.close()
  await server.stop()
  await rm(folder, { recursive: true })
}
