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

/** What libp2p loads and seldom or never calls where Node has the same: evaluating it takes 30 ms of every start. */
const ON_DEMAND: Record<string, string[]> = {
  '@chainsafe/as-sha256': ['digest'],
  '@noble/curves/ed25519.js': ['ed25519', 'x25519'],
  '@noble/curves/secp256k1.js': ['secp256k1']
}

/** WebAssembly of libp2p's noise, which compiles when it is first called: see src/node/network/noise.ts. */
const CHACHA = '@chainsafe/as-chacha20poly1305'

const onDemand: Plugin = {
  name: 'on-demand',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^@(chainsafe|noble)\// }, ({ path, kind, importer }) =>
      kind === 'import-statement' &&
      (path in ON_DEMAND || path === CHACHA) &&
      /@libp2p\/crypto|libp2p-noise/.test(importer.replaceAll('\\', '/'))
        ? { path, namespace: 'on-demand' }
        : undefined
    )
    onLoad({ filter: /./, namespace: 'on-demand' }, ({ path }) => ({
      resolveDir: ROOT,
      contents:
        path === CHACHA
          ? `let made
const cipher = () => {
  const { ChaCha20Poly1305, newInstance } = require('${path}')
  return (made ??= new ChaCha20Poly1305(newInstance()))
}
exports.newInstance = () => undefined
exports.ChaCha20Poly1305 = class {
  seal(...args) { return cipher().seal(...args) }
  open(...args) { return cipher().open(...args) }
}`
          : `module.exports = { ${ON_DEMAND[path]!.map(name => `get ${name}() { return require('${path}').${name} }`).join(', ')} }`
    }))
  }
}

/**
 * mortice, the lock around libp2p's peer store, has one for the processes of a cluster. A node's peer store is in the memory of
 * its own process.
 */
const noCluster: Plugin = {
  name: 'no-cluster',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:cluster$/ }, ({ importer }) =>
      importer.includes('mortice') ? { path: 'cluster', namespace: 'no-cluster' } : undefined
    )
    onLoad({ filter: /./, namespace: 'no-cluster' }, () => ({
      contents: 'export default { isPrimary: true, on() {} }'
    }))
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
    plugins: [onDemand, noCluster, requireBuiltins, nativeApart, quickApart],
    // CommonJS inside an ES module bundle calls require()
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; import { fileURLToPath as __toPath } from 'node:url'; import { dirname as __dir } from 'node:path'; const require = __createRequire(import.meta.url), __filename = __toPath(import.meta.url), __dirname = __dir(__filename);"
    },
    logLevel: 'warning'
  })
  return metafile
}
