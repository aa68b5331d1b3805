import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** After so much content the buffers that carried it are collected; two or three copies of it were made until then. Bytes. */
const INTERVAL = 4 * 1024 * 1024

type Collect = (options: { type: 'minor' }) => void

let collect: Collect | undefined
let passed = 0

/**
 * To be told of content as it passes through this thread. Buffers are small objects with much memory behind them: V8 sees no
 * reason for a young collection, which costs less than half a millisecond, and after 20 MiB of buffers begins a full one, which
 * costs tens, on other threads as well: without this it was a third of the processor time of a transfer.
 */
export function contentPassed(bytes: number): void {
  passed += bytes
  if (passed < INTERVAL) return
  passed = 0
  collect ??= exposedCollect()
  collect({ type: 'minor' })
}

/** What `--expose-gc` would give, for this module alone. */
function exposedCollect(): Collect {
  // so little is collected that to wait for helpers takes longer than to do it
  setFlagsFromString('--no-parallel-scavenge')
  setFlagsFromString('--expose-gc')
  try {
    return runInNewContext('gc') as Collect
  } finally {
    setFlagsFromString('--no-expose-gc')
  }
}
