import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ProcessWatch } from '../support/process-watch.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/testnet.ts', import.meta.url))
const folders = (): string[] => readdirSync(tmpdir()).filter(name => name.startsWith('talos-testnet-'))

test('the test net runs a scenario, and leaves neither process nor folder', async () => {
  const watch = new ProcessWatch()
  const before = folders()
  const args = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning', SCRIPT]
  const check = ['--check', 'smoke', '--nodes', '3', '--relays', '0']
  const env = { ...process.env, ...watch.mark }
  const { stdout } = await promisify(execFile)(process.execPath, [...args, ...check], { env }).catch(error => error)
  expect(stdout).toMatch(/6 messages delivered, each once[\s\S]*the clock of agent-1 says \d{4}-[\s\S]*ok {2}smoke/)
  await watch.noneLeft()
  expect(folders().filter(name => !before.includes(name))).toEqual([])
}, 120_000)
