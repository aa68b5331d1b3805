import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { within } from '../support/nodes.ts'
import { freePort } from '../support/ports.ts'
import { TALOS, talos } from '../support/talos.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PASSPHRASE = { TALOS_PASSPHRASE: 'correct horse battery staple' }

interface Ready {
  peerId: string
  addresses: string[]
  metricsUrl?: string
  dataDir: string
}

interface ServerProcess extends Ready {
  port: number
  /** Resolves with the exit status, or the name of the signal that ended it. */
  kill(signal: NodeJS.Signals): Promise<number | string>
  stdout: string[]
}

/** A real `talos server`; killed when the test ends. */
async function server(dataDir: string, ...flags: string[]): Promise<ServerProcess> {
  const args = ['server', '--json', '--host', '127.0.0.1', '--data-dir', dataDir, ...flags]
  const child = spawn(process.execPath, [TALOS, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close').then(([status, signal]) => (status ?? signal) as number | string)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const stdout: string[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => stdout.push(line))
  const first = once(lines, 'line').then(([line]) => JSON.parse(line as string) as Ready & { event: string })
  const ready = await within(first, 'the server is ready', 20_000)
  expect(ready.event).toBe('ready')
  const tcp = ready.addresses.find(address => !address.includes('/ws'))!
  return {
    ...ready,
    port: Number(/\/tcp\/(\d+)/.exec(tcp)![1]),
    stdout,
    kill: async signal => {
      child.kill(signal)
      return within(ended, `the server ends on ${signal}`, 5_000)
    }
  }
}

async function agent(folder: string, name: string): Promise<string> {
  const dataDir = join(folder, name)
  expect((await talos(['init', '--name', name, '--data-dir', dataDir], { env: PASSPHRASE })).status).toBe(0)
  return dataDir
}

async function inFolder(dataDir: string, ...args: string[]) {
  const run = await talos([...args, '--json', '--data-dir', dataDir], { env: PASSPHRASE })
  return { ...run, json: JSON.parse(run.stdout) }
}

test('killed -9 and started again: the same identity, the registrations kept, the name still held', async () => {
  const folder = temporaryFolder()
  const data = join(folder, 'server')
  const port = String(await freePort())
  const first = await server(data, '--port', port, '--ws-port', '0')
  const [alice, bob] = [await agent(folder, 'alice'), await agent(folder, 'bob')]
  const registered = await inFolder(alice, 'register', '--server', `localhost:${port}`)
  expect(registered).toMatchObject({
    status: 0,
    json: { registrations: [{ server: first.peerId, name: 'alice', isNew: true }], failed: [] }
  })
  expect(await first.kill('SIGKILL')).toBe('SIGKILL')

  const unreachable = await inFolder(alice, 'register')
  expect(unreachable).toMatchObject({ status: 5, json: { error: { code: 'REGISTRY_UNREACHABLE' } } })
  // each address and why, that of the WebSocket too
  const { json } = await inFolder(bob, 'register', '--server', `127.0.0.1:${port}`)
  expect(json).toMatchObject({
    error: { message: expect.stringMatching(/nothing listens there.*\/ws: no WebSocket answers there/) }
  })

  const second = await server(data, '--port', port, '--ws-port', '0')
  expect(second.peerId).toBe(first.peerId)
  const status = await inFolder(alice, 'status')
  expect(status.json).toMatchObject({
    identity: { name: 'alice' },
    servers: [{ peerId: first.peerId, reachable: true, registered: { name: 'alice' } }]
  })
  const taken = await inFolder(bob, 'register', '--server', `127.0.0.1:${port}`, '--name', 'Alice')
  expect(taken).toMatchObject({ status: 5, json: { error: { code: 'REGISTRY_NAME_TAKEN' } } })
  expect(taken.json.error.message).toContain(status.json.identity.peerId)
  const found = await inFolder(alice, 'peers', 'find', 'ali')
  expect(found.json.peers).toMatchObject([{ name: 'alice', peerId: status.json.identity.peerId }])
  expect(await second.kill('SIGTERM')).toBe(0)
}, 120_000)

test('another identity at the address of a remembered server is an error until it is accepted', async () => {
  const folder = temporaryFolder()
  const port = String(await freePort())
  const first = await server(join(folder, 'one'), '--port', port, '--ws-port', '0')
  const alice = await agent(folder, 'alice')
  expect((await inFolder(alice, 'register', '--server', `127.0.0.1:${port}`)).status).toBe(0)
  expect(await first.kill('SIGINT')).toBe(0)
  const second = await server(join(folder, 'two'), '--port', port, '--ws-port', '0')
  for (const args of [['register'], ['register', '--server', `localhost:${port}`]]) {
    const changed = await inFolder(alice, ...args)
    expect(changed).toMatchObject({ status: 5, json: { error: { code: 'REGISTRY_SERVER_CHANGED' } } })
    expect(changed.json.error.message).toContain(first.peerId)
    expect(changed.json.error.message).toContain(second.peerId)
    expect(changed.json.error.hint).toContain('--accept-new-identity')
  }
  expect((await inFolder(alice, 'status')).json.servers[0]).toMatchObject({
    reachable: false,
    error: { code: 'REGISTRY_SERVER_CHANGED' }
  })
  const accepted = await inFolder(alice, 'register', '--server', `127.0.0.1:${port}`, '--accept-new-identity')
  expect(accepted.json.registrations[0]).toMatchObject({ server: second.peerId })
  const servers = (await inFolder(alice, 'status')).json.servers
  expect(servers).toMatchObject([{ peerId: second.peerId, reachable: true }])
  // a PeerId in the address is believed from the start
  const wrong = `/ip4/127.0.0.1/tcp/${port}/p2p/${first.peerId}`
  expect((await inFolder(alice, 'register', '--server', wrong)).json.error.code).toBe('REGISTRY_SERVER_CHANGED')
}, 120_000)

test('health, readiness and metrics', async () => {
  const { metricsUrl, stdout, kill } = await server(temporaryFolder(), '--port', '0', '--metrics-port', '0')
  const get = async (path: string) => fetch(`${metricsUrl}${path}`, { signal: AbortSignal.timeout(5_000) })
  expect(await (await get('/healthz')).json()).toMatchObject({ status: 'ok', connections: 0, registrations: 0 })
  expect(await (await get('/readyz')).json()).toEqual({ ready: true })
  const metrics = await get('/metrics')
  expect(metrics.headers.get('content-type')).toContain('text/plain')
  const text = await metrics.text()
  for (const name of [
    'talos_info{version=',
    'talos_connections{path="direct"} 0',
    'talos_relay_reservations 0',
    'talos_registry_registrations 0',
    'process_resident_memory_bytes '
  ]) {
    expect(text).toContain(name)
  }
  expect((await get('/elsewhere')).status).toBe(404)
  expect((await fetch(`${metricsUrl}/metrics`, { method: 'POST' })).status).toBe(405)
  expect(await kill('SIGTERM')).toBe(0)
  expect(JSON.parse(stdout.at(-1)!)).toEqual({ event: 'stopped' })
})

test('a port that is in use, one data directory for two servers, a bad multiaddr: one sentence each', async () => {
  const folder = temporaryFolder()
  const running = await server(join(folder, 'one'), '--port', '0')
  const start = (dataDir: string, ...flags: string[]) =>
    talos(['server', '--json', '--host', '127.0.0.1', '--data-dir', join(folder, dataDir), ...flags])
  const cases: Array<[string, Promise<{ status: number | null; stdout: string }>]> = [
    ['NETWORK_PORT_IN_USE', start('two', '--port', String(running.port), '--ws-port', '0')],
    ['NETWORK_PORT_IN_USE', start('two', '--port', '0', '--metrics-port', String(running.port))],
    ['STORAGE_LOCKED', start('one', '--port', '0')],
    ['NETWORK_ANNOUNCE_INVALID', start('two', '--port', '0', '--announce', 'talos.example')],
    ['NETWORK_HOST_INVALID', talos(['server', '--json', '--data-dir', folder, '--host', 'no.such.host.invalid'])],
    ['NETWORK_PORT_INVALID', start('two', '--port', '65535')]
  ]
  for (const [code, started] of cases) {
    const { status, stdout } = await started
    expect(JSON.parse(stdout).error.code).toBe(code)
    expect(status).not.toBe(0)
  }
}, 120_000)

test('the host key is a file of 32 bytes that only its owner can read, and is used only like that', async () => {
  const folder = temporaryFolder()
  const data = join(folder, 'data')
  const first = await server(data, '--port', '0')
  const key = join(data, 'server', 'identity.key')
  expect(statSync(key).mode & 0o777).toBe(0o600)
  expect(readFileSync(key)).toHaveLength(32)
  await first.kill('SIGTERM')

  // the same identity from a file that is provided, in digits
  const secret = join(folder, 'secret')
  writeFileSync(secret, `${readFileSync(key).toString('hex')}\n`, { mode: 0o440 })
  const provided = await server(join(folder, 'other'), '--port', '0', '--identity-file', secret)
  expect(provided.peerId).toBe(first.peerId)

  const start = async (...flags: string[]) => {
    const run = await talos(['server', '--json', '--host', '127.0.0.1', '--port', '0', '--data-dir', data, ...flags])
    return JSON.parse(run.stdout).error.code
  }
  chmodSync(secret, 0o444)
  expect(await start('--identity-file', secret)).toBe('STORAGE_KEY_OPEN')
  expect(await start('--identity-file', join(folder, 'none'))).toBe('STORAGE_READ_FAILED')
  chmodSync(key, 0o644)
  expect(await start()).toBe('STORAGE_KEY_OPEN')
  chmodSync(key, 0o600)
  writeFileSync(key, 'too short')
  expect(await start()).toBe('STORAGE_KEY_CORRUPT')
  expect(readFileSync(key, 'utf8')).toBe('too short')
}, 120_000)

test('ping and peers find say what is missing', async () => {
  const folder = temporaryFolder()
  const { port } = await server(join(folder, 'server'), '--port', '0')
  const none = join(folder, 'none')
  expect((await inFolder(none, 'peers', 'find')).json.error.code).toBe('REGISTRY_NONE')
  expect((await inFolder(none, 'peers', 'find', 'a')).json.error.code).toBe('USAGE_PREFIX_SHORT')
  expect((await inFolder(none, 'peers', 'find', '--server', `localhost:${port}`)).json.peers).toEqual([])
  expect((await inFolder(none, 'ping', 'nobody')).json.error.code).toBe('PEER_UNKNOWN')
  const alice = await agent(folder, 'alice')
  const registered = await inFolder(alice, 'register', '--server', `localhost:${port}`)
  expect(registered.status).toBe(0)
  const unreachable = await inFolder(none, 'ping', 'alice')
  expect(unreachable).toMatchObject({ status: 5, json: { error: { code: 'NETWORK_PEER_UNREACHABLE' } } })
}, 120_000)

test('a tool is never served to whoever holds a name at a server', async () => {
  const folder = temporaryFolder()
  const { port } = await server(join(folder, 'server'), '--port', '0')
  const [alice, bob] = [await agent(folder, 'alice'), await agent(folder, 'bob')]
  for (const dataDir of [alice, bob]) await inFolder(dataDir, 'register', '--server', `localhost:${port}`)
  expect((await inFolder(alice, 'peers', 'find', 'bob')).json.peers).toHaveLength(1)
  const serving = await inFolder(alice, 'mcp-serve', '--authorized-peer', 'bob', '--command', 'cat')
  expect(serving).toMatchObject({ status: 4, json: { error: { code: 'PEER_UNKNOWN' } } })
}, 120_000)
