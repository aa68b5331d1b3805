import type { Writable } from 'node:stream'

/** Resolves when a stream that was full has room again, or is closed. Leaves no listener behind: a stream may be full often. */
export function drained(stream: Writable): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    if (stream.destroyed) resolve()
    else stream.on('drain', done).on('close', done)
  })
}
