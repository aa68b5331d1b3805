import { crypto, signStatement, statement, verifyBeside, verifyStatement } from '../crypto/index.ts'
import { HASH_LENGTH } from './bytes.ts'

const LABEL = 'talos/chain-record/v1'

/** Chain id ‖ record id: a record is signed for one chain. */
function subjectOf(chainId: Uint8Array, id: Uint8Array): Uint8Array {
  const subject = new Uint8Array(2 * HASH_LENGTH)
  subject.set(chainId)
  subject.set(id, HASH_LENGTH)
  return subject
}

/** The author's signature, 64 bytes. It stands beside the record, not in its id. */
export function signRecord(
  signer: { sign(bytes: Uint8Array): Uint8Array },
  chainId: Uint8Array,
  id: Uint8Array
): Uint8Array {
  return signStatement(signer, LABEL, subjectOf(chainId, id))
}

export function verifyRecord(chainId: Uint8Array, author: Uint8Array, id: Uint8Array, signature: Uint8Array): boolean {
  return verifyStatement(crypto, author, LABEL, subjectOf(chainId, id), signature)
}

/** As verifyRecord(), in the threads of the platform: for many at once. */
export function verifyRecordBeside(
  chainId: Uint8Array,
  author: Uint8Array,
  id: Uint8Array,
  signature: Uint8Array
): Promise<boolean> {
  return verifyBeside(author, statement(LABEL, subjectOf(chainId, id)), signature)
}
