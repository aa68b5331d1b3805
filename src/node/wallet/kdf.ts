import * as nodeCrypto from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { TalosError } from '../../errors.ts'

/** Argon2id (RFC 9106) with a 32-byte result. */
export interface KdfParameters {
  /** Memory in KiB. */
  memoryKiB: number
  passes: number
  parallelism: number
}

/** RFC 9106's choice for 64 MiB. About 0.2 s with Node's own argon2, which uses the cores that are free. */
export const DEFAULT_KDF: KdfParameters = { memoryKiB: 64 * 1024, passes: 3, parallelism: 4 }

/** What a wallet file may ask for: enough for any sane choice, and at most 256 MiB and some seconds for a hostile one. */
const LIMITS = { memoryKiB: 256 * 1024, passes: 16, parallelism: 4 }

/** True when the parameters are within RFC 9106's and our bounds. */
export function areKdfParameters(parameters: KdfParameters): boolean {
  const { memoryKiB, passes, parallelism } = parameters
  return (
    isBetween(parallelism, 1, LIMITS.parallelism) &&
    isBetween(passes, 1, LIMITS.passes) &&
    isBetween(memoryKiB, 8 * parallelism, LIMITS.memoryKiB)
  )
}

const isBetween = (value: number, least: number, most: number) =>
  Number.isSafeInteger(value) && value >= least && value <= most

/** Node.js 24.7 and newer. Without it a passphrase takes seconds, on a busy machine many. */
export const HAS_NATIVE_KDF = 'argon2' in nodeCrypto

export interface KdfJob {
  passphrase: Uint8Array
  salt: Uint8Array
  parameters: KdfParameters
}

/**
 * 32 bytes from a passphrase, computed off the main thread: by OpenSSL where Node.js has argon2 (24.7 and newer), else by
 * @noble/hashes in a worker. Both give the same bytes. Throws WALLET_KDF_FAILED, as when memory is short.
 */
export async function passphraseKey(job: KdfJob, native = HAS_NATIVE_KDF): Promise<Uint8Array> {
  try {
    return await (native ? withOpenSsl(job) : inWorker(job))
  } catch (cause) {
    throw new TalosError('WALLET_KDF_FAILED', `the passphrase could not be processed: ${(cause as Error).message}`, {
      hint: `It needs ${Math.ceil(job.parameters.memoryKiB / 1024)} MiB of free memory.`,
      cause
    })
  }
}

function withOpenSsl({ passphrase, salt, parameters }: KdfJob): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    nodeCrypto.argon2(
      'argon2id',
      {
        message: passphrase,
        nonce: salt,
        memory: parameters.memoryKiB,
        passes: parameters.passes,
        parallelism: parameters.parallelism,
        tagLength: 32
      },
      (error, key) => (error ? reject(error) : resolve(new Uint8Array(key)))
    )
  })
}

function inWorker(job: KdfJob): Promise<Uint8Array> {
  // in the checkout this file is beside the worker, in the bundle it is part of a chunk in dist/
  const file = import.meta.url.endsWith('/kdf.ts') ? './kdf.worker.ts' : './node/wallet/kdf.worker.js'
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(file, import.meta.url), { workerData: job })
    worker.once('message', (key: Uint8Array) => resolve(key))
    worker.once('error', reject)
    worker.once('exit', status => reject(new Error(`the worker ended with status ${status}`)))
  })
}
