// Builds dist/: the bundle that bin/ runs and programs import, the type declarations, and oclif's manifest.
// `--no-types` leaves out the declarations (they take longer than all the rest).

import { spawnSync } from 'node:child_process'
import { globSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Plugin } from '@oclif/core'
import { build } from 'esbuild'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
process.chdir(root)
rmSync('dist', { recursive: true, force: true })

await build({
  entryPoints: ['src/main.ts', 'src/index.ts', ...globSync('src/commands/**/*.ts'), ...globSync('src/**/*.worker.ts')],
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  // esbuild's choice for Node is `main`, which in some packages is UMD that cannot be bundled
  mainFields: ['module', 'main'],
  target: 'node22.12',
  sourcemap: 'linked',
  sourcesContent: false,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  // native code, and files that load others by path
  external: ['classic-level', 'typescript'],
  // CommonJS inside an ES module bundle calls require()
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; import { fileURLToPath as __toPath } from 'node:url'; import { dirname as __dir } from 'node:path'; const require = __createRequire(import.meta.url), __filename = __toPath(import.meta.url), __dirname = __dir(__filename);"
  },
  logLevel: 'warning'
})

const plugin = new Plugin({ root, type: 'core', ignoreManifest: true })
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
