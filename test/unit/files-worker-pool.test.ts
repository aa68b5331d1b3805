import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Survey } from '../../src/protocols/files/source.ts'
import { STREAM_KEY_LENGTH } from '../../src/protocols/files/stream.ts'
import { WorkerPool } from '../../src/protocols/files/worker-pool.ts'
import { within } from '../support/within.ts'

test('a transfer that is broken off ends its thread, and the process lives', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'talos-test-'))
  const pool = new WorkerPool()
  try {
    const path = join(folder, 'big')
    await writeFile(path, randomBytes(8 * 1024 * 1024))
    const { digest } = await pool.ask<Survey>({ type: 'survey', path })
    for (let i = 0; i < 20; i++) {
      const worker = pool.acquire()
      const begun = new Promise<void>(resolve => {
        worker.onMessage = message => {
          if (message.type !== 'frame') return
          worker.post({ type: 'credit' }) // it goes on reading and hashing
          resolve()
        }
      })
      const job = { path, directory: false, digest, entries: 0, chunks: 0 }
      worker.post({ type: 'send', job, key: new Uint8Array(STREAM_KEY_LENGTH) })
      await within(begun, 'the first frame', 10_000)
      await within(pool.release(worker, false), 'the end of the thread', 10_000)
    }
    expect((await pool.ask<Survey>({ type: 'survey', path })).digest).toBe(digest)
  } finally {
    await within(pool.close(), 'the end of the pool', 10_000)
    await rm(folder, { recursive: true })
  }
})
