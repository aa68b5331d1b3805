/** Less is not worth the call. Bytes. */
const WORTHWHILE = 4096

/**
 * Gives back the memory of a buffer that its owner has done with, at once: garbage of a megabyte a message brings on a full
 * collection every few messages. The buffer is empty afterwards. One that is a part of something larger is left as it is.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (bytes.byteLength >= WORTHWHILE && buffer.byteLength === bytes.byteLength && buffer instanceof ArrayBuffer) {
    buffer.transfer(0)
  }
}
