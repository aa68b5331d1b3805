import { Flags } from '@oclif/core'
import { createWallet } from '../index.ts'
import { identityLines, warnOfPlaintext } from './identity.ts'
import { newPassphrase } from './passphrase.ts'

/** The flags of the commands that make a wallet. */
export const NEW_WALLET_FLAGS = {
  name: Flags.string({ char: 'n', required: true, description: 'What the agent is called, without spaces' }),
  force: Flags.boolean({ description: 'Replace the wallet that is there, after a backup beside it' }),
  'insecure-plaintext': Flags.boolean({
    description: 'Store the keys without a passphrase: who reads the file is this agent'
  })
}

export interface NewWallet {
  name: string
  peerId: string
  did: string
  hex: string
  sealed: boolean
  dataDir: string
  /** The wallet that --force replaced. */
  backup?: string
}

/** Makes the wallet and says so: the result by `log`, all else by `note`. Throws as createWallet and newPassphrase. */
export async function makeWallet(
  flags: { name: string; force: boolean; 'insecure-plaintext': boolean; 'data-dir': string | undefined },
  done: string,
  say: { log: (text: string) => void; note: (line: string) => void },
  phrase?: () => Promise<string>
): Promise<NewWallet> {
  const { wallet, dataDir, backup } = await createWallet({
    name: flags.name,
    phrase,
    force: flags.force,
    insecurePlaintext: flags['insecure-plaintext'],
    passphrase: () => newPassphrase('TALOS_PASSPHRASE', say.note),
    dataDir: flags['data-dir']
  })
  const { name, peerId, did, hex, sealed } = wallet
  const result = { name, peerId, did, hex, sealed, dataDir, ...(backup === undefined ? {} : { backup }) }
  say.log([`${name} is ${done}.`, ...identityLines(result)].join('\n'))
  if (backup !== undefined) say.note(`The wallet before this one is kept in ${backup}`)
  if (!sealed) warnOfPlaintext()
  return result
}
