import { parentPort, workerData } from 'node:worker_threads'
import { type MiningJob, searchNonce } from './miner.ts'

/** Some 10 ms of work, after which it is looked whether it is still wanted. */
const SLICE = 20_000
const { header, bits, from, stop } = workerData as MiningJob
let nonce: number | undefined
for (let at = from; nonce === undefined && Atomics.load(stop, 0) === 0; at += SLICE) {
  nonce = searchNonce(header, bits, at, SLICE)
}
if (nonce !== undefined) parentPort?.postMessage(nonce)
