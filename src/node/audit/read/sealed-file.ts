import { open } from 'node:fs/promises'
import { crypto, wipe } from '../../../crypto/index.ts'
import { TalosError } from '../../../errors.ts'

const MAGIC = new TextEncoder().encode('talos-chain-archive-sealed/1\n')
const SALT_LENGTH = 32
const HEAD_LENGTH = MAGIC.length + SALT_LENGTH
/** Of the contents, in each box but the last. */
const CHUNK = 65_536
const TAG_LENGTH = 16
const LABEL = new TextEncoder().encode('talos/chain-archive/v1')

/**
 * Seals an archive for its owner: who has the wallet, or its recovery phrase, opens it. The boxes are numbered and the last one says so, so
 * that none can be left out, moved or cut off. The format is in docs/spec/chain.md.
 *
 * @param seed of the owner's key, 32 bytes
 */
export async function* sealArchive(source: AsyncIterable<Uint8Array>, seed: Uint8Array): AsyncGenerator<Uint8Array> {
  const head = new Uint8Array(HEAD_LENGTH)
  head.set(MAGIC)
  head.set(crypto.randomBytes(SALT_LENGTH), MAGIC.length)
  const key = keyOf(seed, head)
  let held: Uint8Array = new Uint8Array()
  let number = 0
  try {
    yield head
    for await (const chunk of source) {
      held = Buffer.concat([held, chunk])
      // one full box is held back: it may be the last
      for (; held.length > CHUNK; held = held.subarray(CHUNK)) {
        yield crypto.seal(key, nonceOf(number++, false), held.subarray(0, CHUNK), head)
      }
    }
    yield crypto.seal(key, nonceOf(number, true), held, head)
  } finally {
    wipe(key)
  }
}

/**
 * The contents of a sealed archive in a file.
 *
 * @throws CHAIN_ARCHIVE_INVALID when it is none, was changed or cut off, or is of another owner; STORAGE_READ_FAILED
 */
export async function* openArchive(path: string, seed: Uint8Array): AsyncGenerator<Uint8Array> {
  await using file = await open(path, 'r').catch(unreadable(path))
  const { size } = await file.stat()
  const head = await readFull(file, path, 0, HEAD_LENGTH)
  if (!MAGIC.every((byte, i) => head[i] === byte)) throw invalid('it is no archive of a chain')
  const key = keyOf(seed, head)
  try {
    let number = 0
    for (let at = HEAD_LENGTH; ; ) {
      const isLast = size - at <= CHUNK + TAG_LENGTH
      const box = await readFull(file, path, at, isLast ? size - at : CHUNK + TAG_LENGTH)
      const plain = crypto.open(key, nonceOf(number++, isLast), box, head)
      if (plain === undefined) throw invalid('it was changed or cut off, or is of another identity')
      yield plain
      if (isLast) return
      at += box.length
    }
  } finally {
    wipe(key)
  }
}

const keyOf = (seed: Uint8Array, head: Uint8Array): Uint8Array =>
  crypto.hkdf(seed, head.subarray(MAGIC.length, HEAD_LENGTH), LABEL, 32)

/** The number of the box, 11 bytes, and whether it is the last. */
function nonceOf(number: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(number, 5, 6)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

async function readFull(
  file: Awaited<ReturnType<typeof open>>,
  path: string,
  position: number,
  length: number
): Promise<Uint8Array> {
  const buffer = new Uint8Array(Math.max(0, length))
  const { bytesRead } = await file.read(buffer, 0, buffer.length, position).catch(unreadable(path))
  if (bytesRead < buffer.length || buffer.length === 0) throw invalid('it is cut off')
  return buffer
}

const unreadable =
  (path: string) =>
  (cause: unknown): never => {
    throw new TalosError('STORAGE_READ_FAILED', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }

function invalid(message: string): TalosError {
  return new TalosError('CHAIN_ARCHIVE_INVALID', `the archive cannot be used: ${message}`)
}
