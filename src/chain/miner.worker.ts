import { parentPort, workerData } from 'node:worker_threads'
import { type MiningJob, searchNonce } from './miner.ts'

const SLICE = 1_000_000
const { header, bits, from } = workerData as MiningJob
let nonce: number | undefined
for (let at = from; nonce === undefined; at += SLICE) nonce = searchNonce(header, bits, at, SLICE)
parentPort?.postMessage(nonce)
