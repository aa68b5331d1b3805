import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { namesLike, safeName, safePath } from '../../src/protocols/files/names.ts'

const bytes = (name: string): number => Buffer.byteLength(name)

test.each([
  'report.pdf',
  'a b',
  'Ünïcödé.txt',
  'archive.tar.gz',
  'COM.txt',
  'console',
  '日本語',
  'a~b',
  "it's",
  '👩‍👩‍👧.png'
])('the harmless name %j stays as it is', name => {
  expect(safeName(name)).toBe(name)
})

test.each([
  ['/etc/passwd'],
  ['../../x'],
  ['..'],
  ['.'],
  [''],
  ['a\\b'],
  ['C:\\x'],
  ['C:x'],
  ['file:stream'],
  ['nul'],
  ['NUL.txt'],
  ['com1'],
  ['LPT¹.log'],
  ['a\0b'],
  ['a\nb'],
  ['a\u001b[2Jb'],
  ['invoice\u202efdp.exe'],
  ['\u2066x\u2069'],
  ['x.'],
  ['x '],
  ['x. . '],
  ['.bashrc'],
  ['.partial'],
  ['a?b*c<d>e|f"g'],
  ['\ufeffx'],
  ['x'.repeat(300)],
  ['é'.repeat(200)],
  [`${'x'.repeat(300)}.txt`],
  ['   '],
  ['...']
])('the name %j becomes one that leads nowhere', name => {
  const safe = safeName(name)
  expect(safe).not.toBe(name)
  expectSafe(safe)
})

function expectSafe(safe: string): void {
  expect(safe).not.toMatch(/[\u0000-\u001f\u007f"*/:<>?\\|\u202a-\u202e\u2066-\u2069]/)
  expect(safe).not.toMatch(/^\.|[. ]$|^$/)
  expect(safe).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i)
  expect(bytes(safe)).toBeLessThanOrEqual(200)
  expect(safeName(safe)).toBe(safe)
}

test('whatever the name, what comes out is safe and stays as it is', () => {
  const nasty = fc.string({
    unit: fc.constantFrom(...'./\\:~ \0\n\u202eaCON1é👍"*<>|?', 'nul', 'com1', '\u2066', '\ud800'),
    maxLength: 400
  })
  fc.assert(fc.property(fc.oneof(nasty, fc.string({ unit: 'binary' })), name => expectSafe(safeName(name))))
})

test('names that differ stay different', () => {
  expect(safeName('a:b')).not.toBe(safeName('a_b'))
  expect(safeName('a:b')).not.toBe(safeName('a*b'))
  expect(safeName(`${'x'.repeat(300)}1`)).not.toBe(safeName(`${'x'.repeat(300)}2`))
})

test('an extension is kept', () => {
  expect(safeName(`${'x'.repeat(300)}.txt`)).toMatch(/^x+~[0-9a-f]{8}\.txt$/)
})

describe('a path', () => {
  test.each(['..', '.', '', '/a', 'a/', 'a//b', 'a/../b', 'a/./b', 'a\0b', 'x'.repeat(5000), 'a/'.repeat(200)])(
    '%j is refused',
    path => {
      expect(() => safePath(path)).toThrow(expect.objectContaining({ code: 'FILE_NAME' }))
    }
  )

  test('every component is made safe; what a directory hides stays hidden', () => {
    expect(safePath('a/.git/config')).toEqual(['a', '.git', 'config'])
    const [first, second] = safePath('C:\\x/nul')
    expectSafe(first!)
    expectSafe(second!)
  })
})

test('other names for what must not replace another', () => {
  const names = namesLike('photo.jpg')
  expect([names.next().value, names.next().value, names.next().value]).toEqual([
    'photo.jpg',
    'photo (2).jpg',
    'photo (3).jpg'
  ])
})
