import { parentPort, workerData } from 'node:worker_threads'
import { type MiningJob, searchNonce } from './miner.ts'

/** Some 10 ms of work, after which it is looked whether it is still wanted. */
const SLICE = 20_000
const { header, bits, from, stop, duty } = workerData as MiningJob
let nonce: number | undefined
for (let at = from; nonce === undefined && Atomics.load(stop, 0) === 0; at += SLICE) {
  const began = performance.now()
  nonce = searchNonce(header, bits, at, SLICE)
  // pauses as long as it takes for the work to be that part of the time; ends early when it is not wanted any more
  if (duty < 1 && nonce === undefined) Atomics.wait(stop, 0, 0, ((performance.now() - began) * (1 - duty)) / duty)
}
if (nonce !== undefined) parentPort?.postMessage(nonce)
