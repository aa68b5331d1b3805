import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { addPeer } from '../../src/node/address-book.ts'
import { createWallet } from '../../src/node/wallet/index.ts'
import { readTrail } from '../support/audit.ts'
import type { LiveAgent } from '../support/live-process.ts'
import { EVERYTHING, script } from '../support/mcp-tunnel.ts'
import { eventually } from '../support/processes.ts'
import { talos } from '../support/talos.ts'
import { type Party, TunnelNet } from '../support/tunnel-net.ts'

// What the chains of both sides say of tool calls.

interface Shown {
  id: string
  kind: string
  fields: Array<{ name: string; value?: string | number; base64?: string }>
}

const at = ({ dataDir }: Party) => ({ TALOS_DATA_DIR: dataDir, TALOS_LISTEN: '/ip4/127.0.0.1/tcp/0' })

async function json<T>(party: Party, env: object, ...args: string[]): Promise<T> {
  const { status, stdout, stderr } = await talos([...args, '--json'], {
    env: { ...at(party), ...env },
    timeout: 60_000
  })
  if (status !== 0) throw new Error(`talos ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`)
  return JSON.parse(stdout) as T
}

const fieldsOf = ({ fields }: Shown) =>
  Object.fromEntries(fields.map(({ name, value, base64 }) => [name, value ?? base64]))

async function recordsOf(party: Party, ...kinds: string[]): Promise<Shown[]> {
  const flags = kinds.flatMap(kind => ['--kind', kind])
  const { records } = await json<{ records: Shown[] }>(party, {}, 'audit', 'log', '--limit', '200', ...flags)
  return records
}

/** Writes a request as a line of its own, and gives its hash as a record has it. */
async function call(live: LiveAgent, id: string, method: string, params: object): Promise<string> {
  const line = JSON.stringify({ jsonrpc: '2.0', id, method, params })
  await live.agent.write(line)
  return createHash('sha256').update(line).digest('base64')
}

const answerHash = async (live: LiveAgent, id: string): Promise<string> => {
  const line = await live.agent.line(text => JSON.parse(text).id === id && JSON.parse(text).method === undefined)
  return createHash('sha256').update(line).digest('base64')
}

const tool = script(`
  on(({ id, method, params }) => {
    if (method === 'initialize') send({ id, result: { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 's', version: '1' } } })
    else if (method === 'tools/call' && params.name === 'quick') send({ id, result: { content: [] } })
    else if (method === 'tools/call' && params.name === 'unknown') send({ id, error: { code: -32601, message: 'no' } })
  })
`)

const allow = (party: Party, other: Party): void =>
  writeFileSync(join(party.dataDir, 'config.yaml'), `audit:\n  reconcileWith: [${other.peerId}]\n`, { mode: 0o600 })

describe.concurrent('tool calls in the audit chain', () => {
  test('both sides record what was asked and how it ended, and agree; a stranger can check it', async () => {
    await using net = await TunnelNet.open()
    await net.bootstrap()
    allow(net.host, net.agent)
    await net.serve(EVERYTHING)
    const live = net.connect()
    await live.initialize()
    await call(live, 'list', 'tools/list', {})
    const request = await call(live, 'tool', 'tools/call', { name: 'echo', arguments: { message: 'hi' } })
    await call(live, 'prompt', 'prompts/get', { name: 'simple-prompt' })
    await call(live, 'none', 'prompts/get', { name: 'no-such-prompt' })
    await call(live, 'resource', 'resources/read', { uri: 'demo://resource/dynamic/text/1' })
    const result = await answerHash(live, 'tool')
    for (const id of ['list', 'prompt', 'none', 'resource']) await live.agent.answer(id)
    expect((await live.agent.answer('none')).error?.code).toBeLessThan(0)

    for (const [party, other, event] of [
      [net.host, net.agent, 'served'],
      [net.agent, net.host, 'asked']
    ] as const) {
      await eventually(async () => (await recordsOf(party, 'EXECUTION')).length === 4, 30_000)
      const invocations = await recordsOf(party, 'INVOCATION')
      expect(invocations).toHaveLength(4)
      const echoed = invocations.map(fieldsOf).find(fields => fields['tool'] === 'echo')!
      expect(echoed).toMatchObject({ event, peer: other.peerId, method: 'tools/call', service: 'mcp', request })
      expect(echoed['operation']).toMatch(/^mcp\/[0-9a-f]{48}\/[1-9][0-9]*$/)
      const executions = (await recordsOf(party, 'EXECUTION')).map(fieldsOf)
      const ended = executions.find(({ operation }) => operation === `${echoed['operation']}/end`)
      expect(ended).toMatchObject({ event, peer: other.peerId, outcome: 'result', result })
      expect(executions.map(({ outcome }) => outcome).sort()).toEqual(['error', 'result', 'result', 'result'])
      const names = invocations.map(fieldsOf).map(({ prompt, resource }) => prompt ?? resource)
      expect(names).toEqual(
        expect.arrayContaining(['simple-prompt', 'no-such-prompt', 'demo://resource/dynamic/text/1'])
      )
    }
    expect(await json(net.agent, {}, 'audit', 'reconcile', net.host.peerId)).toMatchObject({
      // and the session that both have
      compared: 9,
      matching: 9,
      counts: { missingHere: 0, missingThere: 0, differing: 0 }
    })

    const [{ id }] = (await recordsOf(net.host, 'INVOCATION')).filter(one => fieldsOf(one)['tool'] === 'echo') as [
      Shown
    ]
    const file = join(net.folder, 'proof.txt')
    await eventually(async () => {
      const opened = await talos(['audit', 'open', id, '--field', 'tool', '--field', 'request', '--output', file], {
        env: at(net.host)
      })
      return opened.status === 0
    }, 30_000)
    const nowhere = { TALOS_DATA_DIR: join(net.folder, 'none') }
    const args = ['proof', 'verify', '--file', file, '--offline', '--owner', net.host.peerId]
    expect(await json(net.host, nowhere, ...args)).toMatchObject({
      valid: true,
      kind: 'INVOCATION',
      fields: expect.arrayContaining([
        { name: 'tool', value: 'echo' },
        { name: 'request', base64: request }
      ])
    })
  }, 180_000)

  test('through daemons on both sides the records are in the chains of these', async () => {
    await using net = await TunnelNet.open()
    const port = await net.fixedPort()
    allow(net.host, net.agent)
    await net.start(net.host, 'daemon', 'ready', port)
    await net.start(net.agent, 'daemon', 'ready')
    await net.serve(tool, { port })
    const live = net.connect()
    await live.initialize()
    await call(live, 'a', 'tools/call', { name: 'quick' })
    await call(live, 'b', 'tools/call', { name: 'unknown' })
    expect((await live.agent.answer('b')).error?.code).toBe(-32601)
    for (const party of [net.host, net.agent]) {
      await eventually(async () => (await recordsOf(party, 'EXECUTION')).length === 2, 30_000)
      const outcomes = (await recordsOf(party, 'EXECUTION')).map(one => fieldsOf(one)['outcome'])
      expect(outcomes.sort()).toEqual(['error', 'result'])
    }
    expect(await json(net.agent, {}, 'audit', 'reconcile', net.host.peerId)).toMatchObject({
      compared: 5,
      matching: 5,
      counts: { missingHere: 0, missingThere: 0, differing: 0 }
    })
  }, 180_000)

  test('a host that is killed while a tool works has recorded what it was asked', async () => {
    await using net = await TunnelNet.open()
    const serving = await net.serve(tool)
    const live = net.connect()
    await live.initialize()
    await call(live, 'a', 'tools/call', { name: 'never' })
    await call(live, 'b', 'tools/call', { name: 'quick' })
    // records are written in order: with the second, the first is on disk
    await live.agent.answer('b')
    await net.kill(serving)
    expect((await live.agent.answer('a')).error?.code).toBe(5030)
    const { records, report } = await readTrail(net.host)
    expect(report).toMatchObject({ valid: true })
    const asked = records.find(one => one['tool'] === 'never')!
    expect(asked).toMatchObject({ event: 'served', method: 'tools/call' })
    expect(records.some(one => one['tool'] === 'quick')).toBe(true)
    expect(records.map(one => one['operation'])).not.toContain(`${asked['operation']}/end`)
    await eventually(
      async () => (await recordsOf(net.agent, 'EXECUTION')).some(one => fieldsOf(one)['outcome'] === 'link-lost'),
      30_000
    )
  }, 120_000)

  test('a stranger who comes again and again is a record, and a count', async () => {
    await using net = await TunnelNet.open()
    const serving = await net.serve(tool)
    const dataDir = join(net.folder, 'stranger')
    const { wallet } = await createWallet({ name: 'stranger', dataDir, insecurePlaintext: true })
    await addPeer({
      dataDir,
      name: 'host',
      peer: net.host.peerId,
      addresses: [`/ip4/127.0.0.1/tcp/${serving.port}`]
    })
    for (let i = 0; i < 4; i++) {
      const stranger = net.connect({ env: { TALOS_DATA_DIR: dataDir } })
      expect((await stranger.exited).code).toBe(6)
    }
    await serving.kill('SIGTERM')
    const { records, report } = await readTrail(net.host)
    expect(report).toMatchObject({ valid: true })
    const denials = records.filter(({ kind }) => kind === 12)
    expect(denials).toMatchObject([
      { event: 'refused', reason: 'not-authorised', peer: wallet.peerId, count: 1 },
      { event: 'refused', reason: 'not-authorised', peer: wallet.peerId, count: 3 }
    ])
  }, 120_000)

  test.skipIf(spawnSync('prlimit', ['--version']).status !== 0)(
    'a host whose disk is full carries out nothing that it cannot record, says so, and goes on when there is room',
    async () => {
      await using net = await TunnelNet.open()
      const serving = await net.serve(tool)
      const live = net.connect()
      await live.initialize()
      await call(live, 'a', 'tools/call', { name: 'quick' })
      expect((await live.agent.answer('a')).result).toBeDefined()
      const limit = (bytes: string): void => {
        expect(spawnSync('prlimit', ['--pid', String(serving.pid), `--fsize=${bytes}:`]).status).toBe(0)
      }
      limit('0')
      // the first is carried out, perhaps, and its answer withheld; those after it are not carried out
      for (const id of ['b', 'c', 'd']) {
        await call(live, id, 'tools/call', { name: 'quick' })
        expect((await live.agent.answer(id)).error).toMatchObject({ code: 5070, data: { reason: 'not-recorded' } })
      }
      await serving.event('not-recording')
      await call(live, 'list', 'tools/list', {})
      limit('unlimited')
      // the database is opened anew before it is written to again
      let calls = 4
      await eventually(async () => {
        const id = `again ${++calls}`
        await call(live, id, 'tools/call', { name: 'quick' })
        return (await live.agent.answer(id)).result !== undefined
      }, 30_000)
      live.child.stdin.end()
      await live.exited
      await serving.kill('SIGTERM')
      const { records, report } = await readTrail(net.host)
      expect(report).toMatchObject({ valid: true })
      // what was kept meanwhile is there too
      expect(records.filter(one => one['tool'] === 'quick')).toHaveLength(calls)
      const outcomes = records.flatMap(one => (one.kind === 8 ? [one['outcome']] : []))
      // the end of the first call may have been what could not be written: then none was withheld
      const isWithheld = outcomes.includes('withheld')
      const refused = Array<string>(calls - (isWithheld ? 3 : 2)).fill('refused')
      expect(outcomes.sort()).toEqual([...refused, 'result', 'result', ...(isWithheld ? ['withheld'] : [])])
    },
    120_000
  )
})
