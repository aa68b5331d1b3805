import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

/** A sealed value as it stands in the wallet file, all in hex. */
export interface Sealed {
  /** 12 random bytes, the salt of the key derivation and the nonce of the cipher. */
  nonce: string
  /** 32 bytes that tell whether a key is the right one: no other key opens the box, which ChaCha20-Poly1305 alone does not promise. */
  commitment: string
  /** ChaCha20-Poly1305 ciphertext and its 16-byte tag. */
  box: string
}

export type Unsealed = { ok: true; plaintext: Uint8Array } | { ok: false; why: 'wrong key' | 'tampered' }

/** Seals under a key made from `secret` (32 bytes) for this `label` and this value alone; `header` is authenticated. */
export function seal(secret: Uint8Array, label: string, header: Uint8Array, plaintext: Uint8Array): Sealed {
  const nonce = randomBytes(12)
  const { key, commitment } = keysFor(secret, label, nonce)
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
  cipher.setAAD(header, { plaintextLength: plaintext.length })
  const box = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  key.fill(0)
  return { nonce: nonce.toString('hex'), commitment: commitment.toString('hex'), box: box.toString('hex') }
}

/** The commitment tells a wrong key from a box or header that somebody has changed. */
export function unseal(secret: Uint8Array, label: string, header: Uint8Array, sealed: Sealed): Unsealed {
  const nonce = Buffer.from(sealed.nonce, 'hex')
  const { key, commitment } = keysFor(secret, label, nonce)
  try {
    if (!timingSafeEqual(commitment, Buffer.from(sealed.commitment, 'hex'))) return { ok: false, why: 'wrong key' }
    const box = Buffer.from(sealed.box, 'hex')
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
    decipher.setAAD(header, { plaintextLength: box.length - 16 })
    decipher.setAuthTag(box.subarray(box.length - 16))
    const plaintext = decipher.update(box.subarray(0, box.length - 16))
    try {
      decipher.final()
    } catch {
      plaintext.fill(0)
      return { ok: false, why: 'tampered' }
    }
    return { ok: true, plaintext }
  } finally {
    key.fill(0)
  }
}

function keysFor(secret: Uint8Array, label: string, nonce: Uint8Array): { key: Buffer; commitment: Buffer } {
  const both = Buffer.from(hkdfSync('sha256', secret, nonce, label, 64))
  return { key: both.subarray(0, 32), commitment: both.subarray(32) }
}
