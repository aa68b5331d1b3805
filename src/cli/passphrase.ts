import { TalosError } from '../errors.ts'
import { passphraseFromEnvironment, passphraseMissing, SHORT_PASSPHRASE } from '../index.ts'
import { withTerminal } from './terminal.ts'

const ATTEMPTS = 3

/** Asks for the wallet's passphrase. Throws WALLET_PASSPHRASE_MISSING when there is no terminal, INTERRUPTED on Ctrl-C. */
export async function promptPassphrase(): Promise<string> {
  const answer = await withTerminal(terminal => terminal.ask('Passphrase of the wallet: ', { hidden: true }))
  if (answer === undefined) throw passphraseMissing()
  return answer
}

/**
 * A passphrase to seal a wallet with: from `variable` or `<variable>_FILE`, else asked for twice. `warn` hears of a short one.
 * Throws WALLET_PASSPHRASE_MISSING, WALLET_PASSPHRASE_MISMATCH, INTERRUPTED.
 */
export async function newPassphrase(
  variable: 'TALOS_PASSPHRASE' | 'TALOS_NEW_PASSPHRASE',
  warn: (line: string) => void
): Promise<string> {
  const passphrase = (await passphraseFromEnvironment(variable)) ?? (await askTwice())
  if (passphrase === undefined) throw passphraseMissing(variable)
  if (passphrase !== '' && [...passphrase].length < SHORT_PASSPHRASE) {
    warn(
      `Warning: the passphrase has fewer than ${SHORT_PASSPHRASE} characters; several random words are harder to guess.`
    )
  }
  return passphrase
}

async function askTwice(): Promise<string | undefined> {
  return await withTerminal(async terminal => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const first = await terminal.ask('New passphrase: ', { hidden: true })
      if (first === '') terminal.tell('It must not be empty.')
      else if ((await terminal.ask('The same again: ', { hidden: true })) === first) return first
      else terminal.tell('The two differ.')
    }
    throw new TalosError(
      'WALLET_PASSPHRASE_MISMATCH',
      `no passphrase was given the same way twice in ${ATTEMPTS} attempts`
    )
  })
}
