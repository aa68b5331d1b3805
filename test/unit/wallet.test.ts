import * as nodeCrypto from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { expect, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import {
  changePassphrase,
  createWallet,
  exportPhrase,
  openWallet,
  passphraseFromEnvironment,
  readWalletSummary,
  type TalosError
} from '../../src/index.ts'
import { passphraseKey } from '../../src/node/wallet/kdf.ts'
import { decodeKeystore } from '../../src/node/wallet/keystore.ts'
import { verifyAgreementKey } from '../../src/protocols/ratchet/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const kdf = { memoryKiB: 8, passes: 1, parallelism: 1 }
const PASSPHRASE = 'correct horse battery staple'
/** Of 32 bytes of 7. */
const PHRASE =
  'alpha deal scrub asthma idea logic bright thought alpha deal scrub asthma idea logic bright thought alpha deal scrub asthma idea logic bright truly'

async function newWallet(options: Partial<Parameters<typeof createWallet>[0]> = {}) {
  const dataDir = join(temporaryFolder(), 'talos')
  const created = await createWallet({ name: 'Alice', passphrase: PASSPHRASE, dataDir, kdf, ...options })
  return { ...created, file: join(created.dataDir, 'wallet.json') }
}

const failure = (code: string) => expect.objectContaining({ name: 'TalosError', code })
const neverAsked = async (): Promise<string> => {
  throw new Error('asked for a passphrase')
}

test('a wallet opens again with its passphrase: same identity, same storage keys', async () => {
  const { wallet, dataDir } = await newWallet()
  const again = await openWallet({ dataDir, passphrase: PASSPHRASE })
  expect(again.peerId).toBe(wallet.peerId)
  expect(again.name).toBe('Alice')
  expect(again.sealed).toBe(true)
  expect(again.identity.seed).toEqual(wallet.identity.seed)
  expect(again.identity.agreement.exportSecret()).toEqual(wallet.identity.agreement.exportSecret())
  expect(again.deriveKey('sessions')).toEqual(wallet.deriveKey('sessions'))
  expect(again.deriveKey('sessions')).not.toEqual(again.deriveKey('sessions/v2'))
})

test('the keys are the Ed25519 and X25519 keys of their secrets, and neither is made from the other', async () => {
  const { wallet } = await newWallet()
  const { identity } = wallet
  expect(identity.publicKey).toEqual(Uint8Array.from(ed25519.getPublicKey(identity.seed)))
  expect(identity.agreement.publicKey).toEqual(Uint8Array.from(x25519.getPublicKey(identity.agreement.exportSecret())))
  expect(identity.agreement.publicKey).not.toEqual(Uint8Array.from(ed25519.utils.toMontgomery(identity.publicKey)))
  expect(ed25519.verify(identity.sign(Buffer.from('x')), Buffer.from('x'), identity.publicKey)).toBe(true)
  verifyAgreementKey(crypto, identity.publicKey, identity.agreement.publicKey, identity.agreementCertificate)
})

test('the identity of a phrase is frozen: entropy of 32 × 7', async () => {
  const { wallet } = await newWallet({ phrase: `1. ${PHRASE.toUpperCase().replaceAll(' ', '\n 2. ')}` })
  const entropy = new Uint8Array(32).fill(7)
  const hkdf = (label: string) => new Uint8Array(nodeCrypto.hkdfSync('sha256', entropy, '', label, 32))
  expect(wallet.identity.seed).toEqual(hkdf('talos/wallet/ed25519/v1'))
  expect(wallet.identity.agreement.exportSecret()).toEqual(hkdf('talos/wallet/x25519/v1'))
  expect(wallet.peerId).toBe('12D3KooWHkVk43SFRq5RBfoCGV9LkVmq4ZhGp5ei2dywoayqSZfu')
})

test('the first file ever written still opens', async () => {
  const dataDir = temporaryFolder()
  const file = readFileSync(new URL('../vectors/wallet-v1.json', import.meta.url))
  writeFileSync(join(dataDir, 'wallet.json'), file, { mode: 0o600 })
  const wallet = await openWallet({ dataDir, passphrase: PASSPHRASE })
  expect([wallet.name, wallet.peerId]).toEqual(['Frozen', '12D3KooWHkVk43SFRq5RBfoCGV9LkVmq4ZhGp5ei2dywoayqSZfu'])
  expect(Buffer.from(wallet.deriveKey('sessions')).toString('hex')).toBe(
    '138da8a42437c36be93bbf346616adbe6d5af4538fcdda81c93b3eadc71f7393'
  )
})

test('the folder is 0700, the file 0600, and neither holds a secret in the clear', async () => {
  const { wallet, dataDir, file } = await newWallet()
  if (process.platform !== 'win32') {
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  }
  expect(readdirSync(dataDir)).toEqual(['wallet.json'])
  const text = readFileSync(file, 'utf8')
  for (const secret of [wallet.identity.seed, wallet.identity.agreement.exportSecret()]) {
    expect(text).not.toContain(Buffer.from(secret).toString('hex'))
    for (const printed of [inspect(wallet, { depth: 9 }), inspect(wallet.identity, { depth: 9, getters: false })]) {
      expect(printed).not.toContain(Array.from(secret).slice(0, 8).join(', '))
    }
    for (const value of [wallet, wallet.identity]) {
      expect(JSON.stringify(value)).not.toContain(JSON.stringify(secret).slice(1, 60))
    }
  }
})

test('the recovery phrase restores the identity and none of the storage keys', async () => {
  const first = await newWallet()
  const phrase = await exportPhrase({ dataDir: first.dataDir, passphrase: PASSPHRASE })
  expect(phrase.split(' ')).toHaveLength(24)
  const second = await newWallet({ phrase, name: 'Restored' })
  expect(second.wallet.peerId).toBe(first.wallet.peerId)
  expect(second.wallet.identity.agreement.publicKey).toEqual(first.wallet.identity.agreement.publicKey)
  expect(second.wallet.deriveKey('sessions')).not.toEqual(first.wallet.deriveKey('sessions'))
})

test('a bad phrase is refused without repeating a word of it', async () => {
  const words = PHRASE.split(' ')
  const bad = [words.slice(1), [...words, 'zoo'], words.with(6, 'sesame'), words.with(0, 'zoo'), []]
  for (const phrase of bad) {
    const error = await newWallet({ phrase: phrase.join(' ') }).catch(e => e)
    expect(error).toEqual(failure('WALLET_PHRASE_INVALID'))
    expect(error.message).not.toContain('sesame')
  }
})

test('a wrong passphrase is its own error and leaves the file alone', async () => {
  const { dataDir, file } = await newWallet()
  const before = readFileSync(file)
  await expect(openWallet({ dataDir, passphrase: 'wrong' })).rejects.toEqual(failure('WALLET_PASSPHRASE_WRONG'))
  await expect(changePassphrase({ dataDir, passphrase: 'wrong', next: neverAsked })).rejects.toEqual(
    failure('WALLET_PASSPHRASE_WRONG')
  )
  await expect(openWallet({ dataDir, passphrase: '' })).rejects.toEqual(failure('WALLET_PASSPHRASE_EMPTY'))
  expect(readFileSync(file)).toEqual(before)
})

test('the passphrase is the same in every Unicode form', async () => {
  const { dataDir } = await newWallet({ passphrase: 'caf\u00e9 au lait' })
  await openWallet({ dataDir, passphrase: 'cafe\u0301 au lait' })
})

test('a new passphrase changes the wrapping only', async () => {
  const { wallet, dataDir, file } = await newWallet()
  const before = JSON.parse(readFileSync(file, 'utf8'))
  await changePassphrase({ dataDir, passphrase: PASSPHRASE, next: async () => 'another one', kdf })
  const after = JSON.parse(readFileSync(file, 'utf8'))
  expect(after.contents).toEqual(before.contents)
  expect(after.protection.kdf.salt).not.toBe(before.protection.kdf.salt)
  await expect(openWallet({ dataDir, passphrase: PASSPHRASE })).rejects.toEqual(failure('WALLET_PASSPHRASE_WRONG'))
  expect((await openWallet({ dataDir, passphrase: 'another one' })).deriveKey('x')).toEqual(wallet.deriveKey('x'))
})

test('a passphrase change that met another change is given up', async () => {
  const { dataDir, file } = await newWallet()
  const other = await newWallet()
  const change = changePassphrase({
    dataDir,
    passphrase: PASSPHRASE,
    kdf,
    next: async () => {
      writeFileSync(file, readFileSync(other.file))
      return 'another one'
    }
  })
  await expect(change).rejects.toEqual(failure('WALLET_CHANGED'))
  expect((await readWalletSummary({ dataDir })).peerId).toBe(other.wallet.peerId)
})

test('an unsealed wallet is made on demand only, opens without a passphrase, and can be sealed', async () => {
  const { wallet, dataDir } = await newWallet({ insecurePlaintext: true, passphrase: neverAsked })
  const opened = await openWallet({ dataDir, passphrase: neverAsked })
  expect(opened.peerId).toBe(wallet.peerId)
  expect(opened.sealed).toBe(false)
  await changePassphrase({ dataDir, next: PASSPHRASE, kdf })
  expect((await readWalletSummary({ dataDir })).sealed).toBe(true)
  expect((await openWallet({ dataDir, passphrase: PASSPHRASE })).deriveKey('x')).toEqual(wallet.deriveKey('x'))
})

test('a wallet is not overwritten without force; with force the old one stays beside it', async () => {
  const first = await newWallet()
  const before = readFileSync(first.file)
  const again = { name: 'Bob', dataDir: first.dataDir, kdf }
  await expect(createWallet({ ...again, passphrase: neverAsked })).rejects.toEqual(failure('WALLET_EXISTS'))
  expect(readFileSync(first.file)).toEqual(before)
  const { backup, wallet } = await createWallet({ ...again, passphrase: PASSPHRASE, force: true })
  expect(backup).toMatch(/wallet\.json\.backup-\d{4}-/)
  expect(readFileSync(backup!)).toEqual(before)
  if (process.platform !== 'win32') expect(statSync(backup!).mode & 0o777).toBe(0o600)
  expect((await openWallet({ dataDir: first.dataDir, passphrase: PASSPHRASE })).peerId).toBe(wallet.peerId)
})

test('of two wallets made at once in one folder, one stays', async () => {
  const dataDir = temporaryFolder()
  const results = await Promise.allSettled(
    ['a', 'b', 'c'].map(name => createWallet({ name, dataDir, passphrase: PASSPHRASE, kdf }))
  )
  const made = results.filter(result => result.status === 'fulfilled')
  expect(made).toHaveLength(1)
  expect((await readWalletSummary({ dataDir })).peerId).toBe(made[0]!.value.wallet.peerId)
})

test('the public part reads without the passphrase', async () => {
  const { wallet, dataDir } = await newWallet()
  const { name, peerId, did, hex, sealed } = await readWalletSummary({ dataDir })
  expect({ name, peerId, did, hex, sealed }).toEqual({
    name: 'Alice',
    peerId: wallet.peerId,
    did: wallet.did,
    hex: wallet.hex,
    sealed: true
  })
})

test('no wallet, and no folder: WALLET_NOT_FOUND, and nothing is made', async () => {
  const dataDir = join(temporaryFolder(), 'nowhere')
  await expect(openWallet({ dataDir })).rejects.toEqual(failure('WALLET_NOT_FOUND'))
  expect(existsSync(dataDir)).toBe(false)
  mkdirSync(dataDir, { mode: 0o700 })
  await expect(openWallet({ dataDir })).rejects.toEqual(failure('WALLET_NOT_FOUND'))
})

test('every truncation and every changed byte of the file is refused without a passphrase', async () => {
  const good = readFileSync((await newWallet()).file)
  const outcomeOf = (bytes: Uint8Array) => {
    try {
      return decodeKeystore(bytes)
    } catch (error) {
      return (error as TalosError).code
    }
  }
  const codes = new Set<unknown>()
  for (let length = 0; length < good.length - 1; length++) codes.add(outcomeOf(good.subarray(0, length)))
  expect([...codes].sort()).toEqual(['WALLET_CORRUPT', 'WALLET_TRUNCATED'])
  for (let at = 0; at < good.length; at++) {
    const bad = Buffer.from(good)
    bad[at]! ^= 1 << (at % 7)
    const outcome = outcomeOf(bad)
    // white space is the one thing that may change
    if (typeof outcome !== 'string') expect(JSON.parse(bad.toString())).toEqual(JSON.parse(good.toString()))
    else expect(outcome).toMatch(/^WALLET_(CORRUPT|TRUNCATED|VERSION)$/)
  }
})

test('a header that a forger changed, with the checksum made to fit, does not open', async () => {
  const { dataDir, file } = await newWallet()
  const good = JSON.parse(readFileSync(file, 'utf8'))
  const forge = (change: (wallet: typeof good) => void) => {
    const { checksum: _, ...wallet } = structuredClone(good)
    change(wallet)
    const checksum = nodeCrypto
      .createHash('sha256')
      .update(`talos/wallet/checksum/v1\0${JSON.stringify(wallet)}`)
      .digest('hex')
    writeFileSync(file, JSON.stringify({ ...wallet, checksum }))
    return openWallet({ dataDir, passphrase: PASSPHRASE })
  }
  expect((await forge(() => {})).name).toBe('Alice')
  await expect(forge(wallet => (wallet.name = 'Mallory'))).rejects.toEqual(failure('WALLET_CORRUPT'))
  await expect(forge(wallet => (wallet.identity = '00'.repeat(32)))).rejects.toEqual(failure('WALLET_CORRUPT'))
  await expect(forge(wallet => (wallet.contents.box = '00'.repeat(80)))).rejects.toEqual(failure('WALLET_CORRUPT'))
  await expect(forge(wallet => (wallet.protection.kdf.passes = 2))).rejects.toEqual(failure('WALLET_PASSPHRASE_WRONG'))
  for (const [field, value] of [
    ['memoryKiB', 2 ** 30],
    ['memoryKiB', 7],
    ['passes', 1e6],
    ['parallelism', 99]
  ] as const) {
    await expect(forge(wallet => (wallet.protection.kdf[field] = value))).rejects.toEqual(failure('WALLET_KDF_LIMITS'))
  }
  await expect(forge(wallet => (wallet.version = 2))).rejects.toEqual(failure('WALLET_VERSION'))
  await expect(forge(wallet => (wallet.extra = 1))).rejects.toEqual(failure('WALLET_CORRUPT'))
})

test('a huge file, a folder and a pipe are refused without being read', async () => {
  const { dataDir, file } = await newWallet()
  writeFileSync(file, Buffer.alloc(2 ** 20 + 1, '{'))
  await expect(openWallet({ dataDir })).rejects.toEqual(failure('STORAGE_READ_FAILED'))
  const other = temporaryFolder()
  mkdirSync(join(other, 'wallet.json'))
  await expect(openWallet({ dataDir: other })).rejects.toEqual(failure('STORAGE_READ_FAILED'))
})

test.skipIf(process.platform === 'win32')('a wallet that others may read or write is refused', async () => {
  const { dataDir, file } = await newWallet()
  for (const mode of [0o644, 0o640, 0o620, 0o604]) {
    chmodSync(file, mode)
    await expect(openWallet({ dataDir, passphrase: neverAsked })).rejects.toEqual(failure('WALLET_PERMISSIONS'))
    expect(statSync(file).mode & 0o777).toBe(mode)
  }
  chmodSync(file, 0o400)
  await openWallet({ dataDir, passphrase: PASSPHRASE })
})

test('names that are no names are refused before anything is made', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  for (const name of ['', 'two words', 'a\nb', 'x'.repeat(65), '\u202eecilA', 'did:key:x', 'f'.repeat(64), '-x']) {
    await expect(createWallet({ name, dataDir, passphrase: neverAsked })).rejects.toEqual(
      failure('WALLET_NAME_INVALID')
    )
  }
  expect(existsSync(dataDir)).toBe(false)
})

test('OpenSSL and the worker make the same key from a passphrase', async () => {
  for (const parameters of [kdf, { memoryKiB: 64, passes: 3, parallelism: 4 }]) {
    const job = { passphrase: Buffer.from(PASSPHRASE), salt: Buffer.alloc(16, 1), parameters }
    const inWorker = await passphraseKey(job, false)
    expect(inWorker).toHaveLength(32)
    if ('argon2' in nodeCrypto) expect(inWorker).toEqual(await passphraseKey(job, true))
  }
})

test('the passphrase comes from the environment or its file, and both variables vanish', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'secret'), `${PASSPHRASE}\r\n`)
  const env = { TALOS_PASSPHRASE_FILE: join(folder, 'secret') }
  expect(await passphraseFromEnvironment('TALOS_PASSPHRASE', env)).toBe(PASSPHRASE)
  expect(env).toEqual({})
  expect(await passphraseFromEnvironment('TALOS_PASSPHRASE', env)).toBe(PASSPHRASE)
  const both = { TALOS_PASSPHRASE: 'first', TALOS_PASSPHRASE_FILE: join(folder, 'secret') }
  expect(await passphraseFromEnvironment('TALOS_PASSPHRASE', both)).toBe('first')
  expect(both).toEqual({})
  expect(await passphraseFromEnvironment('TALOS_PASSPHRASE', {})).toBeUndefined()
  for (const path of [join(folder, 'none'), '/dev/zero']) {
    await expect(passphraseFromEnvironment('TALOS_PASSPHRASE', { TALOS_PASSPHRASE_FILE: path })).rejects.toEqual(
      failure('WALLET_PASSPHRASE_FILE')
    )
  }
})
