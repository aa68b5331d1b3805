import { Parser } from '@oclif/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quickConnect } from '../../src/cli/quick-connect.ts'
import McpConnect from '../../src/commands/mcp-connect.ts'

const MANIFEST = new URL('../../oclif.manifest.json', import.meta.url)

const words = fc.array(
  fc.oneof(
    fc.constantFrom('alice', '--quiet', '-q', '--server', '--server=a:1', '--service', '--service=', '--service=files'),
    fc.constantFrom(
      '--data-dir',
      '--data-dir=/d',
      '-qq',
      '--no-quiet',
      '-s',
      '--help',
      '-h',
      '--',
      '--json',
      '--quiet=x'
    ),
    fc.constantFrom('--max-message', '--max-message=4096', '4096', '-', '--serv', '', '-x'),
    fc.string({ maxLength: 4 })
  ),
  { maxLength: 6 }
)

/** What oclif makes of the words, or undefined where it finds a mistake. */
async function asOclifReads(argv: string[]): Promise<unknown> {
  const { args, flags } = { ...McpConnect }
  const given = { ...McpConnect.baseFlags, ...flags }
  try {
    const parsed = await Parser.parse(argv, { args: args ?? McpConnect.args, flags: given, strict: true })
    return { peer: (parsed.args as { peer: string }).peer, flags: parsed.flags }
  } catch {
    return undefined
  }
}

test('what is read without oclif is what oclif reads', async () => {
  let quick = 0
  await fc.assert(
    fc.asyncProperty(words, async argv => {
      const read = quickConnect(['mcp-connect', ...argv], MANIFEST)
      if (read === undefined) return
      quick++
      expect({ ...read, flags: { ...read.flags } }).toEqual(await asOclifReads(argv))
    }),
    { numRuns: 3_000 }
  )
  expect(quick).toBeGreaterThan(100)
})

test.each([
  [['alice'], { peer: 'alice', flags: {} }],
  [
    ['-q', 'alice', '--server', 'a:1', '--server', 'b:2'],
    { peer: 'alice', flags: { quiet: true, server: ['a:1', 'b:2'] } }
  ],
  [['alice', '--service=files', '--data-dir', '/d'], { peer: 'alice', flags: { service: 'files', 'data-dir': '/d' } }]
])('%s is read without oclif', (argv, read) => {
  expect(quickConnect(['mcp-connect', ...argv], MANIFEST)).toEqual(read)
})

test.each([
  [['mcp-connect']],
  [['mcp-connect', 'alice', '--help']],
  [['mcp-connect', 'alice', '--max-message', '12']],
  [['mcp-connect', 'alice', '--', '-q']],
  [['mcp-connect', 'alice', 'bob']],
  [['mcp-connect', 'alice', '--sevice', 'x']],
  [['mcp-serve', 'alice']],
  [[]]
])('%s is left to oclif', argv => {
  expect(quickConnect(argv, MANIFEST)).toBeUndefined()
})

test('without a manifest, all is left to oclif', () => {
  expect(quickConnect(['mcp-connect', 'alice'], new URL('file:///nowhere/oclif.manifest.json'))).toBeUndefined()
})
