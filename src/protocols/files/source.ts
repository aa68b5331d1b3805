import { createHash } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync
} from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import { TalosError } from '../../errors.ts'
import { CHUNK_LENGTH } from './constants.ts'
import { FileDigests } from './digests.ts'
import { HEAD_LENGTH, mediaTypeOf } from './media-type.ts'
import { type Digests, decodeEntryEnd, encodeCounts, encodeEntry, encodeEntryEnd, KIND } from './messages.ts'

// What runs here reads synchronously: it is in a thread of its own (content.worker.ts).

const PING = Uint8Array.of(KIND.ping)

/** Of what was left out, so many are named. */
const NAMED = 100

/** What is at a path that somebody wants to send. */
export interface Survey {
  name: string
  directory: boolean
  /** Bytes of content of all files. */
  size: number
  /** Files and directories inside; 1 for a file. */
  entries: number
  mediaType: string
  /** Changes when any file's path, size, time of change or inode does. Hexadecimal. */
  digest: string
  /** What cannot be sent: links, devices, sockets, names that are not UTF-8. The first hundred paths. */
  skipped: string[]
  skippedCount: number
}

/** What is sent, and where a receiver is that has some of it. */
export interface SourceJob {
  path: string
  directory: boolean
  /** As surveyed. */
  digest: string
  /** Entries that the receiver has, and chunks of the next. */
  entries: number
  chunks: number
}

interface Found {
  /** Components joined by `/`. */
  path: string
  stats: BigIntStats
}

/** Throws FILE_SOURCE. Reads nothing of the content but the first bytes of a single file. */
export function survey(path: string): Survey {
  const root = resolve(path)
  const stats = inspect(root)
  const skipped: string[] = []
  let skippedCount = 0
  const skip = (entry: string): void => {
    if (skippedCount++ < NAMED) skipped.push(entry)
  }
  let [size, entries] = [0, 0]
  const digest = createHash('sha256')
  for (const entry of walk(root, stats, skip)) {
    if (entry.stats.isFile()) size += Number(entry.stats.size)
    entries++
    digest.update(marksOf(entry))
  }
  return {
    name: basename(root),
    directory: stats.isDirectory(),
    size,
    entries,
    mediaType: stats.isDirectory() ? 'inode/directory' : mediaTypeOf(headOf(root)),
    digest: digest.digest('hex'),
    skipped,
    skippedCount
  }
}

/** Bytes of all files below a folder, and what their entries cost; links are not followed. 0 when there is none. */
export function usage(folder: string, entryCost: number): number {
  let used = 0
  const stats = lstatSync(folder, { bigint: true, throwIfNoEntry: false })
  if (stats?.isDirectory() !== true) return 0
  for (const { stats: entry } of walk(folder, stats, () => {}))
    used += entryCost + (entry.isFile() ? Number(entry.size) : 0)
  return used
}

/**
 * The messages of a transfer, from where the receiver is, in order. A message is good until the next is asked for. Throws
 * FILE_SOURCE_CHANGED when what is there is not what was surveyed, or does not hold still; FILE_SOURCE when it cannot be read.
 */
export function* contentOf(job: SourceJob): Generator<Uint8Array> {
  const root = resolve(job.path)
  const now = survey(root)
  if (now.digest !== job.digest || now.directory !== job.directory) throw changed(root)
  const buffer = new Uint8Array(1 + CHUNK_LENGTH)
  const total = { entries: 0, bytes: 0 }
  for (const entry of walk(root, inspect(root), () => {})) {
    const index = total.entries++
    const isFile = entry.stats.isFile()
    if (isFile) total.bytes += Number(entry.stats.size)
    if (index < job.entries) continue
    if (isFile) yield* fileMessages(join(root, entry.path), entry, index === job.entries ? job.chunks : 0, buffer)
    else yield encodeEntry({ path: entry.path, directory: true, size: 0, from: 0, root: new FileDigests().root() })
  }
  if (total.entries !== now.entries || total.bytes !== now.size) throw changed(root)
  yield encodeCounts(KIND.end, total)
}

/** What a file hashes to, read once more. Throws as contentOf() does. */
export function digestsOf(path: string, digest: string): Digests {
  const job = { path, directory: false, digest, entries: 0, chunks: Number.MAX_SAFE_INTEGER }
  for (const message of contentOf(job)) if (message[0] === KIND.entryEnd) return decodeEntryEnd(message)
  throw changed(path)
}

function* fileMessages(file: string, { path, stats }: Found, from: number, buffer: Uint8Array): Generator<Uint8Array> {
  const size = Number(stats.size)
  const descriptor = open(file)
  try {
    if (!isSame(fstatSync(descriptor, { bigint: true }), stats)) throw changed(file)
    const digests = new FileDigests()
    const position = (): number => digests.chunks * CHUNK_LENGTH
    buffer[0] = KIND.chunk
    const read = (): Uint8Array => {
      const length = Math.min(CHUNK_LENGTH, size - position())
      fill(descriptor, file, buffer, length, position())
      digests.append(buffer.subarray(1, 1 + length))
      return buffer.subarray(0, 1 + length)
    }
    // what the receiver has is read again: its hash goes into the file's
    while (digests.chunks < from && position() < size) {
      read()
      yield PING
    }
    yield encodeEntry({ path, directory: false, size, from: digests.chunks, root: digests.root() })
    while (position() < size) yield read()
    const after = statSync(file, { bigint: true, throwIfNoEntry: false })
    if (after === undefined || !isSame(after, stats) || !isSame(fstatSync(descriptor, { bigint: true }), stats)) {
      throw changed(file)
    }
    yield encodeEntryEnd({ sha256: digests.sha256(), root: digests.root() })
  } finally {
    closeSync(descriptor)
  }
}

/** Depth first, in the order of names, so that the same tree is always the same list. The root of a file is one entry. */
function* walk(root: string, stats: BigIntStats, skip: (path: string) => void): Generator<Found> {
  if (stats.isFile()) {
    yield { path: '', stats }
    return
  }
  yield* walkFolder(root, '', skip)
}

function* walkFolder(folder: string, prefix: string, skip: (path: string) => void): Generator<Found> {
  for (const name of guard(folder, () => readdirSync(folder)).sort()) {
    const path = `${prefix}${name}`
    const full = join(folder, name)
    const stats = lstatSync(full, { bigint: true, throwIfNoEntry: false })
    // a name that is not UTF-8 comes with replacement characters, and leads to nothing
    if (stats === undefined || !(stats.isFile() || stats.isDirectory())) skip(path)
    else {
      yield { path, stats }
      if (stats.isDirectory()) yield* walkFolder(full, `${path}/`, skip)
    }
  }
}

const marksOf = ({ path, stats: { size, mtimeNs, ino } }: Found): string => `${path}\0${size}\0${mtimeNs}\0${ino}\0`

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs && one.ino === other.ino && one.dev === other.dev
}

function inspect(root: string): BigIntStats {
  const stats = guard(root, () => statSync(root, { bigint: true }))
  if (!stats.isFile() && !stats.isDirectory()) {
    throw new TalosError('FILE_SOURCE', `${root} is neither a file nor a directory`)
  }
  return stats
}

function open(file: string): number {
  // what became a pipe since it was listed must not be waited for
  return guard(file, () => openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)))
}

function fill(descriptor: number, file: string, buffer: Uint8Array, length: number, position: number): void {
  for (let done = 0; done < length; ) {
    const count = guard(file, () => readSync(descriptor, buffer, 1 + done, length - done, position + done))
    if (count === 0) throw changed(file)
    done += count
  }
}

function headOf(file: string): Uint8Array {
  const descriptor = open(file)
  try {
    const head = new Uint8Array(HEAD_LENGTH)
    return head.subarray(
      0,
      guard(file, () => readSync(descriptor, head))
    )
  } finally {
    closeSync(descriptor)
  }
}

function guard<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const { errno, message } = cause as NodeJS.ErrnoException
    const why = getSystemErrorMap().get(errno ?? 0)?.[1] ?? message
    throw new TalosError('FILE_SOURCE', `cannot read ${path}: ${why}`, {
      hint: 'Check the path and its permissions.',
      cause
    })
  }
}

function changed(path: string): TalosError {
  return new TalosError('FILE_SOURCE_CHANGED', `${path} has changed since it was offered`, { hint: 'Send it again.' })
}
