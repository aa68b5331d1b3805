import { describe, expect, test } from 'vitest'
import { parseCommand } from '../../src/protocols/mcp/command.ts'

test.each([
  [
    'npx -y @modelcontextprotocol/server-filesystem /path',
    ['npx', '-y', '@modelcontextprotocol/server-filesystem', '/path']
  ],
  ['  a\t"b c"  \'d "e"\' ""', ['a', 'b c', 'd "e"', '']],
  ['"/opt/my tools/server" --url "http://x/?a=1&b=2"', ['/opt/my tools/server', '--url', 'http://x/?a=1&b=2']],
  ["server '$HOME' 'a;b|c'", ['server', '$HOME', 'a;b|c']],
  ['C:\\tools\\server.exe --x', ['C:\\tools\\server.exe', '--x']],
  ['server file~ ~user 100$', ['server', 'file~', '~user', '100$']]
])('%s', (text, [file, ...args]) => {
  expect(parseCommand(text)).toEqual({ file, args })
})

describe('what only a shell could do is refused', () => {
  test.each([
    'a | b',
    'a && b',
    'a; b',
    'a > out',
    'a < in',
    'a `b`',
    'a $(b)',
    'a "$(b)"',
    'a $HOME',
    `a "\${HOME}"`,
    'a ~/x',
    'a my\\ file',
    'a\nb',
    'KEY=value server'
  ])('%s', text => {
    expect(() => parseCommand(text)).toThrow(
      expect.objectContaining({ code: 'USAGE_COMMAND', hint: expect.any(String) })
    )
  })

  test.each(['', '   ', '"" a', 'a "b', "a 'b"])('and %j is no command', text => {
    expect(() => parseCommand(text)).toThrow(expect.objectContaining({ code: 'USAGE_COMMAND' }))
  })
})
