// `npm run test:net`: two hosts in LANs behind NATs, and a public server, in network namespaces of this kernel. Messages and a
// tunnel go through the relay, and go on when packets are lost, the rate is small, the link is cut, and an address changes.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { attach } from '../src/node/control/client.ts'
import type { NodeApi } from '../src/node/control/methods.ts'
import { createWallet } from '../src/node/wallet/index.ts'
import { LiveAgent, LiveProcess } from '../test/support/live-process.ts'
import { TALOS } from '../test/support/talos.ts'
import { within } from '../test/support/within.ts'
import { ROOT } from './bundle.ts'
import { Lans, type Place, SERVER } from './netns/lans.ts'

/** Within which everything is back when the link is. Milliseconds. */
const BACK_WITHIN = 5_000
/** A connection from an address that is gone is given up when another one is answered, after 8 s of silence. Milliseconds. */
const MOVED_WITHIN = 20_000
const CUT = 10_000
const TOOL = join(ROOT, 'test/fixtures/slow-tool.mjs')

const why = reasonToSkip()
if (why !== undefined) {
  console.log(`skipped: ${why}`)
  process.exit(0)
}

const folder = mkdtempSync(join(tmpdir(), 'talos-lans-'))
const lans = new Lans(`talos${process.pid}`)
const running: LiveProcess[] = []
const started = performance.now()
const done = (what: string): void => console.log(`ok  ${((performance.now() - started) / 1000).toFixed(1)} s  ${what}`)
const since = (start: number): string => `${((performance.now() - start) / 1000).toFixed(1)} s`
let failed = false
let calls = 0
/** What was sent, and to whom. */
const texts: Array<{ to: Host; text: string }> = []

interface Host {
  peerId: string
  dataDir: string
  api: NodeApi
}

try {
  await test()
} catch (error) {
  failed = true
  console.log(`FAILED: ${(error as Error).stack}`)
  for (const live of running)
    console.log(`--- ${live.child.spawnargs.slice(3, 8).join(' ')}\n${live.said.slice(-8).join('\n')}`)
} finally {
  await Promise.allSettled(running.toReversed().map(live => live.kill('SIGKILL')))
  lans[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)

async function test(): Promise<void> {
  const server = talos('server', 'server', ['--data-dir', join(folder, 'server')])
  await server.event('ready')
  const [a, b] = [await host('a'), await host('b')]
  done('both are registered at the public server, each from behind its NAT')

  await message(a, b)
  await message(b, a)
  assert.equal(await isDirect('b', b, a), false)
  done('messages both ways, through the relay')

  const serving = talos('a', 'mcp-serve', [
    '--data-dir',
    a.dataDir,
    '--authorized-peer',
    b.peerId,
    '--command',
    `${process.execPath} ${TOOL}`
  ])
  await serving.event('serving')
  const agent = new LiveAgent(program('b', ['mcp-connect', a.peerId, '--data-dir', b.dataDir]), {})
  running.push(agent)
  await agent.initialize()
  await call(agent)
  done('a tool is called through the relay')

  lans.lose(10)
  const lossy = performance.now()
  await Promise.all(Array.from({ length: 20 }, () => message(a, b)))
  for (let count = 0; count < 5; count++) await call(agent)
  lans.lose(0)
  done(`10 % of the packets lost, each way: 20 messages and 5 calls in ${since(lossy)}`)

  lans.limit('1mbit')
  const slow = performance.now()
  await message(a, b, 200_000)
  lans.limit(undefined)
  assert.ok(performance.now() - slow > 1_000, 'the rate was limited')
  done(`1 Mbit/s: a message of 200 kB in ${since(slow)}`)

  // the call is under way when the link goes, and its answer is due while it is away
  const answer = call(agent, 3_000)
  answer.catch(() => {})
  await delay(500)
  lans.link('down')
  const [toA, toB] = [message(b, a, 0, CUT + BACK_WITHIN), message(a, b, 0, CUT + BACK_WITHIN)]
  await delay(CUT)
  lans.link('up')
  const back = performance.now()
  const times = [answer, toA, toB].map(async work => {
    await within(work, 'what was under way when the link was cut', BACK_WITHIN)
    return performance.now() - back
  })
  const late = (await Promise.all(times)).map(time => `${(time / 1000).toFixed(1)} s`)
  done(`the link cut for 10 s: the call's answer ${late[0]}, messages ${late[1]} and ${late[2]} after its return`)

  lans.move()
  const moved = performance.now()
  const works = [call(agent), message(a, b, 10, MOVED_WITHIN), message(b, a, 10, MOVED_WITHIN)]
  const [called, fromA, toIt] = await Promise.all(works.map(work => work.then(() => since(moved))))
  done(`another address for a: the same session's next call after ${called}, messages after ${fromA} and ${toIt}`)

  for (const host of [a, b]) {
    const sent = texts.filter(({ to }) => to === host).map(({ text }) => text)
    assert.deepEqual((await received(host)).toSorted(), sent.toSorted())
  }
  done(`each of the ${texts.length} messages is in its receiver's history, once`)
}

function program(place: Place, args: readonly string[]) {
  const [file, ...words] = lans.within(place)
  return { file, args: [...words, process.execPath, TALOS, ...args] }
}

function talos(place: Place, command: string, args: readonly string[]): LiveProcess {
  const live = new LiveProcess(program(place, [command, '--json', ...args]), { TALOS_SERVERS: `${SERVER}:8765` })
  running.push(live)
  return live
}

async function host(place: 'a' | 'b'): Promise<Host> {
  const dataDir = join(folder, place)
  const { wallet } = await createWallet({ name: place, dataDir, insecurePlaintext: true })
  const daemon = talos(place, 'daemon', ['--data-dir', dataDir])
  await daemon.event('registered')
  const remote = await attach(dataDir)
  assert.ok(remote !== undefined, 'the daemon has a control socket')
  return { peerId: wallet.peerId, dataDir, api: remote.api }
}

/** Resolves when it is on the other's disk. */
async function message(from: Host, to: Host, size = 10, timeout = 60_000): Promise<void> {
  const text = `number ${texts.length} `.padEnd(size, 'x')
  texts.push({ to, text })
  const { id } = await from.api.send({ peer: to.peerId, content: Buffer.from(text) })
  const { state } = await from.api.waitFor({ id, state: 'delivered' }, { signal: AbortSignal.timeout(timeout) })
  assert.equal(state, 'delivered')
}

async function received({ api }: Host): Promise<string[]> {
  const history = await api.history({ limit: 1000 })
  return history.filter(({ direction }) => direction === 'in').map(({ content }) => Buffer.from(content).toString())
}

async function call(agent: LiveAgent, after = 0): Promise<void> {
  const id = ++calls
  await agent.agent.write({ id, method: 'tools/call', params: { name: 'slow', arguments: { after } } })
  const { result, error } = await agent.agent.answer(id)
  assert.ok(result !== undefined, `the call failed: ${JSON.stringify(error)}`)
}

async function isDirect(place: Place, from: Host, to: Host): Promise<boolean> {
  const { file, args } = program(place, ['ping', to.peerId, '--count', '1', '--json', '--data-dir', from.dataDir])
  const { stdout } = spawnSync(file, args, { encoding: 'utf8', timeout: 60_000 })
  return (JSON.parse(stdout) as { direct: boolean }).direct
}

function reasonToSkip(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux'
  if (process.getuid?.() !== 0) return 'only root may make network namespaces'
  for (const tool of ['ip', 'nft', 'tc']) {
    if (spawnSync(tool, ['-V'], { stdio: 'ignore' }).error !== undefined)
      return `${tool} is missing (packages iproute2, nftables)`
  }
  const name = `talos-probe-${process.pid}`
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  if (made.status !== 0) return `this kernel gives no network namespace: ${made.stderr.trim()}`
  spawnSync('ip', ['netns', 'del', name])
  return undefined
}
