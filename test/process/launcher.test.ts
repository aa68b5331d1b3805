import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { OLD_NODE } from '../support/old-node.ts'
import { TALOS } from '../support/talos.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

if (OLD_NODE === undefined) console.log('skipped: the launcher on an old Node.js: none is on this machine')

/** What the launcher starts, in place of Talos: tells what reaches it. */
const MAIN = `
process.once('SIGINT', () => { console.log('got SIGINT'); process.exit(7) })
process.once('SIGHUP', () => { console.log('got SIGHUP'); process.exit(0) })
const [what] = process.argv.slice(2)
console.log(JSON.stringify({ version: process.versions.node, args: process.argv.slice(2) }))
if (what === 'exit') process.exit(7)
if (what === 'echo') process.stdin.pipe(process.stdout)
if (what === 'wait') setInterval(() => {}, 1000)
`

/** A copy of bin/, the stand-in for dist/, and where npm puts the checkout's own Node.js, this one. */
function checkout({ node = true, dist = true } = {}): string {
  const folder = temporaryFolder()
  cpSync(dirname(TALOS), join(folder, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  if (dist) {
    mkdirSync(join(folder, 'dist'))
    writeFileSync(join(folder, 'dist/main.js'), MAIN)
  }
  if (node) {
    const bin = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
    mkdirSync(bin, { recursive: true })
    symlinkSync(process.execPath, join(bin, 'node'))
  }
  return folder
}

interface Launched {
  child: ChildProcess
  /** The first line that the stand-in prints. */
  hello: Promise<{ version: string; args: string[] }>
  end: Promise<{ status: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>
}

function launch(node: string, folder: string, args: string[], env: NodeJS.ProcessEnv = {}): Launched {
  const child = spawn(node, [join(folder, 'bin/talos.cjs'), ...args], { env: { ...process.env, ...env } })
  const printed = { stdout: '', stderr: '' }
  child.stdout.on('data', chunk => (printed.stdout += chunk))
  child.stderr.on('data', chunk => (printed.stderr += chunk))
  const hello = once(createInterface({ input: child.stdout }), 'line').then(([line]) => JSON.parse(line))
  const end = once(child, 'close').then(([status, signal]) => ({ status, signal, ...printed }))
  return { child, hello, end }
}

describe.each([
  ['this Node.js', process.execPath],
  ['an old Node.js, which starts the checkout’s own', OLD_NODE]
])('on %s', (_, node) => {
  const when = test.skipIf(node === undefined)
  const start = (args: string[]) => launch(node!, checkout(), args)

  when('arguments and the exit status pass', async () => {
    const { hello, end } = start(['exit', '--json', 'two words', ''])
    expect(await hello).toEqual({ version: process.versions.node, args: ['exit', '--json', 'two words', ''] })
    expect(await end).toMatchObject({ status: 7, signal: null, stderr: '' })
  })

  when('standard input passes, up to its end', async () => {
    const { child, hello, end } = start(['echo'])
    await hello
    child.stdin!.end('täxt\n')
    const { status, stdout } = await end
    expect(stdout).toMatch(/\ntäxt\n$/)
    expect(status).toBe(0)
  })

  when('a signal reaches Talos, and its answer to it is the exit status', async () => {
    const { child, hello, end } = start(['wait'])
    await hello
    child.kill('SIGINT')
    const { status, stdout } = await end
    expect(stdout).toContain('got SIGINT')
    expect(status).toBe(7)
  })

  when('SIGHUP passes', async () => {
    const { child, hello, end } = start(['wait'])
    await hello
    child.kill('SIGHUP')
    expect(await end).toMatchObject({ status: 0, stdout: expect.stringContaining('got SIGHUP') })
  })

  when('a signal that ends Talos is how the launcher ends', async () => {
    const { child, hello, end } = start(['wait'])
    await hello
    child.kill('SIGTERM')
    expect(await end).toMatchObject({ status: null, signal: 'SIGTERM' })
  })
})

describe('what is missing is said in one sentence, with exit 1', () => {
  test.skipIf(OLD_NODE === undefined)('an old Node.js with nothing else', async () => {
    const { status, stdout, stderr } = await launch(OLD_NODE!, checkout({ node: false }), ['demo']).end
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    const version = execFileSync(OLD_NODE!, ['--version'], { encoding: 'utf8' }).trim()
    expect(stderr).toContain(`talos needs Node.js 22.12 or newer; this is ${version}`)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('a checkout that was not built', async () => {
    const { status, stderr } = await launch(process.execPath, checkout({ dist: false }), ['demo']).end
    expect(status).toBe(1)
    expect(stderr).toBe('talos: dist/ is missing. In a checkout, run npm ci (or npm run build).\n')
  })
})

describe('compiled code is kept', () => {
  const start = (env: NodeJS.ProcessEnv) =>
    launch(process.execPath, checkout(), ['exit'], { NODE_COMPILE_CACHE: undefined, XDG_CACHE_HOME: undefined, ...env })

  test.skipIf(process.platform !== 'linux')('in the user’s own cache folder', async () => {
    const home = temporaryFolder()
    expect((await start({ HOME: home }).end).status).toBe(7)
    expect(readdirSync(join(home, '.cache/talos'))).toEqual(['compiled'])
  })

  test('nowhere when there is no home', async () => {
    const home = join(temporaryFolder(), 'gone')
    expect(await start({ HOME: home, USERPROFILE: home }).end).toMatchObject({ status: 7, stderr: '' })
    expect(existsSync(home)).toBe(false)
  })

  test.skipIf(userInfo().uid === 0 || process.platform === 'win32')(
    'nowhere when the home is another user’s',
    async () => expect(await start({ HOME: '/' }).end).toMatchObject({ status: 7, stderr: '' })
  )
})
