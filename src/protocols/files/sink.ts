import { timingSafeEqual } from 'node:crypto'
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { TalosError } from '../../errors.ts'
import { CHUNK_LENGTH } from './constants.ts'
import { FileDigests } from './digests.ts'
import { checkFile, type FileLimits } from './limits.ts'
import { HEAD_LENGTH, mediaTypeOf } from './media-type.ts'
import { type Counts, decodeCounts, decodeEntry, decodeEntryEnd, decodeStop, type Entry, KIND } from './messages.ts'
import { namesLike, safePath } from './names.ts'

// What runs here writes synchronously: it is in a thread of its own (content.worker.ts).

/** The disk is told to begin writing after so many bytes, so that it is not all left to the end. */
const FLUSH_AFTER = 32 * 1024 * 1024

const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

const ZEROS = Buffer.alloc(CHUNK_LENGTH)

export interface SinkJob {
  /** The transfer's own folder; it exists. `part` is the file that is being received, `tree` the directory. */
  folder: string
  directory: boolean
  /** As offered. */
  size: number
  entries: number
  /** What is complete here already, and how many chunks of the next entry the sender was told of. */
  done: Counts
  chunks: number
  /** Entries below this number may have been received before a crash: what is in their place is replaced. */
  begun: number
  limits: FileLimits
}

interface OpenFile {
  descriptor: number
  target: string[]
  size: number
  offset: number
  digests: FileDigests
}

/**
 * Takes the messages of a transfer in order, checks each, and writes what they hold into the transfer's own folder. Every
 * method throws FILE_PROTOCOL, FILE_NAME, FILE_TOO_LARGE, FILE_DAMAGED, FILE_RESTART, FILE_DISK_FULL, FILE_FOLDER.
 */
export class Sink {
  readonly #job: SinkJob
  readonly #done: Counts
  #file: OpenFile | undefined
  #unflushed = 0
  /** The directory in which names were made last, to be synced when another follows. */
  #touched: string | undefined
  #complete = false

  constructor(job: SinkJob) {
    this.#job = job
    this.#done = { ...job.done }
  }

  /** Entries that are complete and on disk; bytes that were verified and written, of the open file as well. */
  get counts(): Counts {
    return { entries: this.#done.entries, bytes: this.#done.bytes + (this.#file?.offset ?? 0) }
  }

  /** Entries that are complete and on disk, and their bytes. */
  get whole(): Counts {
    return { ...this.#done }
  }

  /** All has come, was verified, and is on disk. */
  get isComplete(): boolean {
    return this.#complete
  }

  accept(message: Uint8Array): void {
    if (this.#complete) throw protocol('something came after the end')
    switch (message[0]) {
      case KIND.chunk:
        this.#chunk(message)
        break
      case KIND.entry:
        this.#begin(decodeEntry(message))
        break
      case KIND.entryEnd:
        this.#endFile(message)
        break
      case KIND.end:
        this.#end(decodeCounts(message))
        break
      case KIND.stop:
        throw new TalosError(decodeStop(message), 'the sender has ended the transfer')
      case KIND.ping:
        break
      default:
        throw protocol(`a message of kind ${message[0]}`)
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor)
    this.#file = undefined
  }

  #begin(entry: Entry): void {
    const { directory, size, entries, done, chunks, folder } = this.#job
    if (this.#file !== undefined) throw protocol('an entry began within another')
    if (this.#done.entries >= entries || this.#done.bytes + entry.size > size)
      throw protocol('more came than was offered')
    if (!directory && (entry.directory || entry.path !== '' || entry.size !== size))
      throw protocol('another file came than was offered')
    const target = directory ? safePath(entry.path) : []
    if (entry.directory) {
      this.#guard(() => mkdirSync(join(folder, 'tree', ...target), { recursive: true, mode: 0o700 }))
      this.#done.entries++
      return
    }
    const isResumed = entry.from > 0
    if (
      isResumed &&
      (this.#done.entries !== done.entries || entry.from > chunks || entry.from * CHUNK_LENGTH > entry.size)
    ) {
      throw protocol('it goes on from where nothing is')
    }
    const descriptor = this.#guard(() =>
      openSync(join(folder, 'part'), constants.O_RDWR | constants.O_CREAT | NO_FOLLOW, 0o600)
    )
    this.#file = { descriptor, target, size: entry.size, offset: 0, digests: new FileDigests() }
    if (isResumed) this.#recall(this.#file, entry)
    this.#guard(() => ftruncateSync(descriptor, this.#file!.offset))
  }

  /** Hashes what is there of the file. What does not have the hash that the sender's has is not trusted, and goes. */
  #recall(file: OpenFile, { from, root }: Entry): void {
    const chunk = Buffer.alloc(CHUNK_LENGTH)
    const available = Math.floor(fstatSync(file.descriptor).size / CHUNK_LENGTH)
    while (file.digests.chunks < Math.min(from, available)) {
      this.#guard(() => readFully(file.descriptor, chunk, file.offset))
      this.#digest(file, chunk)
    }
    if (file.digests.chunks !== from || !timingSafeEqual(file.digests.root(), root)) {
      this.#guard(() => ftruncateSync(file.descriptor, 0))
      throw new TalosError('FILE_RESTART', 'what was received before is damaged; it is sent again')
    }
  }

  #digest(file: OpenFile, chunk: Uint8Array): void {
    file.digests.append(chunk)
    file.offset += chunk.length
  }

  #chunk(message: Uint8Array): void {
    const file = this.#file
    const length = message.length - 1
    if (file === undefined || length === 0 || length !== Math.min(CHUNK_LENGTH, file.size - file.offset)) {
      throw protocol('a chunk has a wrong length')
    }
    const chunk = message.subarray(1)
    if (file.offset === 0) checkFile(mediaTypeOf(chunk.subarray(0, HEAD_LENGTH)), file.size, this.#job.limits)
    // zeros are left out: a sparse file stays one
    if (!Buffer.from(chunk.buffer, chunk.byteOffset, length).equals(ZEROS.subarray(0, length))) {
      this.#guard(() => writeFully(file.descriptor, chunk, file.offset))
    }
    this.#digest(file, chunk)
    this.#unflushed += length
    if (this.#unflushed > FLUSH_AFTER) {
      this.#unflushed = 0
      // fails at the fsync that follows, if at all
      fdatasync(file.descriptor, () => {})
    }
  }

  #endFile(message: Uint8Array): void {
    const { sha256, root } = decodeEntryEnd(message)
    const file = this.#file
    if (file === undefined || file.offset !== file.size) throw protocol('a file ended before its end')
    if (!timingSafeEqual(file.digests.sha256(), sha256) || !timingSafeEqual(file.digests.root(), root)) {
      this.#guard(() => ftruncateSync(file.descriptor, 0))
      throw new TalosError('FILE_DAMAGED', 'what arrived is not what was sent')
    }
    this.#guard(() => {
      ftruncateSync(file.descriptor, file.size) // zeros at the end were left out
      fsyncSync(file.descriptor)
    })
    this.close()
    if (this.#job.directory) this.#guard(() => this.#place(file.target))
    this.#done.entries++
    this.#done.bytes += file.size
    this.#unflushed = 0
  }

  /** Moves the complete file to its place in the tree. */
  #place(target: string[]): void {
    const { folder, begun } = this.#job
    const parent = join(folder, 'tree', ...target.slice(0, -1))
    mkdirSync(parent, { recursive: true, mode: 0o700 })
    if (this.#touched !== undefined && this.#touched !== parent) syncFolder(this.#touched)
    this.#touched = parent
    for (const name of namesLike(target.at(-1)!)) {
      const path = join(parent, name)
      // on a file system that ignores case two entries may have one name; neither is lost
      const taken = lstatSync(path, { throwIfNoEntry: false })
      if (taken !== undefined && (this.#done.entries >= begun || taken.isDirectory())) continue
      renameSync(join(folder, 'part'), path)
      return
    }
  }

  #end(total: Counts): void {
    const { size, entries, folder, directory } = this.#job
    const { entries: count, bytes } = this.#done
    if (this.#file !== undefined || count !== entries || bytes !== size) throw protocol('it ended before its end')
    if (total.entries !== count || total.bytes !== bytes) throw protocol('the sender counts otherwise')
    this.#guard(() => {
      if (directory) mkdirSync(join(folder, 'tree'), { recursive: true, mode: 0o700 })
      if (this.#touched !== undefined) syncFolder(this.#touched)
      syncFolder(folder)
    })
    this.#complete = true
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      throw asFolderError(cause, this.#job.folder)
    }
  }
}

/** FILE_DISK_FULL or FILE_FOLDER. */
export function asFolderError(cause: unknown, folder: string): TalosError {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new TalosError('FILE_DISK_FULL', `no space is left in ${dirname(dirname(folder))}`, {
      hint: 'Make room and send again: what has arrived is kept.',
      cause
    })
  }
  return new TalosError('FILE_FOLDER', `cannot write into the download folder: ${message}`, {
    hint: 'Give another one with --download-dir, or files.downloadDir in config.yaml.',
    cause
  })
}

/** Makes names that were added or changed in a folder durable, where the system can. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function writeFully(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done)
}

function readFully(descriptor: number, chunk: Uint8Array, position: number): void {
  for (let done = 0; done < chunk.length; ) {
    const count = readSync(descriptor, chunk, done, chunk.length - done, position + done)
    if (count === 0) throw new Error('the partial file became shorter')
    done += count
  }
}

function protocol(what: string): TalosError {
  return new TalosError('FILE_PROTOCOL', `the other side does not follow the protocol of files: ${what}`)
}
