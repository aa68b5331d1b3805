import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { RequestOptions } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Command, clientV1, clientV2, tourWith } from '../support/mcp-clients.ts'
import { EVERYTHING, filesystem } from '../support/mcp-tunnel.ts'
import { TunnelNet } from '../support/tunnel-net.ts'

// What official clients get from official servers through registry and tunnel, between processes, is what they get without
// them. No address book says where the host is.

describe.concurrent('server-everything', () => {
  let net: TunnelNet
  beforeAll(async () => {
    net = await TunnelNet.open()
    await net.bootstrap()
    await net.serve(EVERYTHING)
  })
  afterAll(() => net[Symbol.asyncDispose]())

  /** The tunnel and, with the environment that its server has there, the server itself. */
  const both = () => [net.connectCommand(), { ...EVERYTHING, env: net.watch.mark }] as const

  test('SDK v1: every tool, resource and prompt, and all that the server asks and tells', async () => {
    const [tunnelled, direct] = await Promise.all(
      both().map(async command => {
        const client = await clientV1(command)
        try {
          return await tourWith(client)
        } finally {
          await client.close()
        }
      })
    )
    expect(tunnelled).toEqual(direct)
    expect(Object.keys(tunnelled!['toolResults'] as object)).toHaveLength(19)
  }, 60_000)

  test.each(['legacy', 'auto'] as const)(
    'SDK v2, %s',
    async mode => {
      const [tunnelled, direct] = await Promise.all(
        both().map(async command => {
          const client = await clientV2(command, { versionNegotiation: { mode } })
          try {
            return await tourWith(client)
          } finally {
            await client.close()
          }
        })
      )
      expect(tunnelled).toEqual(direct)
    },
    60_000
  )

  test('the Inspector lists, calls, reads and prompts', async () => {
    const [tunnelled, direct] = both().map(({ file, args, env }) => ({ command: file, args, env }))
    const config = join(net.folder, 'mcp.json')
    await writeFile(config, JSON.stringify({ mcpServers: { tunnelled, direct } }))
    const inspect = async (...flags: string[]) => {
      const outputs = await Promise.all(
        ['tunnelled', 'direct'].map(async server => {
          const args = [INSPECTOR, '--cli', '--config', config, '--server', server, ...flags]
          const { stdout } = await promisify(execFile)(process.execPath, args, {
            env: { ...process.env, ...net.watch.mark }
          })
          return stdout
        })
      )
      expect(outputs[0]).toBe(outputs[1])
      return outputs[0]
    }
    expect(await inspect('--method', 'tools/list')).toContain('get-tiny-image')
    const call = ['--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', 'message=hi']
    expect(await inspect(...call)).toContain('Echo: hi')
    expect(await inspect('--method', 'resources/list')).toContain('demo://resource/static/document/')
    const uri = 'demo://resource/static/document/features.md'
    expect(await inspect('--method', 'resources/read', '--uri', uri)).toContain('Everything Server')
    expect(await inspect('--method', 'prompts/list')).toContain('args-prompt')
    const prompt = ['--method', 'prompts/get', '--prompt-name', 'args-prompt', '--prompt-args', 'city=Łódź']
    expect(await inspect(...prompt)).toContain('Łódź')
  }, 120_000)
})

test.concurrent('server-filesystem: a file written through the tunnel is there, and is read back', async () => {
  await using net = await TunnelNet.open()
  await net.bootstrap()
  const folder = join(net.folder, 'shared')
  await mkdir(folder)
  await net.serve(filesystem(folder))
  const client = await clientV1(net.connectCommand())
  const content = 'first line\nŁódź \u0000 😀\n'
  await client.callTool({ name: 'write_file', arguments: { path: join(folder, 'a.txt'), content } })
  expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe(content)
  const read = await client.callTool({ name: 'read_text_file', arguments: { path: join(folder, 'a.txt') } })
  expect(read.content).toEqual([{ type: 'text', text: content }])
  await writeFile(join(net.folder, 'secret'), 'x')
  const outside = await client.callTool({ name: 'read_text_file', arguments: { path: join(net.folder, 'secret') } })
  expect(outside.isError).toBe(true)
  await client.close()
}, 60_000)

/** What test_tool_with_progress tells. */
const STEPS = [0, 50, 100]

describe.concurrent('a server of both eras', () => {
  const FIXTURE = fileURLToPath(new URL('../fixtures/conformance-server.ts', import.meta.url))

  test('SDK v2 gets the same from it in each mode', async () => {
    await using net = await TunnelNet.open()
    await net.bootstrap()
    const server = { file: process.execPath, args: [FIXTURE] }
    await net.serve(server)
    const tour = async (command: Command, mode: 'legacy' | 'auto' | { pin: string }) => {
      const client = await clientV2(command, { versionNegotiation: { mode } })
      try {
        const call = async (name: string, args = {}, options: RequestOptions = {}) =>
          client.callTool({ name, arguments: args }, options).catch((error: Error) => error.message)
        const progress: number[] = []
        return {
          version: client.getNegotiatedProtocolVersion(),
          tools: await client.listTools(),
          resources: await client.listResources(),
          prompts: await client.listPrompts(),
          read: await client.readResource({ uri: 'test://template/7/data' }),
          prompt: await client.getPrompt({ name: 'test_simple_prompt' }),
          mixed: await call('test_multiple_content_types'),
          error: await call('test_error_handling'),
          asked: await call('test_elicitation', { message: 'who?' }),
          needed: await call('test_input_required_result_elicitation'),
          rounds: await call('test_input_required_result_multi_round'),
          done: await call('test_tool_with_progress', {}, { onprogress: step => progress.push(step.progress) }),
          // the SDK drops what comes together with the answer, as on a busy machine all of it may
          progress: STEPS.slice(0, progress.length).join() === progress.join() || progress
        }
      } finally {
        await client.close()
      }
    }
    const seen = []
    for (const mode of ['legacy', 'auto', { pin: '2026-07-28' }] as const) {
      const [tunnelled, direct] = await Promise.all([
        tour(net.connectCommand(), mode),
        tour({ ...server, env: net.watch.mark }, mode)
      ])
      for (const key of Object.keys(direct) as Array<keyof typeof direct>) {
        expect(tunnelled[key], `${JSON.stringify(mode)}: ${key}`).toEqual(direct[key])
      }
      expect(direct.progress).toBe(true)
      seen.push(tunnelled.version)
    }
    expect(seen).toEqual(['2025-11-25', '2026-07-28', '2026-07-28'])
  }, 60_000)
})

const INSPECTOR = fileURLToPath(new URL('../../node_modules/.bin/mcp-inspector', import.meta.url))
