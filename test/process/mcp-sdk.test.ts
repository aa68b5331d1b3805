import { spawn } from 'node:child_process'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema
} from '@modelcontextprotocol/sdk/types.js'
import { afterEach, describe, expect, test } from 'vitest'
import { type ServerSpec, serverEnvironment } from '../../src/protocols/mcp/child.ts'
import { EVERYTHING, filesystem, TestTunnel } from '../support/mcp-tunnel.ts'
import { StreamTransport } from '../support/stream-transport.ts'

const MODERN: ServerSpec = {
  file: process.execPath,
  args: [fileURLToPath(new URL('../support/mcp-modern-server.ts', import.meta.url))]
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function throughTunnel(server: ServerSpec): StreamTransport {
  const tunnel = new TestTunnel(server).connect()
  cleanups.push(() => tunnel.stop())
  return new StreamTransport(tunnel.output, tunnel.input)
}

/** The same server without a tunnel, in the same environment. */
function direct(server: ServerSpec): StreamTransport {
  const child = spawn(server.file, server.args, { stdio: ['pipe', 'pipe', 'ignore'], env: serverEnvironment() })
  cleanups.push(() => child.kill('SIGKILL'))
  return new StreamTransport(child.stdout, child.stdin)
}

const CAPABILITIES = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } }

interface Seen {
  sampling: unknown[]
  elicitation: unknown[]
  logs: unknown[]
  updates: string[]
}

/** A client that answers what servers ask of it. */
async function clientV1(transport: StreamTransport): Promise<{ client: ClientV1; seen: Seen }> {
  const client = new ClientV1({ name: 'test', version: '1' }, { capabilities: CAPABILITIES })
  const seen: Seen = { sampling: [], elicitation: [], logs: [], updates: [] }
  client.setRequestHandler(CreateMessageRequestSchema, request => {
    seen.sampling.push(request.params)
    return { model: 'test', role: 'assistant', content: { type: 'text', text: 'sampled' } }
  })
  client.setRequestHandler(ElicitRequestSchema, request => {
    seen.elicitation.push(request.params)
    return { action: 'accept', content: { name: 'Ann', check: true } }
  })
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///test', name: 'test' }] }))
  client.setNotificationHandler(LoggingMessageNotificationSchema, message => {
    seen.logs.push(message.params)
  })
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, message => {
    seen.updates.push(message.params.uri)
  })
  // tools that need what the client can do are added after it has said so
  const complete = new Promise<void>(resolve => {
    let quiet: NodeJS.Timeout
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      clearTimeout(quiet)
      quiet = setTimeout(resolve, 100)
    })
  })
  await client.connect(transport as Transport)
  cleanups.push(() => client.close())
  await complete
  return { client, seen }
}

const ARGUMENTS: Record<string, Record<string, unknown>> = {
  echo: { message: 'grüezi 😀' },
  'get-sum': { a: 1, b: 2.5 },
  'get-annotated-message': { messageType: 'error', includeImage: true },
  'get-resource-links': { count: 3 },
  'get-resource-reference': { resourceType: 'Text', resourceId: 1 },
  'get-structured-content': { location: 'New York' },
  'gzip-file-as-resource': { name: 'a.gz', data: 'data:text/plain,hello', outputType: 'resource' },
  'trigger-long-running-operation': { duration: 0.3, steps: 3 },
  'trigger-sampling-request': { prompt: 'hi', maxTokens: 10 },
  'trigger-url-elicitation': { url: 'https://example.com/a', message: 'look', elicitationId: 'e1' }
}
/** Run as tasks (experimental), or on for ever: tested by themselves or not at all. */
const APART = /async|simulate-research|toggle/

/** Uses everything that the server offers; what differs between two runs by nature is made the same. */
async function useEverything(transport: StreamTransport): Promise<Record<string, unknown>> {
  const { client, seen } = await clientV1(transport)
  const results: Record<string, unknown> = {
    version: client.getServerVersion(),
    capabilities: client.getServerCapabilities()
  }
  const { tools } = await client.listTools()
  results['tools'] = tools
  for (const { name } of tools) {
    if (APART.test(name)) continue
    const progress: unknown[] = []
    const onprogress = (step: unknown) => progress.push(step)
    results[`tool ${name}`] = await client.callTool({ name, arguments: ARGUMENTS[name] ?? {} }, undefined, {
      onprogress
    })
    // the SDK loses a step that comes in one chunk with the answer
    results[`progress ${name}`] = progress.slice(0, 2)
  }
  const { resources } = await client.listResources()
  results['resources'] = resources
  for (const { uri } of resources) results[`resource ${uri}`] = await client.readResource({ uri })
  results['templates'] = await client.listResourceTemplates()
  results['dynamic'] = await client.readResource({ uri: 'demo://resource/dynamic/text/1' })
  results['unknown resource'] = await client.readResource({ uri: 'demo://none' }).catch(error => error.message)
  const { prompts } = await client.listPrompts()
  results['prompts'] = prompts
  const promptArguments = {
    city: 'Bern',
    state: 'BE',
    department: 'Sales',
    name: 'Ann',
    resourceType: 'Text',
    resourceId: '1'
  }
  for (const prompt of prompts) {
    const wanted = Object.entries(promptArguments).filter(([name]) =>
      prompt.arguments?.some(argument => argument.name === name)
    )
    results[`prompt ${prompt.name}`] = await client.getPrompt({
      name: prompt.name,
      arguments: Object.fromEntries(wanted)
    })
  }
  results['completion'] = await client.complete({
    ref: { type: 'ref/prompt', name: 'completable-prompt' },
    argument: { name: 'department', value: 'S' }
  })
  results['asked'] = [seen.sampling, seen.elicitation]
  await client.setLoggingLevel('debug')
  await client.ping()
  const text = JSON.stringify(results, null, 1).replace(/\d{1,2}:\d\d:\d\d( [AP]M)?/g, 'TIME')
  return JSON.parse(text.replace(/\d{4}-\d\d-\d\dT[0-9:.]+Z/g, 'DATE'))
}

describe('server-everything', () => {
  test('every tool, resource and prompt gives through the tunnel what it gives without (sdk v1)', async () => {
    const [with_, without] = [await useEverything(throughTunnel(EVERYTHING)), await useEverything(direct(EVERYTHING))]
    expect(with_).toEqual(without)
    expect((with_['tools'] as unknown[]).length).toBeGreaterThanOrEqual(16)
    expect(with_['asked']).toMatchObject([[{ maxTokens: 10 }], [{}, { url: 'https://example.com/a' }]])
    expect(JSON.stringify(with_['tool trigger-sampling-request'])).toContain('sampled')
    expect(with_['progress trigger-long-running-operation']).toHaveLength(2)
  })

  test('logging, subscriptions and cancellation (sdk v1)', async () => {
    const { client, seen } = await clientV1(throughTunnel(EVERYTHING))
    await client.setLoggingLevel('debug')
    await client.callTool({ name: 'toggle-simulated-logging', arguments: {} })
    await expect.poll(() => seen.logs.length, { timeout: 10_000 }).toBeGreaterThan(0)
    await client.subscribeResource({ uri: 'demo://resource/dynamic/text/1' })
    await client.callTool({ name: 'toggle-subscriber-updates', arguments: {} })
    await expect.poll(() => seen.updates, { timeout: 10_000 }).toContain('demo://resource/dynamic/text/1')
    const abort = new AbortController()
    const call = client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 20, steps: 100 } },
      undefined,
      { signal: abort.signal, onprogress: () => abort.abort(new Error('enough')) }
    )
    await expect(call).rejects.toThrow('enough')
    expect((await client.callTool({ name: 'echo', arguments: { message: 'on' } })).content).toEqual([
      { type: 'text', text: 'Echo: on' }
    ])
  })

  test.each([undefined, 'auto'] as const)('sdk v2 with version negotiation %s', async mode => {
    const client = new ClientV2(
      { name: 'test', version: '1' },
      mode === undefined ? {} : { versionNegotiation: { mode } }
    )
    await client.connect(throughTunnel(EVERYTHING))
    cleanups.push(() => client.close())
    expect((await client.callTool({ name: 'echo', arguments: { message: 'hi' } })).content).toEqual([
      { type: 'text', text: 'Echo: hi' }
    ])
    expect((await client.listResources()).resources.length).toBeGreaterThan(0)
    expect((await client.listPrompts()).prompts.length).toBeGreaterThan(0)
  })
})

describe('a server of both eras', () => {
  test.each([undefined, 'auto', { pin: '2026-07-28' }] as const)('sdk v2 with version negotiation %o', async mode => {
    const client = new ClientV2(
      { name: 'test', version: '1' },
      mode === undefined ? {} : { versionNegotiation: { mode } }
    )
    await client.connect(throughTunnel(MODERN))
    cleanups.push(() => client.close())
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['add', 'pid'])
    expect((await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })).content).toEqual([
      { type: 'text', text: '3' }
    ])
    // one server for the whole session
    const pid = () => client.callTool({ name: 'pid' }).then(({ content }) => content)
    expect(await pid()).toEqual(await pid())
  })

  test('sdk v1', async () => {
    const client = new ClientV1({ name: 'test', version: '1' })
    await client.connect(throughTunnel(MODERN) as Transport)
    cleanups.push(() => client.close())
    expect((await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })).content).toEqual([
      { type: 'text', text: '3' }
    ])
  })
})

test('server-filesystem writes, reads and lists', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'talos-test-')))
  cleanups.push(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'a.txt'), 'the text')
  const client = new ClientV1({ name: 'test', version: '1' })
  await client.connect(throughTunnel(filesystem(folder)) as Transport)
  cleanups.push(() => client.close())
  const read = await client.callTool({ name: 'read_text_file', arguments: { path: join(folder, 'a.txt') } })
  expect(read.content).toEqual([{ type: 'text', text: 'the text' }])
  const big = 'x'.repeat(3_000_000)
  await client.callTool({ name: 'write_file', arguments: { path: join(folder, 'b.txt'), content: big } })
  const back = await client.callTool({ name: 'read_text_file', arguments: { path: join(folder, 'b.txt') } })
  expect((back.content as { text: string }[])[0]!.text === big).toBe(true)
  const outside = await client.callTool({ name: 'read_text_file', arguments: { path: '/etc/passwd' } })
  expect(outside.isError).toBe(true)
})
