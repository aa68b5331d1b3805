import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { type CryptoProvider, wipe } from '../../crypto/provider.ts'
import { release } from '../../crypto/release.ts'
import { TalosError } from '../../errors.ts'
import { FILE_PROTOCOL, SECRET_LENGTH } from './constants.ts'
import { put } from './slots.ts'

/** Of one direction: which of CIPHERS, key, nonce prefix. */
export const STREAM_KEY_LENGTH = 1 + 32 + 7

const INFO = Buffer.from('talos/file-stream/v1\0')
/** By the name of one of them: Node's types have an overload for each, and none for either. */
type Cipher = 'aes-256-gcm'
const CIPHERS = ['chacha20-poly1305' as Cipher, 'aes-256-gcm'] as const
const TAG_LENGTH = 16
const TAG = { authTagLength: TAG_LENGTH }

/** What seals the content: its number in CIPHERS. */
export const CIPHER = { chaCha20Poly1305: 0, aes256Gcm: 1 } as const

/** Of one stream: what the sender seals with and what the receiver answers with, STREAM_KEY_LENGTH bytes each. */
export interface StreamKeys {
  content: Uint8Array
  control: Uint8Array
}

/** Both sides' halves decide the keys, so neither alone does, and each stream has new ones. The halves are wiped. */
export function deriveStreamKeys(
  crypto: CryptoProvider,
  halves: { offer: Uint8Array; answer: Uint8Array },
  context: { sender: string; receiver: string; transferId: Uint8Array; aes: boolean }
): StreamKeys {
  const secret = new Uint8Array(2 * SECRET_LENGTH)
  secret.set(halves.offer)
  secret.set(halves.answer, SECRET_LENGTH)
  const names = Buffer.from(`${FILE_PROTOCOL}\0${context.sender}\0${context.receiver}\0`)
  const cipher = context.aes ? CIPHER.aes256Gcm : CIPHER.chaCha20Poly1305
  const info = Buffer.concat([INFO, names, context.transferId, Uint8Array.of(cipher)])
  const keys = crypto.hkdf(secret, new Uint8Array(), info, 2 * (STREAM_KEY_LENGTH - 1))
  wipe(secret, halves.offer, halves.answer)
  const content = Uint8Array.of(cipher, ...keys.subarray(0, STREAM_KEY_LENGTH - 1))
  const control = Uint8Array.of(CIPHER.chaCha20Poly1305, ...keys.subarray(STREAM_KEY_LENGTH - 1))
  wipe(keys)
  return { content, control }
}

/** prefix (7) ‖ counter (4, big-endian) ‖ 1 for the last message and 0 for the others. */
class Nonces {
  readonly #nonce = Buffer.alloc(12)
  #counter = 0
  #ended = false

  constructor(prefix: Uint8Array) {
    this.#nonce.set(prefix)
  }

  /** The nonce of the next message; taken() when it was used. */
  next(last: boolean): Uint8Array {
    // 2^32 chunks are a petabyte
    if (this.#ended || this.#counter > 0xffff_ffff)
      throw new TalosError('FILE_PROTOCOL', 'a stream of a file went on after its end')
    this.#nonce.writeUInt32BE(this.#counter, 7)
    this.#nonce[11] = last ? 1 : 0
    return this.#nonce
  }

  taken(last: boolean): void {
    this.#counter++
    this.#ended = last
  }
}

/**
 * One direction of a stream in the STREAM form of Hoang, Reyhanitabar, Rogaway and Vizár (CRYPTO 2015): each message has its
 * place and whether it is the last in its nonce, so that one that is missing, repeated, moved, or cut off at the end is seen.
 *
 * node:crypto at first hand: the provider's seal() and open() copy what they make, and here that is a tenth of the time.
 */
export class StreamSealer {
  readonly #cipher: Cipher
  readonly #key: KeyObject
  readonly #nonces: Nonces

  /** Wipes `key`, STREAM_KEY_LENGTH bytes. */
  constructor(key: Uint8Array) {
    ;[this.#cipher, this.#key, this.#nonces] = begin(key)
  }

  /** What to send, TAG_LENGTH bytes longer, at the beginning of `target`. */
  seal(message: Uint8Array, last = false, target: Buffer = Buffer.alloc(message.byteLength + TAG_LENGTH)): Uint8Array {
    const cipher = createCipheriv(this.#cipher, this.#key, this.#nonces.next(last), TAG)
    const ciphertext = cipher.update(message)
    cipher.final()
    this.#nonces.taken(last)
    put(cipher.getAuthTag(), target, put(ciphertext, target, 0))
    release(ciphertext)
    return target.subarray(0, message.byteLength + TAG_LENGTH)
  }
}

export class StreamOpener {
  readonly #cipher: Cipher
  readonly #key: KeyObject
  readonly #nonces: Nonces

  /** Wipes `key`, STREAM_KEY_LENGTH bytes. */
  constructor(key: Uint8Array) {
    ;[this.#cipher, this.#key, this.#nonces] = begin(key)
  }

  /** The message, in memory of its own. Throws FILE_PROTOCOL when it is not the next of the stream. */
  open(sealed: Uint8Array, last = false): Uint8Array {
    const length = sealed.byteLength - TAG_LENGTH
    if (length < 1) throw notGenuine()
    const decipher = createDecipheriv(this.#cipher, this.#key, this.#nonces.next(last), TAG)
    decipher.setAuthTag(sealed.subarray(length))
    const message = decipher.update(sealed.subarray(0, length))
    try {
      decipher.final()
    } catch {
      message.fill(0)
      throw notGenuine()
    }
    this.#nonces.taken(last)
    return message
  }
}

function begin(key: Uint8Array): [Cipher, KeyObject, Nonces] {
  const begun: [Cipher, KeyObject, Nonces] = [
    CIPHERS[key[0]!]!,
    createSecretKey(key.subarray(1, 33)),
    new Nonces(key.subarray(33, STREAM_KEY_LENGTH))
  ]
  wipe(key)
  return begun
}

function notGenuine(): TalosError {
  return new TalosError('FILE_PROTOCOL', 'a message of the stream is not the one that should come next')
}
