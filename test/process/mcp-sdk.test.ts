import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { afterEach, expect, test } from 'vitest'
import { EVERYTHING, filesystem, TestTunnel } from '../support/mcp-tunnel.ts'
import { StreamTransport } from '../support/stream-transport.ts'

let tunnel: TestTunnel | undefined
afterEach(async () => {
  await tunnel?.stop()
  tunnel = undefined
})

test('sdk v1 lists and calls tools of server-everything', async () => {
  tunnel = new TestTunnel(EVERYTHING).connect()
  const client = new ClientV1({ name: 'test', version: '1' })
  await client.connect(new StreamTransport(tunnel.output, tunnel.input) as Transport)
  const { tools } = await client.listTools()
  expect(tools.length).toBeGreaterThan(8)
  const result = await client.callTool({ name: 'echo', arguments: { message: 'hi' } })
  expect(result.content).toEqual([{ type: 'text', text: 'Echo: hi' }])
  await client.close()
})

test('sdk v2 lists and calls tools of server-everything', async () => {
  tunnel = new TestTunnel(EVERYTHING).connect()
  const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(new StreamTransport(tunnel.output, tunnel.input))
  expect((await client.callTool({ name: 'echo', arguments: { message: 'hi' } })).content).toEqual([
    { type: 'text', text: 'Echo: hi' }
  ])
  await client.close()
})

test('server-filesystem reads a file', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'talos-test-')))
  try {
    await writeFile(join(folder, 'a.txt'), 'the text')
    tunnel = new TestTunnel(filesystem(folder)).connect()
    const client = new ClientV1({ name: 'test', version: '1' })
    await client.connect(new StreamTransport(tunnel.output, tunnel.input) as Transport)
    const result = await client.callTool({ name: 'read_text_file', arguments: { path: join(folder, 'a.txt') } })
    expect(result.content).toEqual([{ type: 'text', text: 'the text' }])
    await client.close()
  } finally {
    await rm(folder, { recursive: true })
  }
})
