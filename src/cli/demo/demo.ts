import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TalosError } from '../../errors.ts'
import { EXIT } from '../exit-codes.ts'
import { DemoAgent } from './agent.ts'
import type { Program } from './program.ts'
import { Programs } from './programs.ts'
import { Remains } from './remains.ts'
import { type DemoTool, demoTool } from './tool.ts'
import { Wire } from './wire.ts'

/** One thing that the demo has shown to be true. */
export interface DemoStep {
  title: string
  /** What was seen, a line or two. */
  lines: string[]
}

interface Registered {
  registrations: Array<{ name: string; server: string }>
}

/** What the demo reads of `talos status --json`. */
interface SessionReport {
  peer: string
  confirmed: boolean
  keyAgreement: string
}

interface Identity {
  name: string
  peerId: string
  env: NodeJS.ProcessEnv
}

/** Calls made to measure: one after the other, then so many with 32 in flight. */
const SEQUENTIAL_CALLS = 200
const PARALLEL_CALLS = 1_500
/** How long the wire stays cut. Milliseconds. */
const CUT = 500

/**
 * Shows what Talos does with real processes in a temporary folder: a bootstrap server, a tool's owner, an agent, a stranger,
 * and the network between them in somebody else's hands. Yields each step once it has been seen to be true; throws
 * DEMO_FAILED at the first that is not, and the signal's reason. Leaves nothing behind, even when it is killed outright.
 */
export async function* demo(signal: AbortSignal): AsyncGenerator<DemoStep> {
  const folder = await temporaryFolder()
  const remains = new Remains(folder)
  const programs = new Programs(remains)
  const wire = new Wire()
  const stop = (): void => programs.fail(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    for await (const step of steps(folder, wire, programs)) {
      if (programs.failure !== undefined) throw programs.failure
      yield step
    }
  } catch (error) {
    throw programs.failure ?? error
  } finally {
    signal.removeEventListener('abort', stop)
    await programs.stop()
    await wire.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    await remains.close()
  }
}

async function temporaryFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'talos-demo-'))
  } catch (cause) {
    throw new TalosError('DEMO_FAILED', `cannot make a temporary folder: ${(cause as Error).message}`, {
      hint: 'TMPDIR says where.',
      cause
    })
  }
}

async function* steps(folder: string, wire: Wire, programs: Programs): AsyncGenerator<DemoStep> {
  const [owner, agent, stranger] = (await Promise.all(
    ['owner', 'agent', 'stranger'].map(name => identity(folder, name, programs))
  )) as [Identity, Identity, Identity]
  const all = [owner, agent, stranger]
  check(new Set(all.map(({ peerId }) => peerId)).size === 3, 'two identities are the same', all)
  yield {
    title: 'Three identities, each a key of its own',
    lines: all.map(({ name, peerId }) => `${name.padEnd(8)} ${peerId}`)
  }

  const args = ['server', '--port', '0', '--ws-port', '0', '--host', '127.0.0.1', '--json']
  const server = programs.keep('the bootstrap server', args, environment(folder, 'server'))
  const ready = JSON.parse(await server.expect('the bootstrap server', server.output.any('"ready"')))
  const address: string = ready.addresses.find((text: string) => !text.includes('/ws'))
  await Promise.all([owner, agent].map(identity => registered(programs, identity, address, ready.peerId)))
  yield { title: 'A bootstrap server, where both register their name', lines: [address] }

  const share = join(folder, 'share')
  await mkdir(share)
  const tool = await demoTool(folder, share)
  const wirePort = await wire.listen()
  const host = serve(programs, owner, agent, tool, wirePort)
  const serving = JSON.parse(await host.expect('the tool’s host', host.output.any('"serving"')))
  wire.connectTo(Number(/\/tcp\/(\d+)/.exec(serving.listening.find((text: string) => !text.includes('/ws')))![1]))
  await host.expect('the registration of the host', host.output.any('"registered"'))
  const connect = programs.keep('the agent’s talos mcp-connect', ['mcp-connect', 'owner'], agent.env)
  const client = new DemoAgent(connect)
  const hello = await client.initialize()
  const { sessions } = await programs.json<{ sessions?: SessionReport[] }>(['status'], agent.env)
  const session = sessions?.find(({ peer, confirmed }) => peer === owner.peerId && confirmed)
  check(session?.keyAgreement.includes('ML-KEM') === true, 'there is no confirmed session', sessions)
  yield {
    title: 'The agent finds the owner by name, and they agree on keys nobody else has',
    lines: [
      `${session!.keyAgreement} (safe against a quantum computer later), confirmed by both`,
      'Double Ratchet: every message has a key of its own, erased after use'
    ]
  }

  const names = ((await client.request('tools/list')).result?.tools ?? []).map(({ name }) => name)
  check(names.includes(tool.write.tool) && names.includes(tool.read.tool), 'the agent does not see the tools', names)
  yield {
    title: `The agent sees the tools of ${tool.name} on the owner's machine`,
    lines: [
      `${hello.result?.serverInfo?.name}: ${names.length} tools, ${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''}`
    ]
  }

  const secret = `the answer is ${randomUUID()}`
  await client.call(tool.write.tool, tool.write.args('note.txt', secret))
  const read = async (): Promise<string> => {
    const text = await client.call(tool.read.tool, tool.read.args('note.txt'))
    check(text === secret, 'the tool’s answer is another one', text)
    return text
  }
  const text = await read()
  const written = await readFile(join(share, 'note.txt'), 'utf8').catch(error => error.message)
  check(written === secret, 'the file is not what was written', written)
  yield { title: 'It writes a file there, and reads it back', lines: [`read_text_file note.txt → "${text}"`] }

  const leaks = [secret, 'tools/call', 'note.txt'].filter(
    word => wire.seen.out.includes(word) || wire.seen.back.includes(word)
  )
  check(leaks.length === 0 && wire.bytes > 1_000, 'the wire showed something', { leaks, bytes: wire.bytes })
  yield {
    title: `An observer of the wire saw ${wire.bytes} bytes pass, and not one word of it`,
    lines: [`agent → owner  ${glimpse(wire.seen.out)}`, `owner → agent  ${glimpse(wire.seen.back)}`]
  }

  const refusal = await refused(programs, stranger, owner, wirePort)
  yield { title: 'A stranger who asks gets one answer', lines: [refusal] }

  yield { title: 'It is quick', lines: [await measure(read)] }

  const mended = connect.notes.next('the link is back')
  wire.tamper()
  const afterForgery = await read()
  check(wire.tampered, 'no packet was forged', undefined)
  const back = await connect.expect('the link, after a forged packet,', mended)
  yield {
    title: 'One bit is changed on the wire, in the middle of a call',
    // the ratchet of the session inside would refuse it too; it never gets that far
    lines: [`the link's own encryption noticed, and dropped it; over another link: "${afterForgery}"`]
  }

  // a cut of this wire is no news to a link that has gone by way of the relay
  if (back.includes('relay')) await connect.expect('a direct link', connect.notes.any('the link is direct now'))
  const cutAt = performance.now()
  const mendedAgain = connect.notes.next('the link is back')
  const pending = read()
  check(wire.cut(), 'there was no link to cut', undefined)
  setTimeout(() => wire.mend(), CUT)
  const afterCut = await pending
  const seconds = ((performance.now() - cutAt) / 1000).toFixed(1)
  const way = (await connect.expect('the link, after the cut,', mendedAgain)).includes('relay')
  yield {
    title: 'The link is cut for half a second, in the middle of a call',
    lines: [
      `the same session went on${way ? ", by way of the server's relay" : ''}, answered after ${seconds} s: "${afterCut}"`
    ]
  }
}

function serve(programs: Programs, owner: Identity, agent: Identity, tool: DemoTool, wirePort: number): Program {
  const args = ['mcp-serve', '--authorized-peer', agent.peerId, '--name', 'files', '--json', '--', ...tool.command]
  // others are told the observer's port, so that all that passes passes there
  const env = { TALOS_LISTEN: '/ip4/127.0.0.1/tcp/0', TALOS_ANNOUNCE: `/ip4/127.0.0.1/tcp/${wirePort}` }
  return programs.keep('the tool’s host', args, { ...owner.env, ...env })
}

async function identity(folder: string, name: string, programs: Programs): Promise<Identity> {
  const env = environment(folder, name)
  await writeFile(env['TALOS_PASSPHRASE_FILE']!, randomBytes(16).toString('hex'), { mode: 0o600 })
  const { peerId } = await programs.json<{ peerId: string }>(['init', '--name', name], env)
  return { name, peerId, env }
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

async function registered(programs: Programs, { name, env }: Identity, address: string, server: string): Promise<void> {
  const { registrations } = await programs.json<Registered>(['register', '--server', address], env)
  const made = registrations.some(registration => registration.name === name && registration.server === server)
  check(made, `${name} is not registered`, registrations)
}

async function refused(programs: Programs, stranger: Identity, owner: Identity, port: number): Promise<string> {
  await programs.json(['peers', 'add', 'owner', owner.peerId, `/ip4/127.0.0.1/tcp/${port}`], stranger.env)
  const connect = programs.run(['mcp-connect', 'owner'], stranger.env)
  const answer = await new DemoAgent(connect).initialize()
  const status = await connect.expect('the end of the stranger', connect.ended)
  const message = answer.error?.message ?? ''
  check(/not authorised/i.test(message) && status === EXIT.refused, 'the stranger was not refused', { answer, status })
  return `"${message}"`
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
  if (!isTrue)
    throw new TalosError(
      'DEMO_FAILED',
      `not as it should be: ${what}`,
      seen === undefined ? {} : { hint: JSON.stringify(seen) }
    )
}

function glimpse(bytes: Buffer): string {
  return `…${bytes.subarray(-24).toString('hex')}`
}
