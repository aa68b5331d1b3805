// `npm run test:package`: the package as a user gets it. Packs, installs the tarball in an empty folder, and there runs the
// command line and the demo, imports it as a program does, and checks that program's types.
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './bundle.ts'

/** All that may be in it. */
const PUBLISHED = /^(bin\/[\w-]+\.cjs|dist\/.+|oclif\.manifest\.json|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/
/** Bytes. A jump means that something came along that nobody asked for. */
const MAX_SIZE = 4_000_000

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
const run = (command: string, args: string[], options: ExecFileSyncOptions = {}): string =>
  execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], ...options, encoding: 'utf8' })

try {
  const [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT })
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
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', join(folder, packed.filename)])
  // neither git nor any other program of the checkout is within reach
  const bin = join(folder, 'empty')
  mkdirSync(bin)
  const env = { PATH: bin, HOME: folder, TMPDIR: process.env['TMPDIR'] }
  const talos = (...args: string[]) =>
    run(process.execPath, [join(folder, 'node_modules/talos-protocol/bin/talos.cjs'), ...args], { env })
  console.log(`talos --version: ${talos('--version').trim()}`)
  const demo = JSON.parse(talos('demo', '--json'))
  if (!JSON.stringify(demo.steps).includes('a small built-in file tool')) throw new Error('the demo used another tool')
  console.log(`talos demo: ${demo.steps.length} steps held, in ${demo.seconds} s`)

  writeFileSync(join(folder, 'program.js'), PROGRAM)
  run(process.execPath, ['program.js'], { env })
  console.log('import: a program finds what it needs')
  writeFileSync(join(folder, 'typed-program.ts'), TYPED_PROGRAM)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG))
  run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], {
    stdio: ['ignore', 'inherit', 'inherit']
  })
  console.log('types: a strict program compiles, with the declarations of all packages checked')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
