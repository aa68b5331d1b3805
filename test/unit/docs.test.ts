import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import * as z from 'zod/mini'
import { VIOLATIONS } from '../../src/chain/validation/codes.ts'
import { HELLO, METHODS } from '../../src/node/control/methods.ts'
import { STREAM_METHODS, STREAM_OFFER_OVER, STREAM_OFFERED } from '../../src/node/control/stream-methods.ts'
import { ADMIT_TUNNEL, PREPARE_TUNNEL, TUNNEL_METHODS } from '../../src/node/control/tunnel-methods.ts'

/** What a node tells who has subscribed. */
const EVENTS = [
  'message',
  'message-state',
  'file-offer',
  'file-answered',
  'transfer',
  'broadcast',
  'audit-progress',
  'witness-trouble',
  'audit-trouble',
  'registered',
  'not-registered'
]

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const manifest = JSON.parse(read('package.json')) as {
  dependencies: Record<string, string>
  scripts: Record<string, string>
}
const pages = ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: root })]
const missing = (wanted: Iterable<string>, there: Iterable<string>): string[] =>
  [...new Set(wanted)].filter(item => !new Set(there).has(item)).sort()

test('docs/troubleshooting.md has every error code that the source names, and no other', () => {
  const code =
    /'((?:USAGE|CONFIG|WALLET|PEER|NETWORK|REGISTRY|SESSION|TUNNEL|CRYPTO|STORAGE|DEMO|NODE|MESSAGE|MAILBOX|FILE|STREAM|BROADCAST|CHANNEL|AUDIT|CHAIN|WITNESS|LIGHT)_[A-Z_]+|INTERNAL|INTERRUPTED)'/g
  const thrown = /new TalosError\(\s*'([^']+)'/g
  const named = globSync('src/**/*.ts', { cwd: root })
    .filter(file => !file.includes('/pb/'))
    .map(read)
    .flatMap(source => [...source.matchAll(code), ...source.matchAll(thrown)].map(match => match[1]!))
    // what is wrong with a block is no error: docs/spec/chain.md has those
    .filter(name => !(name in VIOLATIONS))
  const documented = [...read('docs/troubleshooting.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(match => match[1]!)
  expect(named.length).toBeGreaterThan(100)
  expect(missing(named, documented)).toEqual([])
  expect(missing(documented, named)).toEqual([])
  expect(documented.length, 'a code stands in two tables').toBe(new Set(documented).size)
})

interface CommandClass {
  description?: string
  summary?: string
  examples?: unknown[]
  flags?: Record<string, { description?: string; summary?: string }>
  args?: Record<string, { description?: string; summary?: string }>
}

test('every command has a description and examples, and docs/cli.md lists it', async () => {
  const listed = [...read('docs/cli.md').matchAll(/^\| `talos ([a-z -]+)` \|/gm)].map(match => match[1]!)
  const ids: string[] = []
  for (const file of globSync('src/commands/**/*.ts', { cwd: root })) {
    const id = file.replace(/^src\/commands\/|(\/index)?\.ts$/g, '').replaceAll('/', ' ')
    const command = ((await import(join(root, file))) as { default: CommandClass }).default
    ids.push(id)
    expect(command.summary ?? command.description, `${id}: description`).toBeTruthy()
    expect(command.examples?.length ?? 0, `${id}: examples`).toBeGreaterThan(0)
    for (const [name, { description, summary }] of Object.entries({ ...command.flags, ...command.args })) {
      expect(description ?? summary, `${id}: ${name}`).toBeTruthy()
    }
  }
  expect(missing(ids, listed)).toEqual([])
  expect(missing(listed, ids)).toEqual([])
})

test('every relative link leads to a file, and to a heading of it', () => {
  for (const page of pages) {
    // not in code
    const text = read(page).replace(/^```[\s\S]*?^```/gm, '')
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue
      const [path, heading] = link!.split('#', 2)
      const target = path === '' ? join(root, page) : resolve(root, dirname(page), path!)
      expect(existsSync(target), `${page}: ${link}`).toBe(true)
      if (heading === undefined) continue
      const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.+)$/gm)].map(match => anchorOf(match[1]!))
      expect(headings, `${page}: ${link}`).toContain(heading)
    }
  }
})

/** As GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

test('the README gives a reason for every dependency, and for no other', () => {
  const section = read('README.md').split('## Dependencies')[1]!.split('\n## ')[0]!
  const rows = [...section.matchAll(/^\| (`.+`) \| (.+) \|$/gm)]
  const named = rows.flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(match => match[1]!))
  expect(missing(Object.keys(manifest.dependencies), named)).toEqual([])
  expect(missing(named, Object.keys(manifest.dependencies))).toEqual([])
})

test('the tests that the README names exist', () => {
  const section = read('README.md').split('## Security')[1]!.split('\n## ')[0]!
  const named = [...section.matchAll(/`(test\/[^`]+\.test\.ts)`(?:: "([^"]+)")?/g)]
  expect(named.length).toBeGreaterThan(10)
  for (const [, file, title] of named) {
    expect(existsSync(join(root, file!)), file).toBe(true)
    if (title !== undefined) expect(read(file!).replaceAll('’', "'"), file).toContain(title)
  }
})

test('the npm scripts that the documents name exist', () => {
  for (const page of pages) {
    for (const [, script] of read(page).matchAll(/npm run ([a-z][a-z:-]*[a-z])(?![a-z:])/g)) {
      expect(Object.keys(manifest.scripts), `${page}: npm run ${script}`).toContain(script)
    }
  }
})

test('docs/spec/control.md has every request of the control socket, with its parameters, and every event', () => {
  const page = read('docs/spec/control.md')
  const documented = [...page.matchAll(/^\| `([a-zA-Z]+ \{[^}]*\})` \|/gm)].map(match => match[1]!)
  const requests = Object.entries({
    hello: HELLO,
    subscribe: z.object({}),
    ...METHODS,
    ...TUNNEL_METHODS,
    ...STREAM_METHODS
  })
  const wanted = requests.map(([name, { shape }]) => {
    const fields = Object.entries(shape as Record<string, z.core.$ZodType>)
    return `${name} {${fields.map(([field, type]) => `${field}${type._zod.def.type === 'optional' ? '?' : ''}`).join(', ')}}`
  })
  const ofNode = [PREPARE_TUNNEL, ADMIT_TUNNEL, STREAM_OFFERED, STREAM_OFFER_OVER]
  for (const name of ofNode) expect(page).toContain(`| \`${name} {`)
  const others = documented.filter(line => !ofNode.some(name => line.startsWith(`${name} `)))
  expect(missing(wanted, others)).toEqual([])
  expect(missing(others, wanted)).toEqual([])

  const source = read('src/node/control/methods.ts').split('export type NodeEvent =')[1]!.split('\nexport ')[0]!
  const registrations = read('src/node/mcp/registration-news.ts')
  const events = [...(source + registrations).matchAll(/\{\s*type: '([a-z-]+)'[;\n]/g)].map(match => match[1]!)
  // told within a client, and by no node
  expect(missing(events, [...EVENTS, 'node-changed'])).toEqual([])
  for (const name of EVENTS)
    expect(page).toContain(`
| \`${name}\` | `)
})

test('every protocol, topic and label of the source stands in docs/spec/wire.md', () => {
  const ids = /['\x60](\/talos\/[a-z]+\/(?:[0-9.]+)?)/g
  const labels = /talos\/[a-z-]+\/v[0-9]+/g
  const sources = globSync('src/**/*.ts', { cwd: root })
    .filter(file => !file.includes('/pb/'))
    .map(read)
  const wire = read('docs/spec/wire.md')
  const used = sources.flatMap(source => [
    ...[...source.matchAll(ids)].map(match => match[1]!),
    ...[...source.matchAll(labels)].map(match => match[0])
  ])
  expect(new Set(used).size).toBeGreaterThan(35)
  expect([...new Set(used)].filter(name => !wire.includes(`\`${name}`))).toEqual([])
})

/** The messages of a text in protobuf, each with its fields as `type name = number`. */
function protobufs(text: string): Map<string, string[]> {
  const fields = (body: string): string[] =>
    [...body.matchAll(/^ +((?:repeated |optional )?[\w.]+ \w+ = \d+)/gm)].map(match => match[1]!)
  return new Map([...text.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)].map(match => [match[1]!, fields(match[2]!)]))
}

test('messages in protobuf are written in docs/spec as they are in the source', () => {
  const page: Record<string, string> = {
    audit: 'reconcile',
    broadcast: 'broadcast',
    chain: 'chain-sync',
    files: 'file',
    mcp: 'tunnel',
    messaging: 'message',
    sessions: 'wire',
    streams: 'stream',
    witness: 'witness'
  }
  // those of a registry and a mailbox are in tables; records.proto is of the disk
  const files = globSync('src/protocols/**/*.proto', { cwd: root }).filter(
    file => !/registry|mailbox|records\.proto/.test(file)
  )
  expect(files.length).toBe(Object.keys(page).length)
  for (const file of files) {
    const documented = protobufs(read(`docs/spec/${page[file.split('/')[2]!]}.md`))
    for (const [name, fields] of protobufs(read(file))) expect([name, documented.get(name)]).toEqual([name, fields])
  }
})
