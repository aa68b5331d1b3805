import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../bundle.ts'
import { podman, succeeds } from './podman.ts'
import { ensurePrograms } from './programs.ts'

/** Says in the image that it is ours, so that a later run does not take it for the real one. */
const LABEL = 'talos.stand-in'
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'

/** What the Dockerfile builds on. */
export const BASE_IMAGE = /^ARG NODE_IMAGE=(\S+)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))![1]!

/** Sees to it that the base image is there: kept from before, pulled, or else made here. Returns whether it is the stand-in. */
export function ensureBaseImage(): boolean {
  if (!succeeds(['image', 'exists', BASE_IMAGE]) && !succeeds(['pull', '--quiet', BASE_IMAGE], 300_000)) standIn()
  return podman(['image', 'inspect', '--format', `{{index .Labels "${LABEL}"}}`, BASE_IMAGE]) === 'yes'
}

/** Debian's base system with the checkout's own Node.js, npm, and the user that the official image has. */
function standIn(): void {
  console.log(`${BASE_IMAGE} cannot be pulled: making a stand-in`)
  ensurePrograms('debootstrap')
  const node = join(ROOT, 'node_modules', `node-linux-${process.arch}`, 'bin/node')
  if (!existsSync(node)) throw new Error(`${node} is missing: run npm ci`)
  const folder = mkdtempSync(join(tmpdir(), 'talos-base-'))
  const root = join(folder, 'root')
  const run = (file: string, ...args: string[]): string =>
    execFileSync(file, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
  try {
    run('debootstrap', '--variant=minbase', '--include=ca-certificates', 'bookworm', root)
    copyFileSync(node, join(root, 'usr/local/bin/node'))
    const modules = join(root, 'usr/local/lib/node_modules')
    mkdirSync(join(modules, 'npm'), { recursive: true })
    const archive = run('npm', 'pack', '--silent', `npm@${run('npm', '--version')}`)
    run('tar', '-xzf', archive, '-C', join(modules, 'npm'), '--strip-components=1')
    for (const name of ['npm', 'npx']) {
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/local/bin', name))
    }
    run('chroot', root, 'useradd', '--create-home', '--uid', '1000', '--shell', '/bin/bash', 'node')
    // whom this machine trusts, so that npm reaches the registry that it is configured for
    if (existsSync(CERTIFICATES)) copyFileSync(CERTIFICATES, join(root, CERTIFICATES))
    const { stdout } = spawnSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 2 ** 30 })
    const changes = ['CMD ["node"]', `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, `LABEL ${LABEL}=yes`]
    podman(['import', ...changes.flatMap(change => ['--change', change]), '-', BASE_IMAGE], { input: stdout })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
