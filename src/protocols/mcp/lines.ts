import type { Readable, Writable } from 'node:stream'
import { TalosError } from '../../errors.ts'
import { IdFinder } from './id-finder.ts'
import { type Fault, tooLargeFault } from './message.ts'

const NEWLINE = 0x0a
const RETURN = 0x0d
/** Batches up to this many bytes are copied together and written at once. */
const COPY_BELOW = 64 * 1024
/** A piece of a line from here on is kept as it came, and not copied to the others until the line is whole. */
const LONG_PIECE = 16 * 1024
const LONGEST_TAIL = 64 * 1024

export interface LineSplitterInit {
  /** Longest line in bytes, without its line break. */
  maxLine: number
  /** A line was longer: it is skipped to its end, and this says what is known of it. */
  onTooLarge: (fault: Fault) => void
}

/**
 * Cuts a byte stream into lines (LF or CRLF; empty ones are dropped) in linear time and at most one line of memory. Lines
 * that lie within one chunk are views on it.
 */
export class LineSplitter {
  readonly #max: number
  readonly #onTooLarge: (fault: Fault) => void
  /** What has come of a line, in order; short pieces are copied together in the tail behind them. */
  #pieces: Uint8Array[] = []
  #tail: Buffer | undefined
  #tailLength = 0
  #length = 0
  #skipping: IdFinder | undefined
  #skipped = 0

  constructor(init: LineSplitterInit) {
    this.#max = init.maxLine
    this.#onTooLarge = init.onTooLarge
  }

  /** The lines that `chunk` completes. */
  push(chunk: Uint8Array): Uint8Array[] {
    const lines: Uint8Array[] = []
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#piece(chunk, from, at, lines)
      from = at + 1
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from))
    return lines
  }

  /** The last line, when the stream ended without a line break. */
  end(): Uint8Array[] {
    const lines: Uint8Array[] = []
    this.#piece(NOTHING, 0, 0, lines)
    return lines
  }

  #piece(chunk: Uint8Array, from: number, to: number, lines: Uint8Array[]): void {
    if (this.#length > 0 || this.#skipping !== undefined) {
      if (to > from) this.#hold(chunk.subarray(from, to))
      this.#finish(lines)
      return
    }
    const end = to > from && chunk[to - 1] === RETURN ? to - 1 : to
    if (end - from > this.#max) {
      this.#skip(chunk.subarray(from, end))
      this.#finish(lines)
    } else if (end > from) lines.push(chunk.subarray(from, end))
  }

  #hold(piece: Uint8Array): void {
    if (this.#skipping !== undefined) {
      this.#skip(piece)
      return
    }
    // one byte more than the limit may be a carriage return
    if (this.#length + piece.length > this.#max + 1) {
      for (const held of this.#takePieces()) this.#skip(held)
      this.#skip(piece)
      return
    }
    this.#length += piece.length
    if (piece.length >= LONG_PIECE) {
      this.#endTail()
      this.#pieces.push(piece)
      return
    }
    if (this.#tail === undefined || this.#tailLength + piece.length > this.#tail.length) {
      this.#endTail()
      this.#tail = Buffer.allocUnsafeSlow(Math.min(LONGEST_TAIL, Math.max(4096, this.#length * 2)))
    }
    this.#tail.set(piece, this.#tailLength)
    this.#tailLength += piece.length
  }

  #endTail(): void {
    if (this.#tail !== undefined) this.#pieces.push(this.#tail.subarray(0, this.#tailLength))
    this.#tail = undefined
    this.#tailLength = 0
  }

  #takePieces(): Uint8Array[] {
    this.#endTail()
    const pieces = this.#pieces
    this.#pieces = []
    this.#length = 0
    return pieces
  }

  #skip(piece: Uint8Array): void {
    this.#skipping ??= new IdFinder()
    this.#skipping.push(piece)
    this.#skipped += piece.length
  }

  #finish(lines: Uint8Array[]): void {
    let length = this.#length
    if (length > 0) {
      const pieces = this.#takePieces()
      const line = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, length)
      if (line[length - 1] === RETURN) length--
      if (length > this.#max) this.#skip(line.subarray(0, length))
      else if (length > 0) lines.push(line.subarray(0, length))
    }
    if (this.#skipping === undefined) return
    const fault = tooLargeFault(this.#skipped, this.#max, this.#skipping)
    this.#skipping = undefined
    this.#skipped = 0
    this.#onTooLarge(fault)
  }
}

const NOTHING = new Uint8Array(0)

/**
 * Hands over the lines of a Node stream as they come, all that one chunk completes together; what onLines() promises is waited
 * for before the next. Without the steps that an async iterator takes for each chunk. Resolves when the stream has ended or was
 * destroyed; rejects when it fails, or onLines() does.
 */
export function readLines(
  stream: Readable,
  init: LineSplitterInit,
  onLines: (lines: Uint8Array[]) => Promise<void> | undefined
): Promise<void> {
  const splitter = new LineSplitter(init)
  return new Promise((resolve, reject) => {
    const handOver = (lines: Uint8Array[]): Promise<void> | undefined => (lines.length > 0 ? onLines(lines) : undefined)
    const onData = (chunk: Uint8Array): void => {
      const taken = handOver(splitter.push(chunk))
      if (taken === undefined) return
      stream.pause()
      taken.then(() => stream.resume(), fail)
    }
    const onEnd = (): void => {
      stop()
      Promise.resolve(handOver(splitter.end())).then(resolve, reject)
    }
    const onClose = (): void => {
      stop()
      resolve()
    }
    const fail = (error: unknown): void => {
      stop()
      reject(error as Error)
    }
    const stop = (): void => {
      stream.off('data', onData).off('end', onEnd).off('close', onClose).off('error', fail)
    }
    stream.on('end', onEnd).on('close', onClose).on('error', fail).on('data', onData)
  })
}

/** it-pipe transform: chunks in, batches of lines out, one batch for what one chunk completes. */
export function splitLines(init: LineSplitterInit) {
  return async function* (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array[]> {
    const splitter = new LineSplitter(init)
    for await (const chunk of source) {
      const lines = splitter.push(chunk)
      if (lines.length > 0) yield lines
    }
    const last = splitter.end()
    if (last.length > 0) yield last
  }
}

/** Writes lines to a Node stream, a batch in one go, and says when the stream wants more. */
export class LineWriter {
  readonly #stream: Writable
  #room: Promise<void> | undefined

  constructor(stream: Writable) {
    this.#stream = stream
  }

  /**
   * Hands the lines to the stream at once, in call order. Undefined when it has room for more, else a promise of it.
   *
   * @throws TalosError TUNNEL_PIPE_CLOSED when the reader is gone
   */
  write(lines: readonly Uint8Array[]): Promise<void> | undefined {
    const stream = this.#stream
    if (!stream.writable) throw pipeClosed()
    let size = lines.length
    for (const line of lines) size += line.length
    if (size <= COPY_BELOW) stream.write(joined(lines, size))
    else {
      stream.cork()
      for (const line of lines) {
        stream.write(line)
        stream.write(LINE_END)
      }
      stream.uncork()
    }
    if (!stream.writableNeedDrain) return undefined
    this.#room ??= this.#drained()
    return this.#room
  }

  async #drained(): Promise<void> {
    const stream = this.#stream
    try {
      await new Promise<void>((resolve, reject) => {
        const settle = () => {
          stream.off('drain', settle).off('close', settle).off('error', settle)
          if (stream.writable) resolve()
          else reject(pipeClosed())
        }
        stream.on('drain', settle).on('close', settle).on('error', settle)
      })
    } finally {
      this.#room = undefined
    }
  }
}

const LINE_END = Buffer.from('\n')

function joined(lines: readonly Uint8Array[], size: number): Buffer {
  const all = Buffer.allocUnsafe(size)
  let at = 0
  for (const line of lines) {
    all.set(line, at)
    at += line.length
    all[at++] = NEWLINE
  }
  return all
}

function pipeClosed(): TalosError {
  return new TalosError('TUNNEL_PIPE_CLOSED', 'the program at the other end of the pipe has closed it')
}
