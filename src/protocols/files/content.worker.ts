import { parentPort } from 'node:worker_threads'
import { pipe } from 'it-pipe'
import { isTalosError, TalosError } from '../../errors.ts'
import { FRAMES_IN_FLIGHT } from './constants.ts'
import { encodeStop, KIND } from './messages.ts'
import { Sink } from './sink.ts'
import { contentOf, type SourceJob, survey, usage } from './source.ts'
import { StreamOpener, StreamSealer } from './stream.ts'
import type { FromWorker, ToWorker } from './worker-pool.ts'

// Disk, hashes and ciphers of one transfer at a time, so that the thread of the network has only the network to do.

const port = parentPort!
let sending: { credit: number; stop: string | undefined; wake: () => void } | undefined
let receiving: { sink: Sink; opener: StreamOpener } | undefined

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
      receiving = { sink: new Sink(message.job), opener: new StreamOpener(message.key) }
      break
    case 'frame':
      receive(message.body, message.last)
  }
}

async function send(job: SourceJob, sealer: StreamSealer): Promise<void> {
  const state = { credit: FRAMES_IN_FLIGHT, stop: undefined as string | undefined, wake: () => {} }
  sending = state
  try {
    await pipe(
      () => contentOf(job),
      messages => sealed(messages, sealer),
      async frames => {
        for (const frame of frames) {
          while (state.credit === 0 && state.stop === undefined) {
            await new Promise<void>(resolve => {
              state.wake = resolve
            })
          }
          state.credit--
          hand(frame)
          if (state.stop !== undefined) throw new TalosError(state.stop, 'the transfer was ended')
        }
      }
    )
    tell({ type: 'sent' })
  } catch (error) {
    const { code } = asTalosError(error)
    hand({ ...sealer.seal(encodeStop(code), true), last: true })
    fail(error)
  } finally {
    sending = undefined
  }
}

interface SealedMessage {
  ciphertext: Uint8Array<ArrayBuffer>
  tag: Uint8Array
  last: boolean
}

function* sealed(messages: Iterable<Uint8Array>, sealer: StreamSealer): Generator<SealedMessage> {
  for (const message of messages) {
    const last = message[0] === KIND.end
    yield { ...sealer.seal(message, last), last }
  }
}

function hand({ ciphertext, tag, last }: SealedMessage): void {
  const frame: FromWorker = { type: 'frame', ciphertext, tag: Uint8Array.from(tag), last }
  // small ones are pieces of Node's pool, which must stay here
  const own = ciphertext.byteLength === ciphertext.buffer.byteLength
  port.postMessage(frame, own ? [ciphertext.buffer] : [])
}

function receive(body: Uint8Array, last: boolean): void {
  if (receiving === undefined) return // it has failed, and that was told
  const { sink, opener } = receiving
  sink.accept(opener.open(body, last))
  tell({ type: 'taken', counts: sink.counts, whole: sink.whole, complete: sink.isComplete })
  if (sink.isComplete) receiving = undefined
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
