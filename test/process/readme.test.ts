import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { addPeer, createWallet } from '../../src/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const section = readFileSync(join(root, 'README.md'), 'utf8').split('## In a program')[1]!.split('\n## ')[0]!
const [agentCode, ownerCode] = [...section.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(match => match[1]!)

/** A program of its own, as a user of the package writes it: within the package, so that it can import it by name. */
function program(code: string, dataDir: string) {
  mkdirSync(join(root, 'dist'), { recursive: true })
  const folder = mkdtempSync(join(root, 'dist', 'readme-'))
  const file = join(folder, 'program.mjs')
  writeFileSync(file, code)
  const env = { ...process.env, TALOS_DATA_DIR: dataDir, TALOS_LISTEN: '/ip4/127.0.0.1/tcp/0' }
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', chunk => {
    stderr += chunk
  })
  const ended = new Promise<number | null>(done => child.once('close', done))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  return { lines: createInterface({ input: child.stdout }), ended, stderr: () => stderr }
}

async function party(name: string): Promise<{ dataDir: string; peerId: string }> {
  const dataDir = temporaryFolder()
  const { wallet } = await createWallet({ dataDir, name, insecurePlaintext: true })
  return { dataDir, peerId: wallet.peerId }
}

test('the two programs of the README, as they stand there, talk to each other', async () => {
  const [alice, bob] = [await party('alice'), await party('bob')]
  await addPeer({ dataDir: alice.dataDir, name: 'bob', peer: bob.peerId })

  const owner = program(ownerCode!, alice.dataDir)
  const address = await new Promise<string>((found, failed) => {
    owner.lines.once('line', found)
    void owner.ended.then(() => failed(new Error(owner.stderr())))
  })
  await addPeer({ dataDir: bob.dataDir, name: 'alice', peer: alice.peerId, addresses: [address] })

  const agent = program(agentCode!, bob.dataDir)
  let printed = ''
  agent.lines.on('line', line => {
    printed += line
  })
  expect(await agent.ended, agent.stderr()).toBe(0)
  expect(printed).toMatch(/type: 'text', text: '\d{4}-\d\d-\d\dT/)
})
