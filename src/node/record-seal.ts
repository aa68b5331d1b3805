import type { Aead, CryptoProvider } from '../crypto/index.ts'
import { TalosError } from '../errors.ts'

const VERSION = 1
const NONCE_LENGTH = 12
const TAG_LENGTH = 16

/**
 * Seals the values of a database under a key of the wallet. A record is version (1 byte) ‖ nonce (12) ‖ ChaCha20-Poly1305,
 * with `talos/store/v1 NUL key` as associated data, so that records cannot be swapped.
 */
export class RecordSeal {
  readonly #aead: Aead
  readonly #crypto: CryptoProvider

  /** `key` has 32 bytes. */
  constructor(key: Uint8Array, crypto: CryptoProvider) {
    this.#aead = crypto.aead(key)
    this.#crypto = crypto
  }

  seal(key: string, value: Uint8Array): Uint8Array {
    const nonce = this.#crypto.randomBytes(NONCE_LENGTH)
    const record = this.#aead.seal(nonce, value, boundTo(key), 1 + NONCE_LENGTH)
    record[0] = VERSION
    record.set(nonce, 1)
    return record
  }

  /** Throws STORAGE_CORRUPT when the record is not what was sealed at this key. */
  open(key: string, record: Uint8Array): Uint8Array {
    if (record[0] !== VERSION || record.length < 1 + NONCE_LENGTH + TAG_LENGTH) throw corrupt(key)
    const value = this.#aead.open(record.subarray(1, 1 + NONCE_LENGTH), record.subarray(1 + NONCE_LENGTH), boundTo(key))
    if (value === undefined) throw corrupt(key)
    return value
  }
}

function boundTo(key: string): Uint8Array {
  return Buffer.from(`talos/store/v1\0${key}`)
}

function corrupt(key: string): TalosError {
  return new TalosError('STORAGE_CORRUPT', `the record ${key} of the store is damaged or of another wallet`, {
    hint: 'Move the store folder away: sessions are made anew, the identity is not in it.'
  })
}
