/** The memory under `bytes` in whole words of four bytes. */
export function wordsOf({ buffer }: Uint8Array): Int32Array {
  return new Int32Array(buffer, 0, buffer.byteLength >> 2)
}

/**
 * `at` is a multiple of four. Where the first of the bytes `at`..`end` (counted from the start of the memory) that means something inside a JSON string
 * is, to the word: a quote, a backslash, or one below 0x20. Where none is, the last whole word ends.
 */
export function skipPlain(words: Int32Array, at: number, end: number): number {
  const last = end >> 2
  let i = at >> 2
  while (i < last) {
    const word = words[i]!
    const quote = word ^ 0x22222222
    const backslash = word ^ 0x5c5c5c5c
    // the top bit of a byte of each term: the byte was zero (twice), it was below 0x20
    const found =
      ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash) | ((word - 0x20202020) & ~word)
    if ((found & 0x80808080) !== 0) break
    i++
  }
  return i << 2
}
