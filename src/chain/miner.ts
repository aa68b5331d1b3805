import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { TalosError } from '../errors.ts'
import { hashInput, NONCE_AT } from './block.ts'
import { readUint64, viewOf, writeUint64 } from './bytes.ts'
import { sha256Text } from './hash.ts'
import { targetText } from './work.ts'

/** Hashes tried where the caller runs, 2 ms of them, before a thread is started: that alone costs 20 ms and some megabytes. */
const INLINE_ATTEMPTS = 2_000

/** Nonces `from` to `from + attempts - 1`: the first with which the header (164 bytes) meets its target, or undefined. */
export function searchNonce(header: Uint8Array, bits: number, from: number, attempts: number): number | undefined {
  const input = hashInput(header)
  const view = viewOf(input)
  const at = input.length - 8
  const target = targetText(bits)
  for (let nonce = from; nonce < from + attempts; nonce++) {
    writeUint64(view, at, nonce)
    // characters are bytes: text in order is numbers in order
    if (sha256Text(input) <= target) return nonce
  }
  return undefined
}

export interface MiningOptions {
  signal?: AbortSignal
  /** The part of a processor that the thread may use, above 0 and up to 1. @default 1 */
  duty?: number
}

/**
 * The header with a nonce that meets its target. Work beyond 2,000 hashes is done in a thread of its own, which ends with it.
 *
 * @throws CHAIN_FORMAT when the header's bits are no target; CHAIN_MINING_FAILED; the signal's reason
 */
export async function mineHeader(header: Uint8Array, options: MiningOptions = {}): Promise<Uint8Array> {
  const view = viewOf(header)
  const [bits, from] = [view.getUint32(152), readUint64(view, NONCE_AT)]
  options.signal?.throwIfAborted()
  const nonce = searchNonce(header, bits, from, INLINE_ATTEMPTS)
  const mined = header.slice()
  writeUint64(viewOf(mined), NONCE_AT, nonce ?? (await mineInThread(header, from + INLINE_ATTEMPTS, options)))
  return mined
}

export interface MiningJob {
  header: Uint8Array
  bits: number
  from: number
  /** The part of a processor that may be used. */
  duty: number
  /** The thread ends when this is no longer 0. */
  stop: Int32Array
}

async function mineInThread(header: Uint8Array, from: number, { signal, duty = 1 }: MiningOptions): Promise<number> {
  // in the checkout this file is beside the worker, in the bundle it is part of a chunk in dist/
  const file = import.meta.url.endsWith('/miner.ts') ? './miner.worker.ts' : './chain/miner.worker.js'
  // never by terminate(): a thread that is stopped inside OpenSSL takes the whole process with it
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const end = (): void => {
    Atomics.store(stop, 0, 1)
    Atomics.notify(stop, 0)
  }
  const workerData: MiningJob = { header, bits: viewOf(header).getUint32(152), from, stop, duty }
  const worker = new Worker(new URL(file, import.meta.url), { workerData, execArgv: [], env: {} })
  signal?.addEventListener('abort', end)
  try {
    const ended = once(worker, 'exit').then(() => {
      throw new TalosError('CHAIN_MINING_FAILED', 'the thread that looked for proof of work ended without it')
    })
    const [nonce] = (await Promise.race([once(worker, 'message'), ended])) as [number]
    return nonce
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    end()
    signal?.removeEventListener('abort', end)
  }
}
