import { join } from 'node:path'
import { parsePolicy, type TrustPolicy } from '../../chain/policy.ts'
import { TalosError } from '../../errors.ts'
import type { Config } from '../config.ts'
import { readPrivateFile } from '../private-file.ts'

/** Where the policy is looked for unless the configuration says. */
const DEFAULT_NAME = 'witness-policy'

/**
 * The witnesses of this agent, by the file that the configuration names, else `witness-policy` in the data directory; undefined where
 * there is none. Throws CHAIN_POLICY_INVALID, WITNESS_POLICY_MISSING for one that is named and not there, STORAGE_READ_FAILED.
 */
export async function readPolicy(
  dataDir: string,
  { policy: path }: Pick<Config['witness'], 'policy'>
): Promise<TrustPolicy | undefined> {
  const found = await readPrivateFile(path ?? join(dataDir, DEFAULT_NAME))
  if (found !== undefined) return parsePolicy(textOf(found.bytes))
  if (path === undefined) return undefined
  throw new TalosError('WITNESS_POLICY_MISSING', `there is no file ${path} with a policy`, {
    hint: 'docs/witness.md shows how one is written.'
  })
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new TalosError('CHAIN_POLICY_INVALID', 'the policy is not UTF-8', { cause })
  }
}
