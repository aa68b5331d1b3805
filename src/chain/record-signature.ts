import { crypto } from '../crypto/index.ts'
import { HASH_LENGTH } from './bytes.ts'

const LABEL = 'talos/chain-record/v1'
const prefix = new TextEncoder().encode(`${LABEL}\0`)

/** label ‖ 0x00 ‖ chain id ‖ record id: a record is signed for one chain. */
function statementOf(chainId: Uint8Array, id: Uint8Array): Uint8Array {
  const statement = new Uint8Array(prefix.length + 2 * HASH_LENGTH)
  statement.set(prefix)
  statement.set(chainId, prefix.length)
  statement.set(id, prefix.length + HASH_LENGTH)
  return statement
}

/** The author's signature, 64 bytes. It stands beside the record, not in its id. */
export function signRecord(
  signer: { sign(bytes: Uint8Array): Uint8Array },
  chainId: Uint8Array,
  id: Uint8Array
): Uint8Array {
  return signer.sign(statementOf(chainId, id))
}

export function verifyRecord(chainId: Uint8Array, author: Uint8Array, id: Uint8Array, signature: Uint8Array): boolean {
  return crypto.ed25519.verify(author, statementOf(chainId, id), signature)
}
