import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { HAS_TERMINAL, talosOnTerminal } from '../support/pseudo-terminal.ts'
import { talos } from '../support/talos.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PASSPHRASE = 'correct hörse battery'
const PHRASE =
  'alpha deal scrub asthma idea logic bright thought alpha deal scrub asthma idea logic bright thought alpha deal scrub asthma idea logic bright truly'
const onTerminal = test.skipIf(!HAS_TERMINAL)
if (!HAS_TERMINAL) console.log('prompts are not tested: no `script` of util-linux here')

const twice = [
  { prompt: 'New passphrase: ', keys: `${PASSPHRASE}\r` },
  { prompt: 'The same again: ', keys: `${PASSPHRASE}\r` }
]

onTerminal('the passphrase is asked for twice, can be edited, and is never shown', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  const init = await talosOnTerminal(
    ['init', '--name', 'Alice', '--data-dir', dataDir],
    [
      { prompt: 'New passphrase: ', keys: '\r' },
      { prompt: 'New passphrase: ', keys: 'one thing\r' },
      { prompt: 'The same again: ', keys: 'another thing\r' },
      { prompt: 'New passphrase: ', keys: `wrong\x15${PASSPHRASE}\x1b[Ax\x7f\r` },
      { prompt: 'The same again: ', keys: `${PASSPHRASE}\r` }
    ]
  )
  expect(init.status, init.shown).toBe(0)
  expect(init.shown).toContain('It must not be empty.')
  expect(init.shown).toContain('The two differ.')
  expect(init.shown).toContain('Alice is ready.')
  for (const secret of ['thing', 'hörse']) expect(init.shown).not.toContain(secret)
  const opened = await talos(['wallet', 'export', '--data-dir', dataDir], { env: { TALOS_PASSPHRASE: PASSPHRASE } })
  expect(opened.status).toBe(0)
})

onTerminal('the phrase is shown on a terminal only after a yes; no leaves it hidden', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  await talosOnTerminal(['init', '--name', 'Alice', '--data-dir', dataDir], twice)
  const args = ['wallet', 'export', '--data-dir', dataDir]
  const passphrase = { prompt: 'Passphrase of the wallet: ', keys: `${PASSPHRASE}\r` }
  const no = await talosOnTerminal(args, [{ prompt: '[y/N] ', keys: '\r' }])
  expect(no.status).toBe(2)
  expect(no.shown).toContain('USAGE_NOT_CONFIRMED')
  const yes = await talosOnTerminal(args, [{ prompt: '[y/N] ', keys: 'y\r' }, passphrase])
  expect(yes.status, yes.shown).toBe(0)
  expect(yes.shown).toMatch(/^([a-z]+ ){23}[a-z]+\r$/m)
  const unasked = await talosOnTerminal([...args, '--yes'], [passphrase])
  expect(unasked.shown).not.toContain('[y/N]')
  expect(unasked.status).toBe(0)
})

onTerminal('the passphrase is changed on the terminal; a wrong one is told at once', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  await talosOnTerminal(['init', '--name', 'Alice', '--data-dir', dataDir], twice)
  const args = ['wallet', 'passphrase', '--data-dir', dataDir]
  const wrong = await talosOnTerminal(args, [{ prompt: 'Passphrase of the wallet: ', keys: 'wrong\r' }])
  expect(wrong.status).toBe(3)
  expect(wrong.shown).not.toContain('New passphrase')
  const changed = await talosOnTerminal(args, [
    { prompt: 'Passphrase of the wallet: ', keys: `${PASSPHRASE}\r` },
    { prompt: 'New passphrase: ', keys: 'another passphrase\r' },
    { prompt: 'The same again: ', keys: 'another passphrase\r' }
  ])
  expect(changed.status, changed.shown).toBe(0)
})

onTerminal('the phrase is read from the terminal without being shown', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  const restored = await talosOnTerminal(
    ['wallet', 'import', '--name', 'Alice', '--data-dir', dataDir],
    [{ prompt: 'Recovery phrase', keys: `${PHRASE}\r` }, ...twice]
  )
  expect(restored.status, restored.shown).toBe(0)
  expect(restored.shown).toContain('12D3KooWHkVk43SFRq5RBfoCGV9LkVmq4ZhGp5ei2dywoayqSZfu')
  expect(restored.shown).not.toContain('scrub')
})

onTerminal('Ctrl-C and Ctrl-D at a prompt exit 130 and make nothing', async () => {
  for (const key of ['\x03', '\x04', 'half\x03']) {
    const dataDir = join(temporaryFolder(), 'talos')
    const init = await talosOnTerminal(
      ['init', '--name', 'Alice', '--data-dir', dataDir],
      [{ prompt: 'New passphrase: ', keys: key }]
    )
    expect(init.status, init.shown).toBe(130)
    expect(existsSync(join(dataDir, 'wallet.json'))).toBe(false)
  }
})

onTerminal('a program on the terminal that runs talos as its child does not find it waiting for keys', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  const args = ['init', '--name', 'Alice', '--data-dir', dataDir]
  const child = await talosOnTerminal(args, [], '</dev/null 2>&1 | cat')
  expect(child.shown).toContain('WALLET_PASSPHRASE_MISSING')
})

onTerminal('with the phrase on standard input the passphrase is still asked for on the terminal', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  const file = join(temporaryFolder(), 'phrase')
  writeFileSync(file, PHRASE)
  const args = ['wallet', 'import', '--name', 'Alice', '--data-dir', dataDir]
  const restored = await talosOnTerminal(args, twice, `< '${file}'`)
  expect(restored.status, restored.shown).toBe(0)
  expect(restored.shown).toContain('is restored')
})
