import { parentPort, workerData } from 'node:worker_threads'
import { release } from '../../crypto/release.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { FRAMES_IN_FLIGHT } from './constants.ts'
import { type Digests, decodeEntryEnd, encodeStop, KIND } from './messages.ts'
import type { DigestsText } from './records.ts'
import { Sink } from './sink.ts'
import { Slots } from './slots.ts'
import { contentOf, digestsOf, type SourceJob, survey, usage } from './source.ts'
import { StreamOpener, StreamSealer } from './stream.ts'
import type { FromWorker, ToWorker } from './worker-pool.ts'

// Disk, hashes and ciphers of one transfer at a time, so that the thread of the network has only the network to do.

const port = parentPort!
let sending: { credit: number; stop: string | undefined; wake: () => void } | undefined
let receiving: { sink: Sink; directory: boolean; opener: StreamOpener; slots: Slots } | undefined

port.on('message', (message: ToWorker) => {
  try {
    handle(message)
  } catch (error) {
    receiving?.sink.close()
    receiving = undefined
    fail(error)
  }
})

function handle(message: ToWorker): void {
  switch (message.type) {
    case 'survey':
      tell({ type: 'result', value: survey(message.path) })
      break
    case 'digests':
      tell({ type: 'result', value: asText(digestsOf(message.path, message.digest)) })
      break
    case 'usage':
      tell({ type: 'result', value: usage(message.folder, message.entryCost) })
      break
    case 'send':
      void send(message.job, new StreamSealer(message.key))
      break
    case 'credit':
      if (sending !== undefined) sending.credit++
      sending?.wake()
      break
    case 'stop':
      if (sending !== undefined) sending.stop = message.code
      sending?.wake()
      break
    case 'receive':
      receiving = {
        sink: new Sink(message.job),
        directory: message.job.directory,
        opener: new StreamOpener(message.key),
        slots: new Slots(workerData)
      }
      break
    case 'end':
      receiving?.sink.close()
      process.exit() // of this thread
      break
    case 'frame':
      receive(message.length, message.last)
  }
}

async function send(job: SourceJob, sealer: StreamSealer): Promise<void> {
  const state = { credit: FRAMES_IN_FLIGHT, stop: undefined as string | undefined, wake: () => {} }
  sending = state
  const slots = new Slots(workerData)
  const hand = (message: Uint8Array, last: boolean): void => {
    const digests = job.directory || message[0] !== KIND.entryEnd ? {} : { digests: asText(decodeEntryEnd(message)) }
    tell({ type: 'frame', length: sealer.seal(message, last, slots.next()).byteLength, last, ...digests })
  }
  try {
    for (const message of contentOf(job)) {
      while (state.credit === 0 && state.stop === undefined) {
        await new Promise<void>(resolve => {
          state.wake = resolve
        })
      }
      if (state.stop !== undefined) throw new TalosError(state.stop, 'the transfer was ended')
      state.credit--
      hand(message, message[0] === KIND.end)
    }
    tell({ type: 'sent' })
  } catch (error) {
    hand(encodeStop(asTalosError(error).code), true)
    fail(error)
  } finally {
    sending = undefined
  }
}

function receive(length: number, last: boolean): void {
  if (receiving === undefined) return // it has failed, and that was told
  const { sink, opener, slots } = receiving
  const message = opener.open(slots.next().subarray(0, length), last)
  sink.accept(message)
  const isFile = !receiving.directory && message[0] === KIND.entryEnd
  const digests = isFile ? { digests: asText(decodeEntryEnd(message)) } : {}
  release(message)
  tell({ type: 'taken', counts: sink.counts, whole: sink.whole, complete: sink.isComplete, ...digests })
  if (sink.isComplete) receiving = undefined
}

function asText({ sha256, root }: Digests): DigestsText {
  return { sha256: Buffer.from(sha256).toString('hex'), root: Buffer.from(root).toString('hex') }
}

function tell(message: FromWorker): void {
  port.postMessage(message)
}

function fail(error: unknown): void {
  const { code, message, hint } = asTalosError(error)
  tell({ type: 'error', code, message, hint })
}

function asTalosError(error: unknown): TalosError {
  return isTalosError(error) ? error : new TalosError('FILE_FAILED', `the transfer failed: ${(error as Error).message}`)
}
