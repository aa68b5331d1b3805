import { crypto } from '../../src/crypto/index.ts'

/** A signing key that is the same in every run. */
export const ownerOf = (seed: number) => crypto.ed25519.fromSeed(new Uint8Array(32).fill(seed))
