import { globSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'

/** The checkout. */
export const ROOT = resolve(fileURLToPath(import.meta.url), '../..')

const sources = (pattern: string): string[] => globSync(pattern, { cwd: ROOT })

/**
 * Node's own modules by `require`. An `import` of one evaluates each export that it has, used or not: 40 ms for the WebSocket
 * of node:http, 16 ms for the streams of node:fs and what node:util has to say to a terminal.
 */
const requireBuiltins: Plugin = {
  name: 'require-builtins',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path, kind }) => {
      if (kind !== 'import-statement' || !isBuiltin(path)) return undefined
      return { path: path.startsWith('node:') ? path : `node:${path}`, namespace: 'required' }
    })
    onLoad({ filter: /./, namespace: 'required' }, ({ path }) => ({ contents: `module.exports = require('${path}')` }))
  }
}

/** Of classic-level, native code stays outside with the file that finds it; the thirty files around it need not. */
const nativeApart: Plugin = {
  name: 'native-apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\/binding$/ }, ({ importer }) =>
      importer.includes('classic-level') ? { path: 'classic-level/binding.js', external: true } : undefined
    )
  }
}

/** `talos mcp-connect`, for which somebody waits, is a bundle of its own: finding and opening forty files takes its time. */
const QUICK = 'src/cli/connect.ts'

const quickApart: Plugin = {
  name: 'quick-apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /cli\/connect\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './cli/connect.js', external: true } : undefined
    )
  }
}

/** Makes the bundle in dist/, or with `write: false` only finds out what would be in it. */
export async function bundle({ write = true } = {}): Promise<Metafile> {
  const commands = [...sources('src/commands/**/*.ts'), ...sources('src/**/*.worker.ts')]
  const parts = await Promise.all([
    bundleOf(['src/main.ts', 'src/index.ts', ...commands], write),
    bundleOf([QUICK], write)
  ])
  return {
    inputs: Object.assign({}, ...parts.map(({ inputs }) => inputs)),
    outputs: Object.assign({}, ...parts.map(({ outputs }) => outputs))
  }
}

async function bundleOf(entryPoints: string[], write: boolean): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    metafile: true,
    write,
    entryPoints,
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
    // a file that loads others by path
    external: ['typescript'],
    plugins: [requireBuiltins, nativeApart, quickApart],
    // CommonJS inside an ES module bundle calls require()
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; import { fileURLToPath as __toPath } from 'node:url'; import { dirname as __dir } from 'node:path'; const require = __createRequire(import.meta.url), __filename = __toPath(import.meta.url), __dirname = __dir(__filename);"
    },
    logLevel: 'warning'
  })
  return metafile
}
