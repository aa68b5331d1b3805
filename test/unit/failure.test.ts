import { expect, test, vi } from 'vitest'
import { reportFailure } from '../../src/cli/failure.ts'
import { TalosError } from '../../src/errors.ts'

test('control characters in what a peer said never reach the terminal', () => {
  const written: string[] = []
  const write = vi.spyOn(process.stderr, 'write').mockImplementation(chunk => {
    written.push(String(chunk))
    return true
  })
  const { exitCode } = process
  try {
    const evil = 'gone\x1b[2J\x1b]0;owned\x07\x9b31m\x00\x08\r\u202e\u2066\u{e0041}'
    reportFailure(new TalosError('MAILBOX_REFUSED', evil, { hint: evil }))
    reportFailure(new Error(evil))
  } finally {
    write.mockRestore()
    process.exitCode = exitCode
  }
  const shown = written.join('')
  expect(shown).toContain('gone')
  // nothing that steers, reorders or hides; line feeds are our own
  expect(shown.replaceAll('\n', '')).not.toMatch(/\p{C}/u)
})
