import { parentPort, workerData } from 'node:worker_threads'
import { argon2id } from '@noble/hashes/argon2.js'
import type { KdfJob } from './kdf.ts'

const { passphrase, salt, parameters } = workerData as KdfJob
parentPort?.postMessage(
  argon2id(passphrase, salt, { m: parameters.memoryKiB, t: parameters.passes, p: parameters.parallelism, dkLen: 32 })
)
