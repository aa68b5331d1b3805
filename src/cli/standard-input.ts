import { TalosError } from '../errors.ts'

/** A larger message is refused anyway; what is larger still should be a file. */
const MAX_BYTES = 16 * 1024 * 1024

/** All of a stream. Throws USAGE_INVALID above 16 MiB. */
export async function readAll(input: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MAX_BYTES) {
      throw new TalosError('USAGE_INVALID', 'standard input is too long for a message', {
        hint: 'Send it as a file: talos send-file.'
      })
    }
  }
  return Buffer.concat(chunks)
}
