/** `bytes` as one line of text that is safe to show on a terminal: control characters escaped, cut after `max` bytes. */
export function printable(bytes: Uint8Array, max = 512): string {
  const shown = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, max)).toString('utf8')
  // C0 and C1 controls, and the marks that reorder or hide text
  const safe = shown.replace(
    /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu,
    char => `\\u{${char.codePointAt(0)!.toString(16)}}`
  )
  return bytes.byteLength > max ? `${safe}… (${bytes.byteLength} bytes)` : safe
}
