import { beforeAll, expect, test } from 'vitest'
import { bundle } from '../../scripts/bundle.ts'

type Metafile = Awaited<ReturnType<typeof bundle>>
let metafile: Metafile

beforeAll(async () => {
  metafile = await bundle({ write: false })
})

/** The chunks that are loaded with `entry`: what it imports statically, and what that imports. */
function loadedWith(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen
  seen.add(entry)
  for (const { path, kind, external } of metafile.outputs[entry]!.imports) {
    if (external !== true && kind === 'import-statement') loadedWith(path, seen)
  }
  return seen
}

/** The npm packages, and the packages that stay outside the bundle, that are loaded with `entry`. */
function packagesOf(entry: string): string[] {
  const found = new Set<string>()
  for (const chunk of loadedWith(`dist/${entry}.js`)) {
    const { inputs, imports } = metafile.outputs[chunk]!
    for (const input of Object.keys(inputs)) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1]
      if (name !== undefined) found.add(name)
    }
    for (const { path, kind, external } of imports) {
      if (external === true && kind === 'import-statement' && !path.startsWith('node:')) found.add(path)
    }
  }
  return [...found]
}

/** What a command that needs no network has no use for: libp2p, the database, and the curves that node:crypto has too. */
const HEAVY = /libp2p|multiaddr|level|noble|scure|protons|uint8array|prom-client|jsonc-parser|yaml/

const OFFLINE = [
  'index',
  'main',
  'commands/demo',
  'commands/init',
  'commands/mcp/install',
  'commands/mcp/uninstall',
  'commands/peers/add',
  'commands/peers/index',
  'commands/peers/remove',
  'commands/version',
  'commands/wallet/export',
  'commands/wallet/import',
  'commands/wallet/passphrase',
  'commands/wallet/show'
]

test.each(OFFLINE)('%s loads nothing of the network', entry => {
  expect(packagesOf(entry).filter(name => HEAVY.test(name))).toEqual([])
})

test('no command loads libp2p before it runs', () => {
  const commands = Object.keys(metafile.outputs).filter(path => /^dist\/commands\/.*\.js$/.test(path))
  expect(commands.length).toBeGreaterThan(OFFLINE.length - 2)
  for (const command of commands) {
    expect(
      packagesOf(command.slice(5, -3)).filter(name => /libp2p|classic-level/.test(name)),
      command
    ).toEqual([])
  }
})

test('a node loads gossipsub only when it takes part in topics', () => {
  const [node] = Object.keys(metafile.outputs).filter(
    path => metafile.outputs[path]!.inputs['src/node/agent-node.ts'] !== undefined
  )
  expect(packagesOf(node!.slice(5, -3))).toContain('libp2p')
  expect(packagesOf(node!.slice(5, -3))).not.toContain('@libp2p/gossipsub')
})

test('the test sees libp2p where it is', () => {
  const servers = Object.keys(metafile.outputs).filter(
    path => metafile.outputs[path]!.inputs['src/node/server/server.ts'] !== undefined
  )
  expect(servers).toHaveLength(1)
  expect(packagesOf(servers[0]!.slice(5, -3))).toContain('libp2p')
})
