import { createHash } from 'node:crypto'
import { TalosError } from '../../errors.ts'
import { MAX_DEPTH, MAX_PATH_LENGTH } from './constants.ts'

/** Longest name, in bytes of UTF-8. File systems take 255; a number, and what encrypting file systems add, must still fit. */
const MAX_COMPONENT = 200

/** What no file system here and on Windows takes in a name, what moves the cursor, and what turns text around. */
const FORBIDDEN =
  /[\u0000-\u001f\u007f-\u009f"*/:<>?\\|\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffd\p{Cs}\u{e0000}-\u{e007f}]/gu

/** Devices of Windows, with any extension. */
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i

/**
 * A name that every file system takes, made of one that a peer chose. One that is harmless stays as it is. Any other gets what
 * is not allowed replaced, and a mark (`~` and 8 hexadecimal digits of its SHA-256), so that two names never become one.
 * It is never empty, `.` or `..`. A dot in front, which hides a file, stays only within a directory that was sent.
 */
export function safeName(name: string, mayHide = false): string {
  const normal = name.normalize('NFC')
  const clean = normal
    .replace(FORBIDDEN, '_')
    .replace(mayHide ? /^\s+/u : /^[\s.]+/u, '_')
    .replace(/[\s.]+$/u, '')
  const isReserved = RESERVED.test(clean)
  if (clean === normal && !isReserved && clean !== '' && Buffer.byteLength(clean) <= MAX_COMPONENT) return clean
  const mark = `~${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
  const [stem, extension] = split(clean)
  const front = isReserved ? '_' : ''
  const room = MAX_COMPONENT - Buffer.byteLength(front + mark + extension)
  return `${front}${cut(stem, room)}${mark}${extension}`
}

/**
 * The components of an entry's path, each safe. Throws FILE_NAME for what no honest sender sends: an empty component, `.`, `..`,
 * an absolute path, a separator of another system, a path too long or too deep.
 */
export function safePath(path: string): string[] {
  const components = path.split('/')
  const isBad = (name: string): boolean => name === '' || name === '.' || name === '..' || name.includes('\0')
  if (Buffer.byteLength(path) > MAX_PATH_LENGTH || components.length > MAX_DEPTH || components.some(isBad)) {
    throw new TalosError('FILE_NAME', 'the other side sent a path that leads out of its folder, or is none')
  }
  return components.map(name => safeName(name, true))
}

/** Names to try for something that must not replace another: `name.ext`, `name (2).ext`, and so on. */
export function* namesLike(name: string): Generator<string> {
  yield name
  const [stem, extension] = split(name)
  for (let count = 2; ; count++) yield `${stem} (${count})${extension}`
}

/** `archive.tar` and `.gz`: the extension is what follows the last dot, if it looks like one. */
function split(name: string): [string, string] {
  const extension = /(?<=.)\.[\p{L}\p{N}_-]{1,16}$/u.exec(name)?.[0] ?? ''
  return [name.slice(0, name.length - extension.length), extension]
}

/** As many whole characters as fit into `length` bytes. */
function cut(text: string, length: number): string {
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > length) break
    kept += character
  }
  return kept
}
