import { wipe } from '../../crypto/index.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { encodeFrame, type FrameStream, type LinkScheduler } from '../framing/index.ts'
import { FRAME, FRAMES_IN_FLIGHT, PROGRESS_INTERVAL, SIGN_OF_LIFE, SILENT_AFTER } from './constants.ts'
import { decodeFrame, decodePieces } from './frames.ts'
import { type Counts, decodeCounts, decodeStop, encodeCounts, encodeStop, KIND } from './messages.ts'
import type { DigestsText } from './records.ts'
import type { SinkJob } from './sink.ts'
import { Slots } from './slots.ts'
import type { SourceJob } from './source.ts'
import { type StreamKeys, StreamOpener, StreamSealer } from './stream.ts'
import { type ContentWorker, errorOf, type FromWorker } from './worker-pool.ts'
import { contentPassed } from './young-garbage.ts'

/** How long the last words of a stream may take. Milliseconds. */
const FAREWELL = 10_000

/** What STOP says, in words; a peer's own words are not shown. */
const STOPPED: Record<string, string> = {
  FILE_CANCELLED: 'the other side has cancelled the transfer',
  FILE_SOURCE_CHANGED: 'the file has changed at the sender since it was offered',
  FILE_SOURCE: 'the sender cannot read the file',
  FILE_DISK_FULL: "the receiver's disk is full",
  FILE_FOLDER: 'the receiver cannot write into its download folder',
  FILE_TOO_LARGE: "a file is larger than the receiver's limit for its content",
  FILE_NAME: 'the receiver refuses the path of an entry',
  FILE_DAMAGED: 'what arrived is not what was sent',
  FILE_RESTART: 'what the receiver had was damaged; it is sent again',
  FILE_PROTOCOL: 'the other side found a violation of the protocol',
  FILE_FAILED: 'the other side has failed'
}

function stopped(code: string): TalosError {
  return new TalosError(code in STOPPED ? code : 'FILE_FAILED', STOPPED[code] ?? STOPPED['FILE_FAILED']!)
}

interface Content<Job> {
  frames: FrameStream
  worker: ContentWorker
  keys: StreamKeys
  job: Job
  /** Aborted with a TalosError: FILE_* is told to the other side, anything else resets the stream. */
  signal: AbortSignal
  /** Of a file: everything of it was read here, or has arrived. */
  onDigests(digests: DigestsText): void
  /** `whole`: of entries that are complete. */
  onProgress(counts: Counts, whole: Counts): void
}

/**
 * Sends from where the receiver is, until the receiver says that all is verified and on disk. Throws FILE_*, NETWORK_*, and the
 * signal's reason.
 */
export async function sendContent(
  { frames, worker, keys, job, signal, onDigests, onProgress }: Content<SourceJob>,
  scheduler: LinkScheduler
): Promise<void> {
  const opener = new StreamOpener(keys.control)
  const silence = watch(frames)
  const over = new AbortController()
  const progressed = (message: Uint8Array): void => {
    const counts = decodeCounts(message)
    onProgress(counts, counts)
  }
  const reading = (async () => {
    for (;;) {
      const { type, body } = decodeFrame(await frames.read(over.signal))
      silence.heard()
      if (type !== FRAME.message && type !== FRAME.last) throw unexpected(type)
      const message = opener.open(body, type === FRAME.last)
      if (message[0] === KIND.progress) progressed(message)
      else if (message[0] === KIND.done && type === FRAME.last) return
      else if (message[0] === KIND.stop) throw stopped(decodeStop(message))
      else throw new TalosError('FILE_PROTOCOL', `the receiver sent a message of kind ${message[0]}`)
    }
  })()
  const sending = relay(frames, scheduler, worker, onDigests, over.signal)
  let own: unknown
  let farewell: NodeJS.Timeout | undefined
  sending.catch(error => {
    // a stream that cannot be written to may still hold the receiver's reason
    if (isTalosError(error, 'NETWORK_STREAM_CLOSED')) return
    // the receiver was told ours: it has seen it when it says its last word
    own = error
    farewell = setTimeout(() => over.abort(error), FAREWELL)
  })
  const onAbort = (): void => {
    const { code } = signal.reason as TalosError
    // the worker says it in its place in the stream, and then fails with it
    if (code.startsWith('FILE_')) worker.post({ type: 'stop', code })
    else over.abort(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  worker.post({ type: 'send', job, key: keys.content })
  wipe(keys.content) // the thread has its own
  if (signal.aborted) onAbort()
  try {
    await reading
    await frames.finish(AbortSignal.timeout(FAREWELL)).catch(() => {})
  } catch (cause) {
    const error = own ?? cause
    if (isTalosError(error) && error.code.startsWith('FILE_')) {
      await frames.finish(AbortSignal.timeout(FAREWELL)).catch(() => {})
    } else frames.abort(error as Error)
    throw error
  } finally {
    clearTimeout(farewell)
    over.abort(new TalosError('FILE_FAILED', 'the transfer is over'))
    signal.removeEventListener('abort', onAbort)
    silence.stop()
    await sending.catch(() => {})
  }
}

/** Writes what the worker seals when it is its turn on the connection, and asks for more as it gets away. Throws what the worker failed with, after what it said. */
function relay(
  frames: FrameStream,
  scheduler: LinkScheduler,
  worker: ContentWorker,
  onDigests: (digests: DigestsText) => void,
  signal: AbortSignal
): Promise<void> {
  const slots = new Slots(worker.memory)
  const queue: FromWorker[] = []
  let arrived = (): void => {}
  worker.onMessage = message => {
    queue.push(message)
    arrived()
  }
  signal.addEventListener('abort', () => arrived(), { once: true })
  return (async () => {
    for (;;) {
      signal.throwIfAborted()
      const message = queue.shift()
      if (message === undefined) {
        await new Promise<void>(resolve => {
          arrived = resolve
        })
      } else if (message.type === 'frame') {
        const { length, last, digests } = message
        if (digests !== undefined) onDigests(digests)
        const sealed = slots.next().subarray(0, length)
        const write = async (): Promise<void> => {
          await frames.write(encodeFrame(last ? FRAME.last : FRAME.message, sealed), signal)
          await frames.flushed(signal)
        }
        await scheduler.run('bulk', write, signal)
        contentPassed(length)
        worker.post({ type: 'credit' })
      } else if (message.type === 'error') throw errorOf(message)
      else return
    }
  })()
}

/**
 * Receives until all is complete, verified and on disk; `finish` then gives it its place, and the sender is told. Throws as
 * sendContent() does.
 */
export async function receiveContent(
  { frames, worker, keys, job, signal, onDigests, onProgress }: Content<SinkJob>,
  finish: () => Promise<void>
): Promise<void> {
  const sealer = new StreamSealer(keys.control)
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  let counts: Counts = job.done
  let isComplete = false
  let inFlight = 0
  let changed = (): void => {}
  worker.onMessage = message => {
    if (message.type === 'taken') {
      inFlight--
      counts = message.counts
      isComplete = message.complete
      if (message.digests !== undefined) onDigests(message.digests)
      onProgress(counts, message.whole)
    } else if (message.type === 'error') over.abort(errorOf(message))
    changed()
  }
  either.addEventListener('abort', () => changed(), { once: true })
  // one at a time, so that none is sealed before another and written after it
  let said: Promise<void> = Promise.resolve()
  const say = (message: Uint8Array, last = false): Promise<void> => {
    said = said.then(() => {
      const frame = encodeFrame(last ? FRAME.last : FRAME.message, sealer.seal(message, last))
      return frames.write(frame, AbortSignal.timeout(FAREWELL))
    })
    return said
  }
  const progress = tellProgress(() => counts, say)
  const silence = watch(frames)
  const slots = new Slots(worker.memory)
  worker.post({ type: 'receive', job, key: keys.content })
  wipe(keys.content) // the thread has its own
  try {
    let hasEnded = false
    while (!isComplete) {
      either.throwIfAborted()
      if (hasEnded || inFlight >= FRAMES_IN_FLIGHT) {
        silence.heard() // it is we who are slow
        await new Promise<void>(resolve => {
          changed = resolve
        })
        continue
      }
      const { type, body } = decodePieces(await frames.readPieces(either))
      silence.heard()
      if (type !== FRAME.message && type !== FRAME.last) throw unexpected(type)
      hasEnded = type === FRAME.last
      inFlight++
      contentPassed(body.byteLength)
      slots.fill(body)
      worker.post({ type: 'frame', length: body.byteLength, last: hasEnded })
    }
    await finish()
    progress.stop()
    await say(Uint8Array.of(KIND.done), true)
    await frames.finish(AbortSignal.timeout(FAREWELL))
  } catch (error) {
    progress.stop()
    const code = isTalosError(error) ? error.code : 'FILE_FAILED'
    if (code.startsWith('FILE_') && code !== 'FILE_SILENT') {
      await say(encodeStop(code), true).catch(() => {})
      await frames.finish(AbortSignal.timeout(FAREWELL)).catch(() => {})
    } else frames.abort(error as Error)
    // the sender's own reason, in our words
    throw isTalosError(error) && error.code in STOPPED && over.signal.aborted ? withWords(error) : error
  } finally {
    progress.stop()
    silence.stop()
  }
}

function withWords(error: TalosError): TalosError {
  return error.message === 'the sender has ended the transfer' ? stopped(error.code) : error
}

/** PROGRESS when something has changed, but not more often than is of use; and as a sign of life. */
function tellProgress(counts: () => Counts, say: (message: Uint8Array) => Promise<void>): { stop(): void } {
  let told = -1
  let at = 0
  let busy = false
  const timer = setInterval(() => {
    const now = counts()
    const sum = now.bytes + now.entries
    if (busy || (sum === told && performance.now() - at < SIGN_OF_LIFE)) return
    told = sum
    at = performance.now()
    busy = true
    say(encodeCounts(KIND.progress, now))
      .catch(() => {}) // the reading side sees why
      .finally(() => {
        busy = false
      })
  }, PROGRESS_INTERVAL)
  return { stop: () => clearInterval(timer) }
}

/** Resets a stream on which nothing was heard for too long. */
export function watch(frames: FrameStream): { heard(): void; stop(): void } {
  let last = performance.now()
  const timer = setInterval(() => {
    if (performance.now() - last > SILENT_AFTER)
      frames.abort(new TalosError('FILE_SILENT', 'the other side fell silent'))
  }, SIGN_OF_LIFE).unref()
  return {
    heard: () => {
      last = performance.now()
    },
    stop: () => clearInterval(timer)
  }
}

function unexpected(type: number): TalosError {
  return new TalosError('FILE_PROTOCOL', `a frame of type ${type} came in the middle of a file`)
}
