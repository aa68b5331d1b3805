import { publicKeyOf } from '../crypto/peer-key.ts'

/** Longest name, in Unicode code points. */
const MAX_LENGTH = 64

/**
 * What is wrong with a display name or a petname, as the end of a sentence ("the name …"), or
 * undefined for a good one: 1 to 64 printable characters (NFC) without spaces, that reads as neither a key, an address nor
 * a flag. No invisible or direction-changing characters, so that a printed list shows what is there.
 */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty'
  if ([...name].length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`
  if (name !== name.normalize('NFC')) return 'is not in Unicode normal form C'
  if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u.test(name)) return 'holds a space, a control or an invisible character'
  if (/^[-/]/.test(name)) return `starts with "${name[0]}", as a flag or an address does`
  if (/^(12D3Koo|did:|0x)/i.test(name) || /^[0-9a-f]{16,}$/i.test(name) || publicKeyOf(name) !== undefined) {
    return 'looks like a key; choose one that nobody takes for a PeerId, a DID or hex digits'
  }
  return undefined
}

/** Names are kept as written and compared by this: without regard to case, as the registry does. */
export function nameKey(name: string): string {
  return name.normalize('NFC').toLowerCase()
}
