import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What each example must say, in this order. */
const SAYS: Record<string, string[]> = {
  'quick-start': ['the message is delivered', '"Hello Bob", from Alice', 'now it is read'],
  'secure-channel': ['a session with Bob: new', 'how many?', 'Alice was told: 25'],
  dialogue: ['50? lower', '42? right'],
  'offline-delivery': ['Bob is away', 'the message is stored', 'Alice is away', 'Call me when you are back'],
  'file-transfer': ['Bob is offered report.txt, 1300000 bytes', 'report.txt is done', 'the same bytes'],
  streaming: [
    'Mallory is refused: STREAM_NOT_ACCEPTED',
    'Bob hears: One word after the other.',
    'Alice: Bob has all of it'
  ],
  'mcp-transport': ['Alice: session-opened', 'Bob sees: greet', 'Bob is told: Hello Bob'],
  proof: [
    'Proved: Alice recorded that a message of 19 bytes was sent to Bob',
    'With one letter changed it is refused: CHAIN_PROOF_INVALID',
    'Alice and Bob agree on 2 of 2 records of what passed between them'
  ],
  'agent-tools': [
    'The agent has: send_message, read_inbox',
    'the message is ',
    'The agent reads: <untrusted-',
    '>42</untrusted-'
  ]
}

test('every example is tried', () => {
  const there = globSync('examples/*.mjs', { cwd: root }).map(path => path.replace(/^examples\/|\.mjs$/g, ''))
  expect(there.sort()).toEqual(Object.keys(SAYS).sort())
})

test.each(Object.entries(SAYS))('examples/%s.mjs runs as it is', { timeout: 90_000 }, async (name, says) => {
  const { stdout } = await promisify(execFile)(process.execPath, [`examples/${name}.mjs`], {
    cwd: root,
    timeout: 80_000
  })
  let from = 0
  for (const text of says) {
    const at = stdout.indexOf(text, from)
    expect(at, `${JSON.stringify(text)} in:\n${stdout}`).toBeGreaterThanOrEqual(0)
    from = at + text.length
  }
})
