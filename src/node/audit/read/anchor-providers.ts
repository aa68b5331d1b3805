import { isAbsolute, join, resolve } from 'node:path'
import {
  type AnchorProvider,
  fileAnchors,
  parseNoteKey,
  signatureAnchors,
  type TrustPolicy,
  trustAnchors,
  WITNESS_ANCHOR
} from '../../../chain/index.ts'
import { isTalosError, TalosError } from '../../../errors.ts'
import type { AnchorConfig } from '../../config.ts'
import { readPrivateFile } from '../../private-file.ts'
import { readPolicy } from '../../witness/policy-file.ts'

/**
 * Who confirms anchors: those that the configuration names, and the witnesses, when the agent has a policy for them. Paths are relative to
 * the data directory.
 *
 * @throws CONFIG_INVALID for keys that are none and for names that are taken, CHAIN_POLICY_INVALID, WITNESS_POLICY_MISSING, STORAGE_READ_FAILED
 */
export async function anchorProviders(
  configured: readonly AnchorConfig[],
  witnesses: TrustPolicy | undefined,
  dataDir: string
): Promise<AnchorProvider[]> {
  const providers = new Map<string, AnchorProvider>()
  if (witnesses !== undefined) providers.set(WITNESS_ANCHOR, trustAnchors(WITNESS_ANCHOR, witnesses))
  for (const one of configured) {
    if (one.name === WITNESS_ANCHOR) throw invalid(one, 'this name is that of the witnesses of witness.policy')
    if (providers.has(one.name)) throw invalid(one, 'there are two of this name')
    providers.set(one.name, await providerOf(one, dataDir))
  }
  return [...providers.values()]
}

async function providerOf(one: AnchorConfig, dataDir: string): Promise<AnchorProvider> {
  const signed = await signersOf(one, dataDir)
  return one.files === undefined ? signed : fileAnchors(one.name, fileIn(resolve(dataDir, one.files)), signed)
}

/** Who signs for a provider, wherever it keeps the signatures. Throws as anchorProviders(). */
export async function signersOf(one: AnchorConfig, dataDir: string): Promise<AnchorProvider> {
  const { name, keys, quorum, policy } = one
  if ((keys === undefined) === (policy === undefined)) throw invalid(one, 'it has either keys or a policy')
  if (keys === undefined) {
    if (quorum !== undefined) throw invalid(one, 'the quorum is in its policy')
    const path = isAbsolute(policy!) ? policy! : join(dataDir, policy!)
    return trustAnchors(name, (await readPolicy(dataDir, { policy: path }))!)
  }
  try {
    const witnesses = keys.map(parseNoteKey)
    if (quorum !== undefined && quorum > keys.length)
      throw invalid(one, `${quorum} of ${keys.length} keys cannot be needed`)
    return signatureAnchors(name, { witnesses, quorum: quorum ?? keys.length })
  } catch (error) {
    throw isTalosError(error, 'CHAIN_NOTE_INVALID') ? invalid(one, error.message) : error
  }
}

/** The file with this hash: it is called as the hash is. */
const fileIn =
  (folder: string) =>
  async (sha256: Uint8Array): Promise<Uint8Array | undefined> =>
    (await readPrivateFile(join(folder, Buffer.from(sha256).toString('hex'))))?.bytes

function invalid({ name }: AnchorConfig, why: string): TalosError {
  return new TalosError('CONFIG_INVALID', `audit.anchors, ${JSON.stringify(name)}: ${why}`, {
    hint: 'docs/audit.md shows how anchors are configured.'
  })
}
