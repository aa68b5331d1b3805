import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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
