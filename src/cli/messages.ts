import type { IncomingMessage } from '../index.ts'
import { printable } from './printable.ts'

/** Shown of one message on a terminal, in characters. */
const MAX_SHOWN = 4_000

/** A message's content for a person: its text, without what would steer the terminal; of other types the size. */
export function shownContent({ content, contentType }: Pick<IncomingMessage, 'content' | 'contentType'>): string {
  const isText = /^text\/|^application\/json\b/.test(contentType)
  if (!isText) return `<${content.byteLength} bytes of ${printable(contentType)}>`
  const text = printable(new TextDecoder().decode(content))
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}… <${content.byteLength} bytes>` : text
}

/** A message as `--json` prints it: text where it is text, else base64. */
export function jsonOf<T extends { content: Uint8Array; contentType: string }>({ content, ...rest }: T): object {
  const text = utf8(content)
  return { ...rest, ...(text === undefined ? { base64: Buffer.from(content).toString('base64') } : { text }) }
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
