import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ANSWER, CHUNK_LENGTH, SPARE_SPACE } from '../../src/protocols/files/constants.ts'
import { admit, checkFile, DEFAULT_LIMITS } from '../../src/protocols/files/limits.ts'
import { classOf, mediaTypeOf } from '../../src/protocols/files/media-type.ts'
import { MerkleTree } from '../../src/protocols/files/merkle.ts'
import { encodeCounts, encodeEntry, encodeEntryEnd, encodeStop, KIND } from '../../src/protocols/files/messages.ts'
import { Sink, type SinkJob } from '../../src/protocols/files/sink.ts'
import { contentOf, survey, usage } from '../../src/protocols/files/source.ts'
import { CIPHER, STREAM_KEY_LENGTH, StreamOpener, StreamSealer } from '../../src/protocols/files/stream.ts'
import { digestsOf } from '../support/file-vectors.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const code = (expected: string) => expect.objectContaining({ code: expected })
const NO_LIMITS = { ...DEFAULT_LIMITS, image: 0, audio: 0, video: 0, document: 0, other: 0, directory: 0, quota: 0 }

describe('the Merkle tree', () => {
  /** RFC 6962 §2.1 as it is written there. */
  function treeHash(leaves: Uint8Array[]): Buffer {
    if (leaves.length === 0) return sha256()
    if (leaves.length === 1) return sha256(Uint8Array.of(0), leaves[0]!)
    let k = 1
    while (k * 2 < leaves.length) k *= 2
    return sha256(Uint8Array.of(1), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)))
  }

  test('is that of RFC 6962', () => {
    const leaves: Uint8Array[] = []
    const tree = new MerkleTree()
    for (let size = 0; size < 130; size++) {
      expect(Buffer.compare(tree.root(), treeHash(leaves)), `${size} leaves`).toBe(0)
      leaves.push(Uint8Array.of(size))
      tree.append(sha256(Uint8Array.of(0, size)))
    }
  })

  test('gives the roots of the certificate transparency project', () => {
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
    const tree = new MerkleTree()
    for (const input of inputs) tree.append(sha256(Uint8Array.of(0), Buffer.from(input, 'hex')))
    expect(Buffer.from(tree.root()).toString('hex')).toBe(
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'
    )
  })
})

describe.each(Object.entries(CIPHER))('a stream with %s', (_, cipher) => {
  const open = (key: Uint8Array) => new StreamOpener(Uint8Array.from(key))
  const sealAll = (key: Uint8Array, texts: string[]): Buffer[] => {
    const sealer = new StreamSealer(Uint8Array.from(key))
    return texts.map((text, at) => Buffer.from(sealer.seal(Buffer.from(text), at === texts.length - 1)))
  }
  const key = randomBytes(STREAM_KEY_LENGTH)
  key[0] = cipher
  const [one, two, last] = sealAll(key, ['one', 'two', 'last'])

  test('opens in order', () => {
    const opener = open(key)
    const texts = [opener.open(one!), opener.open(two!), opener.open(last!, true)]
    expect(texts.map(text => Buffer.from(text).toString())).toEqual(['one', 'two', 'last'])
  })

  test.each([
    ['one is missing', [one, last], 1],
    ['two are exchanged', [two], 0],
    ['one comes twice', [one, one], 1],
    ['the end is called no end', [one, two, last], 2],
    ['one is empty', [Buffer.alloc(16)], 0],
    ['one is too short for a tag', [Buffer.alloc(3)], 0]
  ])('is refused where %s', (_, messages, at) => {
    const opener = open(key)
    for (const message of messages.slice(0, at)) opener.open(message!)
    expect(() => opener.open(messages[at]!)).toThrow(code('FILE_PROTOCOL'))
  })

  test('that was cut off cannot be given an end', () => {
    const opener = open(key)
    opener.open(one!)
    expect(() => opener.open(two!, true)).toThrow(code('FILE_PROTOCOL'))
  })

  test('is over after its end', () => {
    const opener = open(key)
    for (const message of [one, two]) opener.open(message!)
    opener.open(last!, true)
    expect(() => opener.open(one!)).toThrow(code('FILE_PROTOCOL'))
    const sealer = new StreamSealer(Uint8Array.from(key))
    sealer.seal(Buffer.from('x'), true)
    expect(() => sealer.seal(Buffer.from('y'))).toThrow(code('FILE_PROTOCOL'))
  })

  test('every flipped bit is refused, and the genuine message opens after it', () => {
    const opener = open(key)
    for (let bit = 0; bit < one!.length * 8; bit++) {
      const forged = Buffer.from(one!)
      forged[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => opener.open(forged)).toThrow(code('FILE_PROTOCOL'))
    }
    expect(Buffer.from(opener.open(one!)).toString()).toBe('one')
  })
})

describe('the media type', () => {
  test.each([
    ['89504e470d0a1a0a0000', 'image/png', 'image'],
    ['ffd8ffe000104a464946', 'image/jpeg', 'image'],
    [Buffer.from('\0\0\0\x18ftypisom').toString('hex'), 'video/mp4', 'video'],
    [Buffer.from('\0\0\0\x18ftypM4A ').toString('hex'), 'audio/mp4', 'audio'],
    [Buffer.from('%PDF-1.7').toString('hex'), 'application/pdf', 'document'],
    ['4d5a9000', 'application/vnd.microsoft.portable-executable', 'other'],
    [Buffer.from('plain words').toString('hex'), 'text/plain', 'document'],
    ['c3', 'text/plain', 'document'], // cut in the middle of a character
    ['', 'application/octet-stream', 'other'],
    ['00010203', 'application/octet-stream', 'other']
  ])('of %s is %s', (hex, type, kind) => {
    expect(mediaTypeOf(Buffer.from(hex, 'hex'))).toBe(type)
    expect(classOf(type)).toBe(kind)
  })

  test('is found for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), head => /^[\w.+-]+\/[\w.+-]+$/.test(mediaTypeOf(head))))
  })
})

describe('limits', () => {
  const plenty = { used: 0, free: Number.MAX_SAFE_INTEGER }
  const claim = { directory: false, size: 1, entries: 1, mediaType: 'image/png' }
  const MIB = 1024 * 1024

  test.each([
    ['image/png', 50],
    ['audio/flac', 200],
    ['video/mp4', 2048],
    ['application/pdf', 100],
    ['application/zip', 50]
  ])('%s: %i MiB', (mediaType, limit) => {
    const offer = (size: number): number => admit({ ...claim, mediaType, size }, DEFAULT_LIMITS, plenty)
    expect(offer(limit * MIB)).toBe(ANSWER.accepted)
    expect(offer(limit * MIB + 1)).toBe(ANSWER.tooLarge)
    checkFile(mediaType, limit * MIB, DEFAULT_LIMITS)
    expect(() => checkFile(mediaType, limit * MIB + 1, DEFAULT_LIMITS)).toThrow(code('FILE_TOO_LARGE'))
  })

  test('0 is none', () => {
    expect(admit({ ...claim, size: 1e15 }, NO_LIMITS, plenty)).toBe(ANSWER.accepted)
    checkFile('image/png', 1e15, NO_LIMITS)
  })

  test('a directory is bounded in size and entries', () => {
    const directory = { ...claim, directory: true, mediaType: 'inode/directory' }
    expect(admit({ ...directory, size: 2048 * MIB + 1 }, DEFAULT_LIMITS, plenty)).toBe(ANSWER.tooLarge)
    expect(admit({ ...directory, size: 0, entries: 100_001 }, DEFAULT_LIMITS, plenty)).toBe(ANSWER.tooLarge)
  })

  test('the quota and the disk are those of the download folder', () => {
    const limits = { ...NO_LIMITS, quota: 1_000_000 }
    expect(admit({ ...claim, size: 500_000 }, limits, { ...plenty, used: 400_000 })).toBe(ANSWER.accepted)
    expect(admit({ ...claim, size: 500_000 }, limits, { ...plenty, used: 500_000 })).toBe(ANSWER.quota)
    // a million empty files are not free
    expect(admit({ ...claim, directory: true, size: 0, entries: 1000 }, limits, plenty)).toBe(ANSWER.quota)
    expect(admit({ ...claim, size: 500_000 }, NO_LIMITS, { used: 0, free: SPARE_SPACE + 500_000 })).toBe(ANSWER.noSpace)
  })
})

describe('a source', () => {
  const kinds = (messages: Iterable<Uint8Array>): number[] => [...messages].map(message => message[0]!)
  const jobOf = (path: string, rest: object = {}) => {
    const { directory, digest } = survey(path)
    return { path, directory, digest, entries: 0, chunks: 0, ...rest }
  }

  test('is surveyed without being read: links, pipes and names that are not UTF-8 are left out and named', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'b'))
    writeFileSync(join(folder, 'b/two'), 'xx')
    writeFileSync(join(folder, 'a'), 'x')
    symlinkSync('/etc/passwd', join(folder, 'link'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Uint8Array.of(0x66, 0xff)]), 'x')
    expect(survey(folder)).toMatchObject({ directory: true, size: 3, entries: 3, skippedCount: 3 })
    expect(survey(folder).skipped.slice(0, 1)).toEqual(['f\ufffd'])
    expect(usage(folder, 10)).toBe(33)
  })

  test('neither a file nor a directory: refused', () => {
    const folder = temporaryFolder()
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(() => survey(pipe)).toThrow(code('FILE_SOURCE'))
    expect(() => survey(join(pipe, 'nothing'))).toThrow(code('FILE_SOURCE'))
    expect(() => survey(join(folder, 'nothing'))).toThrow(/nothing: no such file or directory$/)
  })

  test.each([
    ['grew', (path: string) => appendFileSync(path, 'x')],
    ['was cut', (path: string) => truncateSync(path, 10)],
    ['was touched', (path: string) => utimesSync(path, 1, 1)],
    [
      'was replaced',
      (path: string) => {
        const { atime, mtime } = statSync(path)
        const content = readFileSync(path)
        execFileSync('mv', [path, `${path}.old`])
        writeFileSync(path, content)
        utimesSync(path, atime, mtime)
      }
    ]
  ])('a file that %s fails, before and while it is sent', (_, change) => {
    const path = join(temporaryFolder(), 'file')
    writeFileSync(path, randomBytes(3 * CHUNK_LENGTH))
    const before = jobOf(path)
    const sending = contentOf(jobOf(path))
    expect([sending.next().value![0], sending.next().value![0]]).toEqual([KIND.entry, KIND.chunk])
    change(path)
    expect(() => kinds(sending)).toThrow(code('FILE_SOURCE_CHANGED'))
    expect(() => kinds(contentOf(before))).toThrow(code('FILE_SOURCE_CHANGED'))
  })

  test('a directory in which something changes fails', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'a'), 'x')
    const job = jobOf(folder)
    writeFileSync(join(folder, 'b'), 'x')
    expect(() => kinds(contentOf(job))).toThrow(code('FILE_SOURCE_CHANGED'))
  })
})

describe('a sink', () => {
  function sinkFor(rest: Partial<SinkJob> = {}): Sink {
    const done = { entries: 0, bytes: 0 }
    const job = { folder: temporaryFolder(), directory: false, size: 10, entries: 1, done, chunks: 0, begun: 0 }
    return new Sink({ ...job, limits: NO_LIMITS, ...rest })
  }
  const root = digestsOf(Buffer.alloc(0)).root()
  const entry = (rest: object = {}) => encodeEntry({ path: '', directory: false, size: 10, from: 0, root, ...rest })
  const chunk = (bytes: Uint8Array) => Buffer.concat([Uint8Array.of(KIND.chunk), bytes])
  const end = (entries = 1, bytes = 10) => encodeCounts(KIND.end, { entries, bytes })
  const ten = Buffer.from('0123456789')
  const digests = () => encodeEntryEnd({ sha256: sha256(ten), root: digestsOf(ten).root() })

  test('takes what is right', () => {
    const folder = temporaryFolder()
    const sink = sinkFor({ folder })
    for (const message of [entry(), chunk(ten), digests(), end()]) sink.accept(message)
    expect(sink.isComplete).toBe(true)
    expect(readFileSync(join(folder, 'part'), 'utf8')).toBe('0123456789')
  })

  const wrong: Array<[string, Partial<SinkJob>, Uint8Array[], string]> = [
    ['a chunk without a file', {}, [chunk(ten)], 'FILE_PROTOCOL'],
    ['a chunk that is too long', {}, [entry(), chunk(Buffer.alloc(11))], 'FILE_PROTOCOL'],
    ['a chunk that is too short', {}, [entry(), chunk(Buffer.alloc(9))], 'FILE_PROTOCOL'],
    ['an empty chunk', {}, [entry(), chunk(Buffer.alloc(0))], 'FILE_PROTOCOL'],
    ['a chunk after the last', {}, [entry(), chunk(ten), chunk(ten)], 'FILE_PROTOCOL'],
    ['a larger file than was offered', {}, [entry({ size: 11 })], 'FILE_PROTOCOL'],
    ['a smaller file than was offered', {}, [entry({ size: 9 })], 'FILE_PROTOCOL'],
    ['more files than were offered', {}, [entry(), chunk(ten), digests(), entry({ size: 0 })], 'FILE_PROTOCOL'],
    ['a directory in place of a file', {}, [entry({ directory: true, size: 0 })], 'FILE_PROTOCOL'],
    ['a path in place of a name', {}, [entry({ path: 'x' })], 'FILE_PROTOCOL'],
    ['a file within a file', {}, [entry(), entry()], 'FILE_PROTOCOL'],
    ['an end before the end', {}, [entry(), end()], 'FILE_PROTOCOL'],
    ['an end of nothing', {}, [end()], 'FILE_PROTOCOL'],
    ['an end that counts otherwise', {}, [entry(), chunk(ten), digests(), end(1, 11)], 'FILE_PROTOCOL'],
    ['a file that ends early', {}, [entry(), digests()], 'FILE_PROTOCOL'],
    ['another content than its hash', {}, [entry(), chunk(Buffer.from('012345678x')), digests()], 'FILE_DAMAGED'],
    ['something to go on from that is not there', {}, [entry({ from: 1 })], 'FILE_PROTOCOL'],
    ['an unknown message', {}, [Uint8Array.of(99)], 'FILE_PROTOCOL'],
    ['an empty message', {}, [new Uint8Array()], 'FILE_PROTOCOL'],
    ['an entry that is cut off', {}, [entry().subarray(0, 20)], 'FILE_PROTOCOL'],
    ['a path that leads out', { directory: true }, [entry({ path: '../x' })], 'FILE_NAME'],
    ['an absolute path', { directory: true }, [entry({ path: '/etc/x' })], 'FILE_NAME'],
    [
      'a content above the limit for its kind',
      { limits: { ...NO_LIMITS, document: 5 } },
      [entry(), chunk(ten)],
      'FILE_TOO_LARGE'
    ],
    ['a stop', {}, [encodeStop('FILE_CANCELLED')], 'FILE_CANCELLED']
  ]
  test.each(wrong)('refuses %s', (_, job, messages, expected) => {
    const sink = sinkFor(job)
    for (const message of messages.slice(0, -1)) sink.accept(message)
    expect(() => sink.accept(messages.at(-1)!)).toThrow(code(expected))
    expect(sink.isComplete).toBe(false)
    sink.close()
  })

  test('holes stay holes', () => {
    const source = join(temporaryFolder(), 'sparse')
    const size = 40 * CHUNK_LENGTH + 5
    writeFileSync(source, 'x')
    truncateSync(source, size)
    const folder = temporaryFolder()
    const { digest } = survey(source)
    const sink = sinkFor({ folder, size })
    for (const message of contentOf({ path: source, directory: false, digest, entries: 0, chunks: 0 }))
      sink.accept(message)
    const part = statSync(join(folder, 'part'))
    expect(part.size).toBe(size)
    expect(part.blocks * 512).toBeLessThan(3 * CHUNK_LENGTH)
    expect(readFileSync(join(folder, 'part')).equals(readFileSync(source))).toBe(true)
  })

  test('a partial file that was damaged is not gone on from', () => {
    const folder = temporaryFolder()
    const source = join(temporaryFolder(), 'file')
    writeFileSync(source, randomBytes(2 * CHUNK_LENGTH + 1))
    const damaged = readFileSync(source)
    damaged[5]! ^= 1
    writeFileSync(join(folder, 'part'), damaged)
    const { digest, size } = survey(source)
    const sink = sinkFor({ folder, size, chunks: 2 })
    const messages = contentOf({ path: source, directory: false, digest, entries: 0, chunks: 2 })
    expect(() => {
      for (const message of messages) sink.accept(message)
    }).toThrow(code('FILE_RESTART'))
    sink.close()
    expect(statSync(join(folder, 'part')).size).toBe(0)
  })

  test('links in the place of the partial file are not followed', () => {
    const folder = temporaryFolder()
    const victim = join(temporaryFolder(), 'victim')
    writeFileSync(victim, 'untouched')
    symlinkSync(victim, join(folder, 'part'))
    expect(() => sinkFor({ folder }).accept(entry())).toThrow(code('FILE_FOLDER'))
    expect(readFileSync(victim, 'utf8')).toBe('untouched')
  })

  test('two entries of one name on a file system that knows no case: neither is lost', () => {
    const folder = temporaryFolder()
    const sink = sinkFor({ folder, directory: true, size: 0, entries: 2 })
    const none = encodeEntryEnd({ sha256: sha256(), root })
    for (let i = 0; i < 2; i++) {
      sink.accept(entry({ path: 'same.txt', size: 0 }))
      sink.accept(none)
    }
    sink.accept(end(2, 0))
    expect(statSync(join(folder, 'tree/same (2).txt')).size).toBe(0)
  })
})
