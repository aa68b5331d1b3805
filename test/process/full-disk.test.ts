import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { Database } from '../../src/node/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const SOURCE = join(import.meta.dirname, '../../src/node/private-file.ts')

// a limit of 0 bytes for files does what a full disk does: they can be made and not be filled
test.skipIf(process.platform === 'win32').each([
  ['a new file', 'writeNewFile(path, Buffer.alloc(64))'],
  ['a file that is replaced', 'updatePrivateFile(path, () => Buffer.alloc(64))']
])('a disk that fills up leaves nothing half-written of %s, and no lock', (_, call) => {
  const folder = temporaryFolder()
  const script = `
    import { updatePrivateFile, writeNewFile } from ${JSON.stringify(SOURCE)}
    const path = ${JSON.stringify(join(folder, 'file'))}
    await ${call}.catch(error => process.stdout.write(error.code))
  `
  const command = `ulimit -f 0; exec "${process.execPath}" --input-type=module -e "$SCRIPT"`
  const { stdout } = spawnSync('sh', ['-c', command], {
    env: { ...process.env, SCRIPT: script, NODE_COMPILE_CACHE: '' },
    encoding: 'utf8'
  })
  expect(stdout).toBe('STORAGE_WRITE_FAILED')
  expect(readdirSync(folder)).toEqual([])
})

const DATABASE = join(import.meta.dirname, '../../src/node/database.ts')

test.skipIf(spawnSync('prlimit', ['--version']).status !== 0)(
  'what is written when there is room again outlives a kill, although a write before it failed in the middle',
  async () => {
    const folder = join(temporaryFolder(), 'database')
    const script = `
    import { once } from 'node:events'
    import { Database } from ${JSON.stringify(DATABASE)}
    const database = await Database.open(${JSON.stringify(folder)})
    const write = (key, length) => database.batch([{ type: 'put', key, value: new Uint8Array(length) }], { sync: true })
    for (let i = 0; i < 20; i++) await write('before ' + i, 1000)
    await write('torn', 20_000).catch(error => console.log(error.code))
    await once(process.stdin, 'data')
    for (let i = 0; i < 200; i++) await write('after ' + i, 1000)
    console.log('written')
    process.kill(process.pid, 'SIGKILL')
  `
    // in units of 512 bytes
    const command = `ulimit -S -f 64; exec "${process.execPath}" --input-type=module -e "$SCRIPT"`
    const child = spawn('sh', ['-c', command], {
      env: { ...process.env, SCRIPT: script, NODE_COMPILE_CACHE: '' },
      stdio: ['pipe', 'pipe', 'inherit']
    })
    const ended = once(child, 'exit')
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    expect((await lines.next()).value).toBe('STORAGE_FULL')
    expect(spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited']).status).toBe(0)
    child.stdin.write('go on')
    expect((await lines.next()).value).toBe('written')
    await ended
    await using database = await Database.open(folder)
    const keys = await database.keys({})
    expect(keys.filter(key => key.startsWith('before '))).toHaveLength(20)
    expect(keys.filter(key => key.startsWith('after '))).toHaveLength(200)
    expect(keys).toHaveLength(220)
  },
  30_000
)
