import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TalosError } from '../../errors.ts'
import { DemoAgent } from './agent.ts'
import { Program, runJson } from './program.ts'
import { type DemoTool, demoTool } from './tool.ts'
import { Wire } from './wire.ts'

/** One thing that the demo has shown to be true. */
export interface DemoStep {
  title: string
  /** What was seen, a line or two. */
  lines: string[]
}

interface Identity {
  name: string
  peerId: string
  dataDir: string
  env: NodeJS.ProcessEnv
}

/** Calls made to measure: one after the other, then so many with 32 in flight. */
const SEQUENTIAL_CALLS = 200
const PARALLEL_CALLS = 1_500

/**
 * Shows what Talos does with real processes in a temporary folder: a bootstrap server, a tool's owner, an agent, a stranger,
 * and the network between them in somebody else's hands. Yields each step once it has been seen to be true; throws
 * DEMO_FAILED at the first that is not. Leaves nothing behind, however it ends.
 */
export async function* demo(signal: AbortSignal): AsyncGenerator<DemoStep> {
  const folder = await mkdtemp(join(tmpdir(), 'talos-demo-'))
  const programs: Program[] = []
  const wire = new Wire()
  const stop = (): void => {
    for (const program of programs) program.process.kill('SIGINT')
  }
  signal.addEventListener('abort', stop, { once: true })
  const run = (args: string[], env: NodeJS.ProcessEnv): Program => {
    signal.throwIfAborted()
    const program = new Program(args, env)
    programs.push(program)
    return program
  }
  try {
    yield* steps(folder, wire, run)
  } finally {
    signal.removeEventListener('abort', stop)
    await Promise.all(programs.reverse().map(program => program.stop()))
    await wire.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function* steps(
  folder: string,
  wire: Wire,
  run: (args: string[], env: NodeJS.ProcessEnv) => Program
): AsyncGenerator<DemoStep> {
  const [owner, agent, stranger] = await Promise.all(['owner', 'agent', 'stranger'].map(name => identity(folder, name)))
  yield {
    title: 'Three identities, each a key of its own',
    lines: [owner!, agent!, stranger!].map(({ name, peerId }) => `${name.padEnd(8)} ${peerId}`)
  }

  const server = run(
    ['server', '--port', '0', '--ws-port', '0', '--host', '127.0.0.1', '--json'],
    environment(folder, 'server')
  )
  const ready = JSON.parse(await server.line(line => line.includes('"ready"'), 'the bootstrap server'))
  const address: string = ready.addresses.find((text: string) => !text.includes('/ws'))
  for (const { env } of [owner!, agent!]) await runJson(['register', '--server', address], env)
  yield {
    title: 'A bootstrap server, where both register their name',
    lines: [address]
  }

  const share = join(folder, 'share')
  await mkdir(share)
  const tool = await demoTool(folder, share)
  const wirePort = await wire.listen()
  const host = serve(run, owner!, agent!, tool, wirePort)
  const serving = JSON.parse(await host.line(line => line.includes('"serving"'), 'the tool’s host'))
  wire.connectTo(Number(/\/tcp\/(\d+)/.exec(serving.listening.find((text: string) => !text.includes('/ws')))![1]))
  await host.line(line => line.includes('"registered"'), 'the registration of the host')
  const connect = run(['mcp-connect', 'owner'], agent!.env)
  const client = new DemoAgent(connect)
  const hello = await client.initialize()
  const { sessions } = await runJson<{ sessions?: Array<{ peer: string; confirmed: boolean }> }>(['status'], agent!.env)
  check(
    sessions?.some(session => session.peer === owner!.peerId && session.confirmed) === true,
    'there is no confirmed session',
    sessions
  )
  yield {
    title: 'The agent finds the owner by name, and they agree on keys nobody else has',
    lines: [
      'PQXDH: X25519 + ML-KEM-768 (safe against a quantum computer later), confirmed by both',
      'Double Ratchet: every message has a key of its own, erased after use'
    ]
  }

  const tools = (await client.request('tools/list')).result?.tools ?? []
  check(tools.length > 0, 'the agent sees no tools', tools)
  yield {
    title: `The agent sees the tools of ${tool.name} on the owner's machine`,
    lines: [
      `${hello.result?.serverInfo?.name}: ${tools.length} tools, ${tools
        .slice(0, 4)
        .map(({ name }) => name)
        .join(', ')}, …`
    ]
  }

  const secret = `the answer is ${randomUUID()}`
  await client.call(tool.write.tool, tool.write.args('note.txt', secret))
  const read = (): Promise<string> => client.call(tool.read.tool, tool.read.args('note.txt'))
  const text = await read()
  check(text === secret && (await readFile(join(share, 'note.txt'), 'utf8')) === secret, 'the call went wrong', text)
  yield { title: 'It writes a file there, and reads it back', lines: [`read_text_file note.txt → "${text}"`] }

  const leaks = [secret, 'tools/call', 'note.txt'].filter(
    word => wire.seen.out.includes(word) || wire.seen.back.includes(word)
  )
  check(leaks.length === 0 && wire.bytes > 1_000, 'the wire showed something', leaks)
  yield {
    title: `An observer of the wire saw ${wire.bytes} bytes pass, and not one word of it`,
    lines: [`agent → owner  ${glimpse(wire.seen.out)}`, `owner → agent  ${glimpse(wire.seen.back)}`]
  }

  yield { title: 'A stranger who asks gets one answer', lines: [await refused(run, stranger!, owner!, wirePort)] }

  wire.tamper()
  const afterForgery = await read()
  check(wire.tampered && afterForgery === secret, 'a forged packet did harm', afterForgery)
  yield {
    title: 'One bit is changed on the wire, in the middle of a call',
    lines: [`noticed, dropped, sent again: "${afterForgery}"`]
  }

  yield { title: 'It is quick', lines: [await measure(read)] }

  const cutAt = performance.now()
  wire.cut()
  const pending = read()
  setTimeout(() => wire.mend(), 500)
  const afterCut = await pending
  const back = connect.stderr.split('\n').findLast(line => line.includes('the link is back'))
  const way = back?.includes('relay') === true ? ", by way of the server's relay" : ''
  check(afterCut === secret && back !== undefined, 'the call did not survive the cut', afterCut)
  yield {
    title: 'The link is cut for half a second, in the middle of a call',
    lines: [
      `the same session went on${way}, answered after ${((performance.now() - cutAt) / 1000).toFixed(1)} s: "${afterCut}"`
    ]
  }
}

function serve(
  run: (args: string[], env: NodeJS.ProcessEnv) => Program,
  owner: Identity,
  agent: Identity,
  tool: DemoTool,
  wirePort: number
): Program {
  const args = ['mcp-serve', '--authorized-peer', agent.peerId, '--name', 'files', '--json', '--', ...tool.command]
  // others are told the observer's port, so that all that passes passes there
  const env = { TALOS_LISTEN: '/ip4/127.0.0.1/tcp/0', TALOS_ANNOUNCE: `/ip4/127.0.0.1/tcp/${wirePort}` }
  return run(args, { ...owner.env, ...env })
}

async function identity(folder: string, name: string): Promise<Identity> {
  const env = environment(folder, name)
  await writeFile(env['TALOS_PASSPHRASE_FILE']!, randomBytes(16).toString('hex'), { mode: 0o600 })
  const { peerId } = await runJson<{ peerId: string }>(['init', '--name', name], env)
  return { name, peerId, dataDir: env['TALOS_DATA_DIR']!, env }
}

/** Of our own environment only what a program needs: what a user has configured must not reach the demo. */
function environment(folder: string, name: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([key]) => !key.startsWith('TALOS_'))
  return {
    ...Object.fromEntries(own),
    TALOS_DATA_DIR: join(folder, name),
    TALOS_PASSPHRASE_FILE: join(folder, `${name}.passphrase`)
  }
}

async function refused(
  run: (args: string[], env: NodeJS.ProcessEnv) => Program,
  stranger: Identity,
  owner: Identity,
  port: number
): Promise<string> {
  await runJson(['peers', 'add', 'owner', owner.peerId, `/ip4/127.0.0.1/tcp/${port}`], stranger.env)
  const connect = run(['mcp-connect', 'owner'], stranger.env)
  const answer = await new DemoAgent(connect).initialize()
  const status = await connect.ended
  check(answer.error !== undefined && status !== 0, 'the stranger was let in', answer)
  return `"${answer.error?.message}"`
}

async function measure(call: () => Promise<string>): Promise<string> {
  const times: number[] = []
  for (let i = 0; i < SEQUENTIAL_CALLS; i++) {
    const start = performance.now()
    await call()
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const start = performance.now()
  let made = 0
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (made++ < PARALLEL_CALLS) await call()
    })
  )
  const rate = PARALLEL_CALLS / ((performance.now() - start) / 1000)
  const median = times[SEQUENTIAL_CALLS / 2]!
  return `median of ${SEQUENTIAL_CALLS} calls ${median.toFixed(1)} ms; ${Math.round(rate)} calls/s with 32 in flight, the tool's own work included`
}

function check(isTrue: boolean, what: string, seen: unknown): void {
  if (!isTrue) throw new TalosError('DEMO_FAILED', `not as it should be: ${what}`, { hint: JSON.stringify(seen) })
}

function glimpse(bytes: Buffer): string {
  return `…${bytes.subarray(-24).toString('hex')}`
}
