import { crypto } from '../crypto/index.ts'
import { TalosError } from '../errors.ts'
import { concatBytes, equalBytes, viewOf, writeUint64 } from './bytes.ts'
import { sha256 } from './hash.ts'

/** Signature types of C2SP signed notes: the log's own, and that of a witness, with a time. */
export const NOTE_KEY = { ed25519: 1, cosignature: 4 } as const

export interface NoteKey {
  /** Without spaces and `+`. */
  name: string
  type: (typeof NOTE_KEY)[keyof typeof NOTE_KEY]
  /** Ed25519, 32 bytes. */
  publicKey: Uint8Array
}

export interface NoteSignature {
  name: string
  /** 4 bytes. */
  keyId: Uint8Array
  signature: Uint8Array
}

/** A C2SP signed note: text that ends with a newline, and signatures. */
export interface Note {
  text: string
  signatures: readonly NoteSignature[]
}

const MAX_NOTE = 65_536
const MAX_SIGNATURES = 64
const NAME = /^[^\s+\p{Z}]+$/u
const encoder = new TextEncoder()

/** SHA-256(name ‖ newline ‖ type ‖ key), the first four bytes. */
export function noteKeyId({ name, type, publicKey }: NoteKey): Uint8Array {
  return sha256(concatBytes(encoder.encode(`${name}\n`), Uint8Array.of(type), publicKey)).slice(0, 4)
}

/** `name+keyid+key` as other C2SP tools write it. */
export function formatNoteKey(key: NoteKey): string {
  return `${key.name}+${Buffer.from(noteKeyId(key)).toString('hex')}+${base64(concatBytes(Uint8Array.of(key.type), key.publicKey))}`
}

/** @throws CHAIN_NOTE_INVALID */
export function parseNoteKey(text: string): NoteKey {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? []
  const bytes = encoded === undefined ? undefined : fromBase64(encoded)
  const type = bytes?.[0]
  if (bytes?.length !== 33 || (type !== NOTE_KEY.ed25519 && type !== NOTE_KEY.cosignature) || !NAME.test(name!)) {
    throw invalid('a verifier key has the form name+8 digits+base64, of Ed25519')
  }
  const key: NoteKey = { name: name!, type, publicKey: bytes.slice(1) }
  if (Buffer.from(noteKeyId(key)).toString('hex') !== id) throw invalid('the digits of a verifier key do not match it')
  return key
}

export function formatNote({ text, signatures }: Note): string {
  return `${text}\n${signatures.map(signatureLine).join('')}`
}

export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${base64(concatBytes(keyId, signature))}\n`
}

/** @throws CHAIN_NOTE_INVALID */
export function parseNote(note: string): Note {
  if (note.length > MAX_NOTE) throw invalid('a note has at most 65,536 characters')
  const end = note.lastIndexOf('\n\n')
  if (end < 0 || /[\x00-\x09\x0b-\x1f]/.test(note)) throw invalid('a note is text, an empty line, and signatures')
  return { text: note.slice(0, end + 1), signatures: parseSignatures(note.slice(end + 2)) }
}

/** @throws CHAIN_NOTE_INVALID */
export function parseSignatures(lines: string): NoteSignature[] {
  const all = lines.split('\n')
  if (all.pop() !== '' || all.length < 1 || all.length > MAX_SIGNATURES) {
    throw invalid(`a note has 1 to ${MAX_SIGNATURES} signatures, each on a line`)
  }
  return all.map(line => {
    const [, name, encoded] = /^— (\S+) (\S+)$/.exec(line) ?? []
    const bytes = encoded === undefined ? undefined : fromBase64(encoded)
    if (bytes === undefined || bytes.length < 5 || !NAME.test(name!)) throw invalid('a signature line is malformed')
    return { name: name!, keyId: bytes.slice(0, 4), signature: bytes.slice(4) }
  })
}

interface Signer {
  publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

/** The signature of a log. */
export function signNote(text: string, name: string, signer: Signer): NoteSignature {
  const keyId = noteKeyId({ name, type: NOTE_KEY.ed25519, publicKey: signer.publicKey })
  return { name, keyId, signature: signer.sign(encoder.encode(text)) }
}

/** The signature of a witness, with the time in seconds since 1970. */
export function cosignNote(text: string, name: string, signer: Signer, time: number): NoteSignature {
  const keyId = noteKeyId({ name, type: NOTE_KEY.cosignature, publicKey: signer.publicKey })
  const signature = new Uint8Array(72)
  writeUint64(viewOf(signature), 0, time)
  signature.set(signer.sign(cosigned(text, time)), 8)
  return { name, keyId, signature }
}

function cosigned(text: string, time: number | bigint): Uint8Array {
  return encoder.encode(`cosignature/v1\ntime ${time}\n${text}`)
}

/** Whether `key` signed: undefined when the note has no signature of this name and key id. */
export function verifyNote({ text, signatures }: Note, key: NoteKey): boolean | undefined {
  const id = noteKeyId(key)
  const found = signatures.find(({ name, keyId }) => name === key.name && equalBytes(keyId, id))
  if (found === undefined) return undefined
  const { signature } = found
  if (key.type === NOTE_KEY.ed25519) return crypto.ed25519.verify(key.publicKey, encoder.encode(text), signature)
  if (signature.length !== 72) return false
  const time = viewOf(signature).getBigUint64(0)
  return time < 2n ** 63n && crypto.ed25519.verify(key.publicKey, cosigned(text, time), signature.subarray(8))
}

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** Undefined for anything that is not the one base64 text of its bytes. */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined
}

function invalid(message: string): TalosError {
  return new TalosError('CHAIN_NOTE_INVALID', message, { hint: 'See c2sp.org/signed-note.' })
}
