import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { TalosError } from '../errors.ts'

/** What is written at once. */
const BUFFER = 256 * 1024

/**
 * Writes a file (0600) from chunks as they come, beside its place, and puts it there when it is whole and on the disk: whoever looks finds
 * the old file, or all of the new one. How many bytes it has.
 *
 * @throws STORAGE_WRITE_FAILED, and what `chunks` throws
 */
export async function writeOutputFile(
  path: string,
  chunks: AsyncIterable<Uint8Array | string> | string
): Promise<{ bytes: number }> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const bytes = await writeAll(temporary, typeof chunks === 'string' ? [chunks] : chunks)
    await rename(temporary, path).catch(failed(path))
    return { bytes }
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

async function writeAll(path: string, chunks: AsyncIterable<Uint8Array | string> | readonly string[]): Promise<number> {
  await using file = await open(path, 'wx', 0o600).catch(failed(path))
  let waiting: Uint8Array[] = []
  let length = 0
  let bytes = 0
  const flush = async (): Promise<void> => {
    await file.writeFile(Buffer.concat(waiting)).catch(failed(path))
    bytes += length
    waiting = []
    length = 0
  }
  for await (const chunk of chunks) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    waiting.push(part)
    length += part.length
    if (length >= BUFFER) await flush()
  }
  await flush()
  await file.sync().catch(failed(path))
  return bytes
}

const failed =
  (path: string) =>
  (cause: unknown): never => {
    throw new TalosError('STORAGE_WRITE_FAILED', `cannot write ${path}: ${(cause as Error).message}`, { cause })
  }
