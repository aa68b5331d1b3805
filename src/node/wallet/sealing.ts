import { crypto, wipe } from '../../crypto/index.ts'

/** A sealed value as it stands in the wallet file, all in hex. */
export interface Sealed {
  /** 12 random bytes: the salt of the key derivation and the nonce of the cipher. */
  nonce: string
  /** 32 bytes that no other key gives: ChaCha20-Poly1305 alone does not promise that one key only opens a box. */
  commitment: string
  /** ChaCha20-Poly1305 ciphertext and its 16-byte tag. */
  box: string
}

export type Unsealed = { ok: true; plaintext: Uint8Array } | { ok: false; why: 'wrong key' | 'tampered' }

/** Seals under a key made from `secret` (32 bytes) for this `label` and this value alone; `header` is authenticated. */
export function seal(secret: Uint8Array, label: string, header: Uint8Array, plaintext: Uint8Array): Sealed {
  const nonce = crypto.randomBytes(12)
  const { key, commitment } = keysFor(secret, label, nonce)
  const box = crypto.seal(key, nonce, plaintext, header)
  wipe(key)
  return { nonce: toHex(nonce), commitment: toHex(commitment), box: toHex(box) }
}

/** The commitment tells a wrong key from a box or header that somebody has changed. */
export function unseal(secret: Uint8Array, label: string, header: Uint8Array, sealed: Sealed): Unsealed {
  const nonce = fromHex(sealed.nonce)
  const { key, commitment } = keysFor(secret, label, nonce)
  try {
    if (!crypto.timingSafeEqual(commitment, fromHex(sealed.commitment))) return { ok: false, why: 'wrong key' }
    const plaintext = crypto.open(key, nonce, fromHex(sealed.box), header)
    return plaintext === undefined ? { ok: false, why: 'tampered' } : { ok: true, plaintext }
  } finally {
    wipe(key)
  }
}

function keysFor(secret: Uint8Array, label: string, nonce: Uint8Array): { key: Uint8Array; commitment: Uint8Array } {
  const both = crypto.hkdf(secret, nonce, new TextEncoder().encode(label), 64)
  return { key: both.subarray(0, 32), commitment: both.subarray(32) }
}

const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const fromHex = (digits: string) => Uint8Array.from(Buffer.from(digits, 'hex'))
