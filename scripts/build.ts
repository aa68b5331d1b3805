// Builds dist/: the bundle that bin/ runs and programs import, the type declarations, and oclif's manifest.
// `--no-types` leaves out the declarations (they take longer than all the rest).

import { spawnSync } from 'node:child_process'
import { globSync, rmSync, writeFileSync } from 'node:fs'
import { Plugin } from '@oclif/core'
import { bundle, ROOT } from './bundle.ts'

process.chdir(ROOT)
rmSync('dist', { recursive: true, force: true })
await bundle()

const plugin = new Plugin({ root: ROOT, type: 'core', ignoreManifest: true })
await plugin.load()
// oclif only warns of a command that does not load
const commandFiles = globSync('src/commands/**/*.ts').length
const loaded = plugin.commandIDs.length
if (loaded !== commandFiles) throw new Error(`${commandFiles} command files, but ${loaded} commands loaded`)
writeFileSync('oclif.manifest.json', `${JSON.stringify(plugin.manifest)}\n`)

if (!process.argv.includes('--no-types')) {
  const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit'
  })
  if (tsc.status !== 0) process.exit(tsc.status ?? 1)
}
