// `npm run test:package`: the package as a user gets it. Packs, installs the tarball in an empty folder, runs it there.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'talos-package-'))
const run = (command: string, args: string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

try {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], '.'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', join(folder, packed.filename)], folder)
  const talos = join(folder, 'node_modules', 'talos-protocol', 'bin', 'talos.cjs')
  const version = run(process.execPath, [talos, '--version'], folder)
  console.log(`${packed.filename}: ${packed.entryCount} files, ${(packed.size / 1e6).toFixed(1)} MB; ${version.trim()}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
