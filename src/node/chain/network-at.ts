import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ChainParams } from '../../chain/params.ts'
import { readNetwork } from '../../chain/shared/network-file.ts'
import { TalosError } from '../../errors.ts'

/**
 * The parameters in a network file; its path is relative to the data directory.
 *
 * @throws CHAIN_NETWORK_UNREADABLE, CHAIN_NETWORK_INVALID
 */
export async function networkAt(dataDir: string, file: string): Promise<ChainParams> {
  const path = resolve(dataDir, file)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new TalosError('CHAIN_NETWORK_UNREADABLE', `the network file ${path} cannot be read`, {
      hint: 'Check the path: it is relative to the data directory in config.yaml, to the current one as a flag.',
      cause
    })
  }
  return readNetwork(text)
}
