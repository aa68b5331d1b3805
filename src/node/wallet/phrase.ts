import { TalosError } from '../../errors.ts'

/** The BIP-39 phrase (English, 24 words) of 32 bytes of entropy. The entropy itself is the secret: no PBKDF2 seed is made. */
export async function phraseOf(entropy: Uint8Array): Promise<string> {
  const { bip39, wordlist } = await words()
  return bip39.entropyToMnemonic(entropy, wordlist)
}

/**
 * The entropy of a 24-word phrase; letter case, line breaks and numbers before words do not matter. Throws
 * WALLET_PHRASE_INVALID, which names the place of a wrong word but never the word.
 */
export async function entropyOf(phrase: string): Promise<Uint8Array> {
  const { bip39, wordlist } = await words()
  const spelled = phrase
    .normalize('NFKD')
    .toLowerCase()
    .split(/[\s\d.,:;]+/)
    .filter(Boolean) // prettier lists number their words
  if (spelled.length !== 24) throw invalid(`has ${spelled.length} words; a recovery phrase has 24`)
  const stranger = spelled.findIndex(word => !wordlist.includes(word))
  if (stranger !== -1) throw invalid(`has a word that is not in the list, at place ${stranger + 1}`)
  try {
    return bip39.mnemonicToEntropy(spelled.join(' '), wordlist)
  } catch {
    throw invalid('has words in the wrong order, or a wrong one: its checksum does not match')
  }
}

async function words() {
  const [bip39, { wordlist }] = await Promise.all([import('@scure/bip39'), import('@scure/bip39/wordlists/english.js')])
  return { bip39, wordlist }
}

function invalid(why: string): TalosError {
  return new TalosError('WALLET_PHRASE_INVALID', `the recovery phrase ${why}`, {
    hint: 'Check it against what `talos wallet export` printed: 24 English words.'
  })
}
