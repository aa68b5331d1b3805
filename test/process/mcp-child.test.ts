import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Child, serverEnvironment } from '../../src/protocols/mcp/child.ts'
import { Guardian } from '../../src/protocols/mcp/guardian.ts'
import { script } from '../support/mcp-tunnel.ts'
import { childrenOf, eventually, runs } from '../support/processes.ts'

let guardian: Guardian
let child: Child | undefined
beforeEach(() => {
  guardian = new Guardian()
})
afterEach(async () => {
  await child?.stop()
  child = undefined
  guardian.close()
})

/** Prints its pid, the pid of a process that it started, and lives until it is killed; neither cares for EOF or SIGTERM. */
const STUBBORN = `
  process.on('SIGTERM', () => {})
  setInterval(() => {}, 1000)
  process.stdin.resume()
`
const STUBBORN_FAMILY = script(`
  ${STUBBORN}
  const kin = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(`${STUBBORN}; console.log(1)`)}], { stdio: ['ignore', 'pipe', 'inherit'] })
  kin.stdout.once('data', () => line(process.pid + ' ' + kin.pid))
`)

async function firstLine(of: Child): Promise<string> {
  const [chunk] = await once(of.output, 'data')
  return String(chunk).trim()
}

test('a server that ends at the end of its input ends by itself', async () => {
  child = await Child.start(script("on(() => {}); line('up')"), { guardian })
  await firstLine(child)
  await child.stop()
  expect(await child.ended).toEqual({ code: 0, signal: null })
  expect(runs(child.pid)).toBe(false)
})

test('one that ignores the end of its input and SIGTERM, and its children, are gone within 4 s', async () => {
  child = await Child.start(STUBBORN_FAMILY, { guardian })
  const pids = (await firstLine(child)).split(' ').map(Number)
  expect(pids.every(runs)).toBe(true)
  let stopped = false
  void child.stop().then(() => {
    stopped = true
  })
  await eventually(() => stopped, 4500)
  expect(pids.some(runs)).toBe(false)
  expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' })
})

test('what a server leaves behind when it ends is ended too', async () => {
  child = await Child.start(
    script(`
      const kin = require('node:child_process').spawn('sleep', ['60'], { stdio: 'inherit' })
      line(String(kin.pid))
      on(() => process.exit(7))
    `),
    { guardian }
  )
  const kin = Number(await firstLine(child))
  expect(runs(kin)).toBe(true)
  await child.send([Buffer.from('{}')])
  expect(await child.ended).toEqual({ code: 7, signal: null })
  await child.stop()
  expect(runs(kin)).toBe(false)
})

test('a server that closes its output counts as ended', async () => {
  child = await Child.start(
    script("line('up'); setTimeout(() => require('node:fs').closeSync(1), 10); setInterval(() => {}, 1000)"),
    { guardian }
  )
  child.output.resume()
  await child.ended
  await child.stop()
  expect(runs(child.pid)).toBe(false)
})

test('the last words of a server that ends are all there', async () => {
  child = await Child.start(script("line('x'.repeat(50000)); process.exitCode = 3"), { guardian })
  const chunks: Buffer[] = []
  for await (const chunk of child.output) chunks.push(chunk)
  expect(Buffer.concat(chunks).length).toBe(50001)
  expect((await child.ended).code).toBe(3)
})

test.each([
  [{ file: '/nowhere/at/all', args: [] }, 'no such program'],
  [{ file: process.execPath, args: [], cwd: '/nowhere' }, 'no such working directory'],
  [{ file: '/etc/passwd', args: [] }, 'may not be executed'],
  [{ file: 'a\0b', args: [] }, 'null bytes']
])('%o cannot be started', async (spec, why) => {
  await expect(Child.start(spec, { guardian })).rejects.toMatchObject({
    code: 'TUNNEL_SERVER_START',
    message: expect.stringContaining(why)
  })
})

test('the environment is minimal, and what was asked for', async () => {
  process.env['TALOS_TEST_SECRET'] = 'secret'
  try {
    expect(serverEnvironment()).not.toHaveProperty('TALOS_TEST_SECRET')
    const spec = script('line(JSON.stringify(process.env)); on(() => {})')
    child = await Child.start({ ...spec, env: { EXTRA: 'yes' } }, { guardian })
    const env = JSON.parse(await firstLine(child))
    expect(env).toMatchObject({ EXTRA: 'yes', PATH: process.env['PATH'] })
    expect(
      Object.keys(env).filter(name => !['EXTRA', 'HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER'].includes(name))
    ).toEqual([])
  } finally {
    delete process.env['TALOS_TEST_SECRET']
  }
})

test('standard error comes as safe, bounded lines', async () => {
  const lines: string[] = []
  child = await Child.start(
    script(`
      process.stderr.write('\\x1b[31mred\\x07\\u202e\\n' + 'y'.repeat(10000) + '\\n' + 'flood\\n'.repeat(5000))
      line('up'); on(() => {})
    `),
    { guardian, onStderr: line => lines.push(line) }
  )
  await firstLine(child)
  await eventually(() => lines.length >= 100)
  expect(lines[0]).toBe('\\u{1b}[31mred\\u{7}\\u{202e}')
  expect(lines[1]).toMatch(/^y{4096}… \(5904 bytes left out\)$/)
  await child.stop()
  expect(lines.length).toBeLessThan(1000)
})

describe('when the serving process is killed with SIGKILL', () => {
  const hosts: ChildProcess[] = []
  afterEach(() => {
    for (const serving of hosts.splice(0)) serving.kill('SIGKILL')
  })

  /** A process of its own that starts a stubborn family, and prints the pids of it and of its guardian. */
  async function host(): Promise<{ pid: number; kill: () => void; pids: number[]; guardian: number }> {
    const file = fileURLToPath(new URL('../support/child-host.ts', import.meta.url))
    const serving = spawn(process.execPath, [file, JSON.stringify(STUBBORN_FAMILY)], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    hosts.push(serving)
    const [line] = await once(createInterface({ input: serving.stdout }), 'line')
    const [guardianPid, ...pids] = String(line).split(' ').map(Number)
    return { pid: serving.pid!, kill: () => serving.kill('SIGKILL'), pids, guardian: guardianPid! }
  }

  test('a server that ignores the end of its input dies all the same, and the guardian with it', async () => {
    const { kill, pids, guardian } = await host()
    expect([...pids, guardian].every(runs)).toBe(true)
    kill()
    await eventually(() => ![...pids, guardian].some(runs), 5000)
  })

  test('also when the guardian was killed before: another has taken its place', async () => {
    const { pid, kill, pids, guardian } = await host()
    process.kill(guardian, 'SIGKILL')
    await eventually(() => !runs(guardian))
    // the new one is there as soon as the old one's end was seen
    await eventually(() => childrenOf(pid).some(other => other !== guardian && !pids.includes(other) && runs(other)))
    kill()
    await eventually(() => !pids.some(runs), 5000)
  })
})

test('a guardian that was killed is replaced, and told what to watch', async () => {
  child = await Child.start(STUBBORN_FAMILY, { guardian })
  await firstLine(child)
  const first = guardian.pid!
  process.kill(first, 'SIGKILL')
  await eventually(() => guardian.pid !== undefined && guardian.pid !== first && runs(guardian.pid))
  guardian.close()
  await eventually(() => !runs(child!.pid))
})

test('groups that have ended are not signalled any more', async () => {
  child = await Child.start(script("line('up'); on(() => {})"), { guardian })
  await firstLine(child)
  const helper = guardian.pid!
  await child.stop()
  guardian.close()
  // with nothing left to kill it ends without the second that it would wait
  await eventually(() => !runs(helper), 900)
})
