import { isTalosError } from '../errors.ts'
import { equalBytes, HASH_LENGTH, readUint64, viewOf, writeUint64 } from './bytes.ts'
import { type Checkpoint, checkpointText, openCheckpoint, type SignerPolicy } from './checkpoint.ts'
import { FormatError } from './format-error.ts'
import { sha256 } from './hash.ts'
import { parseSignatures } from './note.ts'
import type { TrustPolicy } from './policy.ts'

/** What an ANCHOR record says: that an earlier state of its chain is known to a third party, and how that can be checked. */
export interface Anchor {
  /** Name of the provider that can verify the proof. */
  provider: string
  /** Blocks that the state had. */
  size: number
  root: Uint8Array
  proof: Uint8Array
}

/** Verifies proofs of one kind of third party. Only `true` is yes: an exception is no, as is a provider that nobody configured. */
export interface AnchorProvider {
  readonly name: string
  verify(proof: Uint8Array, checkpoint: Checkpoint): boolean | Promise<boolean>
}

/** Value of the extension ANCHOR: name length (1) ‖ name ‖ size (8) ‖ root (32) ‖ proof. */
export function encodeAnchor({ provider, size, root, proof }: Anchor): Uint8Array {
  const name = new TextEncoder().encode(provider)
  const bytes = new Uint8Array(1 + name.length + 8 + HASH_LENGTH + proof.length)
  bytes[0] = name.length
  bytes.set(name, 1)
  writeUint64(viewOf(bytes), 1 + name.length, size)
  bytes.set(root, 9 + name.length)
  bytes.set(proof, 9 + name.length + HASH_LENGTH)
  return bytes
}

/** @throws CHAIN_FORMAT */
export function decodeAnchor(bytes: Uint8Array): Anchor {
  const length = bytes[0] ?? 0
  if (bytes.length < 9 + length + HASH_LENGTH) throw new FormatError('ANCHOR_MISMATCH', 'an anchor is cut off')
  return {
    provider: new TextDecoder().decode(bytes.subarray(1, 1 + length)),
    size: readUint64(viewOf(bytes), 1 + length),
    root: bytes.subarray(9 + length, 9 + length + HASH_LENGTH),
    proof: bytes.subarray(9 + length + HASH_LENGTH)
  }
}

/**
 * Trusted keys: the proof is signature lines of the checkpoint (C2SP), of the log and of as many of the named witnesses as the policy
 * asks for.
 */
export function signatureAnchors(name: string, policy: SignerPolicy): AnchorProvider {
  return {
    name,
    verify(proof, checkpoint) {
      try {
        const signatures = parseSignatures(new TextDecoder('utf-8', { fatal: true }).decode(proof))
        openCheckpoint({ text: checkpointText(checkpoint), signatures }, policy)
        return true
      } catch (error) {
        if (isTalosError(error) || error instanceof TypeError) return false
        throw error
      }
    }
  }
}

/** What anchors of witnesses are called. */
export const WITNESS_ANCHOR = 'witness'

/** Those whom a policy names: the proof is their signature lines, as many as it asks for. */
export function trustAnchors(name: string, { witnesses, least, isMet }: TrustPolicy): AnchorProvider {
  return signatureAnchors(name, { witnesses: witnesses.map(({ key }) => key), quorum: { least, isMet } })
}

/**
 * A file beside the chain: the proof in the record is the SHA-256 of the file, and what is in the file is verified by another
 * provider. `read` gives the file of that hash, or undefined.
 */
export function fileAnchors(
  name: string,
  read: (sha256: Uint8Array) => Promise<Uint8Array | undefined>,
  inner: AnchorProvider
): AnchorProvider {
  return {
    name,
    async verify(proof, checkpoint) {
      const file = await read(proof)
      return file !== undefined && equalBytes(sha256(file), proof) && inner.verify(file, checkpoint)
    }
  }
}
