// `npm run test:package`: the package as a user gets it. Packs, installs the tarball in an empty folder, and there runs the
// command line and the demo, imports it as a program does, and checks that program's types; on the Node.js of the checkout and
// on the oldest line that is supported.
import { type ExecFileOptions, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { ROOT } from './bundle.ts'

/** All that may be in it. */
const PUBLISHED = /^(bin\/[\w-]+\.cjs|dist\/.+|oclif\.manifest\.json|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/
/** Bytes. A jump means that something came along that nobody asked for. */
const MAX_SIZE = 4_000_000

/** An npm package that holds a Node.js of the oldest supported line for this platform. */
const OLDER_NODE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const OLDER_VERSION = '22.23.2'

const PROGRAM = `
import assert from 'node:assert/strict'
import { connectMcp, peerIdOf, publicKeyOf, serveMcp, TalosClientTransport, TalosServerTransport } from 'talos-protocol'
for (const it of [connectMcp, serveMcp, TalosClientTransport, TalosServerTransport]) assert.equal(typeof it, 'function')
const peer = '12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA'
assert.equal(peerIdOf(publicKeyOf(peer)), peer)
assert.equal(typeof new TalosClientTransport({ peer }).send, 'function')
`

const TYPED_PROGRAM = `
import {
  isTalosError, type McpTransport, openWallet, serveMcp, TalosClientTransport, TalosError, TalosServerTransport, type Wallet
} from 'talos-protocol'

type IsAny<T> = 0 extends 1 & T ? true : false
const typed: [
  IsAny<typeof TalosServerTransport>, IsAny<Wallet>, IsAny<Awaited<ReturnType<typeof serveMcp>>>, IsAny<McpTransport>
] = [false, false, false, false]

export async function main(): Promise<string> {
  const transport: McpTransport = new TalosClientTransport({ peer: 'alice' })
  await transport.start()
  try {
    return (await openWallet({ dataDir: '/nowhere' })).peerId
  } catch (error) {
    if (isTalosError(error)) return error.code
    throw new TalosError('INTERNAL', String(typed), { cause: error })
  }
}
// @ts-expect-error a peer is a text
new TalosClientTransport({ peer: 7 })
`

const TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')]
  },
  files: ['typed-program.ts']
}

const folder = mkdtempSync(join(tmpdir(), 'talos-package-'))
const run = async (command: string, args: string[], options: ExecFileOptions = {}): Promise<string> => {
  const ended = promisify(execFile)(command, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024, ...options })
  ended.child.stdin?.end()
  ended.child.stderr?.pipe(process.stderr)
  return (await ended).stdout.toString()
}
const install = (prefix: string, what: string): Promise<string> =>
  run('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--loglevel=error', what], { cwd: prefix })

/** The commands as npm links them, with this Node.js and nothing else within reach: neither git nor the checkout. */
async function commandsWith(node: string, label: string): Promise<void> {
  const path = join(folder, label)
  mkdirSync(path)
  symlinkSync(node, join(path, 'node'))
  const env = { PATH: path, HOME: path, TMPDIR: process.env['TMPDIR'] }
  const linked = (name: string): string => join(folder, 'node_modules/.bin', name)
  console.log(`${label}: talos --version: ${(await run(linked('talos'), ['--version'], { env })).trim()}`)
  const demo = JSON.parse(await run(linked('talos'), ['demo', '--json'], { env }))
  if (!JSON.stringify(demo.steps).includes('a small built-in file tool')) throw new Error('the demo used another tool')
  console.log(`${label}: talos demo: ${demo.steps.length} steps held, in ${demo.seconds} s`)

  const places = ['--host', '127.0.0.1', '--port', '0', '--ws-port', '0', '--data-dir', join(path, 'server')]
  const server = spawn(linked('talos-server'), ['--json', ...places], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(server, 'close')
  for await (const line of createInterface({ input: server.stdout })) {
    if (JSON.parse(line).event === 'ready') server.kill('SIGTERM')
  }
  const [code] = await ended
  if (code !== 0) throw new Error(`talos-server ended with ${code}`)
  console.log(`${label}: talos-server starts, and stops when it is told to`)
}

/** A Node.js of the oldest supported line; undefined, after a line that says why, where it cannot be had. */
async function olderNode(): Promise<string | undefined> {
  const place = join(folder, 'older-node')
  mkdirSync(place)
  try {
    await install(place, `${OLDER_NODE}@${OLDER_VERSION}`)
    return join(place, 'node_modules', OLDER_NODE, 'bin/node')
  } catch (error) {
    const [why] = (error as Error).message.split('\n').slice(1)
    console.log(`skipped: the package on Node.js ${OLDER_VERSION}: npm has no ${OLDER_NODE} for it (${why})`)
    return undefined
  }
}

async function programs(): Promise<void> {
  writeFileSync(join(folder, 'program.js'), PROGRAM)
  await run(process.execPath, ['program.js'])
  console.log('import: a program finds what it needs')
  writeFileSync(join(folder, 'typed-program.ts'), TYPED_PROGRAM)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG))
  const tsc = run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder])
  await tsc.catch(error => {
    throw new Error(`a strict program does not compile:\n${error.stdout}`)
  })
  console.log('types: a strict program compiles, with the declarations of all packages checked')
}

try {
  const [packed] = JSON.parse(
    await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT })
  )
  const strange = packed.files
    .map((file: { path: string }) => file.path)
    .filter((path: string) => !PUBLISHED.test(path))
  if (strange.length > 0)
    throw new Error(`the package holds what is none of its users' business: ${strange.join(', ')}`)
  if (packed.size > MAX_SIZE) throw new Error(`the package has ${packed.size} bytes, more than ${MAX_SIZE}`)
  console.log(
    `${packed.filename}: ${packed.entryCount} files, ${(packed.size / 1e6).toFixed(1)} MB packed, ${(packed.unpackedSize / 1e6).toFixed(1)} MB unpacked`
  )

  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const [older] = await Promise.all([olderNode(), install(folder, join(folder, packed.filename))])
  await Promise.all([commandsWith(process.execPath, `node-${process.versions.node}`), programs()])
  if (older !== undefined) await commandsWith(older, `node-${OLDER_VERSION}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
