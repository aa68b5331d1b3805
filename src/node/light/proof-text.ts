import { base64, fromBase64 } from '../../chain/note.ts'
import { decodeProof, type RecordProof } from '../../chain/proof.ts'
import { TalosError } from '../../errors.ts'

const HEAD = 'talos/light-proof@v1'

/** A proof without a checkpoint as a file: it is checked against headers that the reader has. */
export const formatLightProof = (bytes: Uint8Array): string => `${HEAD}\n${base64(bytes)}\n`

/** @throws CHAIN_PROOF_INVALID */
export function parseLightProof(text: string): RecordProof {
  const encoded = text.startsWith(`${HEAD}\n`) ? text.slice(HEAD.length + 1).replace(/\n$/, '') : undefined
  const bytes = encoded === undefined ? undefined : fromBase64(encoded)
  if (bytes === undefined) {
    throw new TalosError('CHAIN_PROOF_INVALID', `the proof does not hold: it does not begin with ${HEAD}`, {
      hint: 'A proof with a signed checkpoint is for "talos proof verify".'
    })
  }
  return decodeProof(bytes)
}
