import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type RunOptions, talos } from '../support/talos.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PASSPHRASE = 'correct horse battery staple'
const UNSEALED = ['--insecure-plaintext']

/** Runs talos in a data directory of its own; with --json, `json` is what it printed. */
async function inFolder(dataDir: string, args: string[], options: RunOptions = {}) {
  const run = await talos([...args, '--data-dir', dataDir], {
    ...options,
    env: { TALOS_PASSPHRASE: undefined, TALOS_PASSPHRASE_FILE: undefined, ...options.env }
  })
  return { ...run, json: args.includes('--json') ? JSON.parse(run.stdout) : undefined }
}

const sealed = { env: { TALOS_PASSPHRASE: PASSPHRASE } }

test('init, show, export and import: the identity comes back from its phrase', async () => {
  const folder = temporaryFolder()
  const [first, second] = [join(folder, 'first'), join(folder, 'second')]
  const init = await inFolder(first, ['init', '--name', 'Alice', '--json'], sealed)
  expect(init).toMatchObject({ status: 0, json: { name: 'Alice', sealed: true, dataDir: first } })
  expect(init.json.peerId).toMatch(/^12D3KooW/)
  expect(init.json.did).toMatch(/^did:key:z6Mk/)
  expect(init.json.hex).toMatch(/^[0-9a-f]{64}$/)

  const shown = await inFolder(first, ['wallet', 'show', '--json'])
  expect(shown.json).toMatchObject({ peerId: init.json.peerId, did: init.json.did, hex: init.json.hex, sealed: true })

  const exported = await inFolder(first, ['wallet', 'export'], sealed)
  expect(exported.stdout.trim().split(' ')).toHaveLength(24)
  expect(exported.stderr).not.toContain(exported.stdout.trim())

  // the passphrase from a file, the phrase from standard input, then from a file
  const secret = join(folder, 'secret')
  writeFileSync(secret, `${PASSPHRASE}\n`)
  const fromFile = { env: { TALOS_PASSPHRASE_FILE: secret } }
  const args = ['wallet', 'import', '--name', 'Alice2', '--json']
  const restored = await inFolder(second, args, { ...fromFile, input: exported.stdout })
  expect(restored).toMatchObject({ status: 0, json: { peerId: init.json.peerId, name: 'Alice2' } })
  const phrase = join(folder, 'phrase')
  writeFileSync(phrase, exported.stdout)
  const again = await inFolder(second, [...args, '--phrase-file', phrase, '--force'], fromFile)
  expect(again.json.peerId).toBe(init.json.peerId)
  expect(existsSync(again.json.backup)).toBe(true)
  const json = await inFolder(second, ['wallet', 'export', '--json'], fromFile)
  expect(json.json).toEqual({ phrase: exported.stdout.trim() })
})

test('init prints the identity for a person, and keeps a wallet that is there', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  const init = await inFolder(dataDir, ['init', '--name', 'Alice'], sealed)
  expect(init.stdout).toMatch(/PeerId +12D3KooW.*\n +DID +did:key:z6Mk.*\n +Hex key +[0-9a-f]{64}\n +Data directory/)
  const before = readFileSync(join(dataDir, 'wallet.json'))
  const again = await inFolder(dataDir, ['init', '--name', 'Bob', '--json'], sealed)
  expect(again).toMatchObject({ status: 3, json: { error: { code: 'WALLET_EXISTS' } } })
  expect(readFileSync(join(dataDir, 'wallet.json'))).toEqual(before)
  const forced = await inFolder(dataDir, ['init', '--name', 'Bob', '--json', '--force'], sealed)
  expect(forced.status).toBe(0)
  expect(readFileSync(forced.json.backup)).toEqual(before)
  expect(readdirSync(dataDir)).toHaveLength(2)
})

test('without a terminal and without a passphrase: told how to give one, at once', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  const init = await inFolder(dataDir, ['init', '--name', 'Alice'])
  expect(init.status).toBe(3)
  expect(init.stderr).toContain('TALOS_PASSPHRASE_FILE')
  expect(init.stderr).toContain('(WALLET_PASSPHRASE_MISSING)')
  expect(existsSync(join(dataDir, 'wallet.json'))).toBe(false)
  const empty = await inFolder(dataDir, ['init', '--name', 'Alice', '--json'], { env: { TALOS_PASSPHRASE: '' } })
  expect(empty).toMatchObject({ status: 3, json: { error: { code: 'WALLET_PASSPHRASE_EMPTY' } } })
  const missing = { env: { TALOS_PASSPHRASE_FILE: join(dataDir, 'none') } }
  const unreadable = await inFolder(dataDir, ['init', '--name', 'Alice', '--json'], missing)
  expect(unreadable).toMatchObject({ status: 3, json: { error: { code: 'WALLET_PASSPHRASE_FILE' } } })
})

test('a short passphrase is warned of, an unsealed wallet loudly', async () => {
  const folder = temporaryFolder()
  const short = await inFolder(join(folder, 'a'), ['init', '--name', 'a'], { env: { TALOS_PASSPHRASE: 'short' } })
  expect(short.status).toBe(0)
  expect(short.stderr).toContain('Warning: the passphrase has fewer than 12')
  const open = await inFolder(join(folder, 'b'), ['init', '--name', 'b', '--json', ...UNSEALED])
  expect(open).toMatchObject({ status: 0, json: { sealed: false } })
  expect(open.stderr).toContain('WARNING: this wallet is not sealed')
  expect((await inFolder(join(folder, 'b'), ['wallet', 'export'])).status).toBe(0)
})

test('each way a wallet can be wrong has its own code, exits 3, and leaves the file alone', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  expect((await inFolder(dataDir, ['wallet', 'export', '--json'])).json.error.code).toBe('WALLET_NOT_FOUND')
  await inFolder(dataDir, ['init', '--name', 'Alice'], sealed)
  const file = join(dataDir, 'wallet.json')
  const good = readFileSync(file, 'utf8')
  const codeWith = async (text: string, options: RunOptions = sealed) => {
    writeFileSync(file, text)
    const run = await inFolder(dataDir, ['wallet', 'export', '--json'], options)
    expect(run.status).toBe(3)
    expect(readFileSync(file, 'utf8')).toBe(text)
    return run.json.error.code
  }
  expect(await codeWith(good, { env: { TALOS_PASSPHRASE: 'wrong' } })).toBe('WALLET_PASSPHRASE_WRONG')
  expect(await codeWith(good.slice(0, 400))).toBe('WALLET_TRUNCATED')
  expect(await codeWith('')).toBe('WALLET_TRUNCATED')
  expect(await codeWith(good.replace('"created": ', '"created": 1'))).toBe('WALLET_CORRUPT')
  expect(await codeWith(good.replace('"version": 1', '"version": 9'))).toBe('WALLET_VERSION')
  if (process.platform === 'win32') return
  chmodSync(file, 0o644)
  expect(await codeWith(good)).toBe('WALLET_PERMISSIONS')
  expect(statSync(file).mode & 0o777).toBe(0o644)
})

test.skipIf(process.platform === 'win32')('a data directory that is open to others is refused', async () => {
  const dataDir = temporaryFolder()
  writeFileSync(join(dataDir, 'something'), '')
  chmodSync(dataDir, 0o755)
  const run = await inFolder(dataDir, ['init', '--name', 'Alice', '--json'], sealed)
  expect(run).toMatchObject({ status: 1, json: { error: { code: 'STORAGE_DIR_UNSAFE' } } })
  expect(readdirSync(dataDir)).toEqual(['something'])
})

test('a bad phrase is refused and shows none of its words', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  for (const input of ['', 'sesame '.repeat(24), 'zoo '.repeat(24), 'x'.repeat(5000)]) {
    const run = await inFolder(dataDir, ['wallet', 'import', '--name', 'Alice'], { ...sealed, input })
    expect(run.status).toBe(3)
    expect(run.stderr).toMatch(/WALLET_PHRASE_(INVALID|FILE)/)
    expect(run.stderr + run.stdout).not.toMatch(/sesame|zoo/)
  }
  expect(existsSync(join(dataDir, 'wallet.json'))).toBe(false)
})

test('the passphrase is changed from the environment', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  await inFolder(dataDir, ['init', '--name', 'Alice'], sealed)
  const noNew = await inFolder(dataDir, ['wallet', 'passphrase', '--json'], sealed)
  expect(noNew).toMatchObject({ status: 3, json: { error: { code: 'WALLET_PASSPHRASE_MISSING' } } })
  expect(noNew.json.error.hint).toContain('TALOS_NEW_PASSPHRASE')
  const env = { ...sealed.env, TALOS_NEW_PASSPHRASE: 'another good passphrase' }
  expect((await inFolder(dataDir, ['wallet', 'passphrase', '--json'], { env })).json).toEqual({ dataDir })
  expect((await inFolder(dataDir, ['wallet', 'export'], sealed)).stderr).toContain('WALLET_PASSPHRASE_WRONG')
  const opened = await inFolder(dataDir, ['wallet', 'export'], { env: { TALOS_PASSPHRASE: 'another good passphrase' } })
  expect(opened.status).toBe(0)
})

test('the data directory comes from TALOS_DATA_DIR too', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  const run = await talos(['init', '--name', 'Alice', '--json', ...UNSEALED], { env: { TALOS_DATA_DIR: dataDir } })
  expect(JSON.parse(run.stdout).dataDir).toBe(dataDir)
})

test('peers are added by commands that run side by side, listed and removed', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  mkdirSync(dataDir, { mode: 0o700 })
  const peer = '12D3KooWHkVk43SFRq5RBfoCGV9LkVmq4ZhGp5ei2dywoayqSZfu'
  const address = '/ip4/192.0.2.7/tcp/4001'
  const names = ['ann', 'bob', 'cleo', 'dora']
  const added = await Promise.all(names.map(name => inFolder(dataDir, ['peers', 'add', name, peer, address])))
  expect(added.map(({ status }) => status)).toEqual([0, 0, 0, 0])
  const list = await inFolder(dataDir, ['peers', '--json'])
  expect(list.json).toEqual({ peers: names.map(name => ({ name, peerId: peer, addresses: [address] })) })
  expect((await inFolder(dataDir, ['peers'])).stdout).toMatch(/^NAME +PEER +ADDRESSES\nann +12D3KooW.* \/ip4/)
  expect((await inFolder(dataDir, ['peers', 'remove', 'bob', '--json'])).json.name).toBe('bob')
  const unknown = await inFolder(dataDir, ['peers', 'remove', 'bob'])
  expect(unknown.status).toBe(4)
  expect(unknown.stderr).toContain('ann (12D3KooW')
  const invalid = await inFolder(dataDir, ['peers', 'add', 'eve', 'nobody', '--json'])
  expect(invalid).toMatchObject({ status: 4, json: { error: { code: 'PEER_INVALID' } } })
  const missing = await inFolder(dataDir, ['peers', 'add', 'eve', '--json'])
  expect(missing).toMatchObject({ status: 2, json: { error: { code: 'USAGE_INVALID' } } })
})
