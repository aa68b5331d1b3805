// Builds dist/: the bundle that bin/ runs and programs import, the type declarations, and oclif's manifest.
// `--no-types` leaves out the declarations (they take longer than all the rest).

import { spawnSync } from 'node:child_process'
import { globSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { Plugin } from '@oclif/core'
import { bundle, ROOT } from './bundle.ts'

process.chdir(ROOT)
// old files go last: a demo that runs from dist/ meanwhile finds its own, which are the same unless src/ has changed
const metafile = await bundle()
for (const path of globSync('dist/**/*', { exclude: ['dist/types'] })) {
  if (statSync(path).isFile() && metafile.outputs[path] === undefined) rmSync(path)
}

const plugin = new Plugin({ root: ROOT, type: 'core', ignoreManifest: true })
await plugin.load()
// oclif only warns of a command that does not load
const commandFiles = globSync('src/commands/**/*.ts').length
const loaded = plugin.commandIDs.length
if (loaded !== commandFiles) throw new Error(`${commandFiles} command files, but ${loaded} commands loaded`)
writeFileSync('oclif.manifest.json', `${JSON.stringify(plugin.manifest)}\n`)

if (!process.argv.includes('--no-types')) {
  rmSync('dist/types', { recursive: true, force: true })
  const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit'
  })
  if (tsc.status !== 0) process.exit(tsc.status ?? 1)
}
