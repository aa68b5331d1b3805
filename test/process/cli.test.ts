import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { talos } from '../support/talos.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('--version and --help answer on standard output and exit 0', async () => {
  expect((await talos(['--version'])).stdout).toMatch(/^talos-protocol\/\d/)
  expect((await talos(['--help'])).stdout).toContain('COMMANDS')
})

test('an unknown flag is a usage error: exit 2, a sentence and no stack', async () => {
  const run = await talos(['version', '--nonsense'])
  expect(run.status).toBe(2)
  expect(run.stderr).toContain('--nonsense')
  expect(run.stderr).not.toMatch(/\n\s+at /)
})

test('with --json a failure is one JSON object on standard output', async () => {
  const run = await talos(['version', '--nonsense', '--json'])
  expect(run.status).toBe(2)
  expect(JSON.parse(run.stdout).error.code).toBe('USAGE_INVALID')
})

test('what lies in the data directory is never run: oclif would take a package.json there for a list of plugins', async () => {
  const folder = temporaryFolder()
  const plugin = join(folder, 'node_modules/other')
  mkdirSync(plugin, { recursive: true })
  const list = { name: 'talos', version: '1.0.0', oclif: { plugins: [{ type: 'link', name: 'other', root: plugin }] } }
  const other = { name: 'other', version: '1.0.0', oclif: { commands: './commands', hooks: { init: './init.js' } } }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(list))
  writeFileSync(join(plugin, 'package.json'), JSON.stringify(other))
  writeFileSync(join(plugin, 'init.js'), 'module.exports = () => console.log("other code")')
  const run = await talos(['version'], { env: { TALOS_DATA_DIR: folder } })
  expect(run).toMatchObject({ status: 0, stdout: expect.not.stringContaining('other code'), stderr: '' })
})

test('a tool is served to nobody by default: without an authorised peer nothing is started', async () => {
  const folder = temporaryFolder()
  const [dataDir, started] = [join(folder, 'data'), join(folder, 'started')]
  const tool = [process.execPath, '-e', `require('node:fs').writeFileSync(${JSON.stringify(started)}, '')`]
  const run = await talos(['mcp-serve', '--json', '--data-dir', dataDir, '--', ...tool])
  expect(run.status).toBe(2)
  expect(JSON.parse(run.stdout).error).toMatchObject({
    code: 'USAGE_NOBODY_AUTHORISED',
    hint: expect.stringContaining('--authorized-peer')
  })
  expect([existsSync(dataDir), existsSync(started)]).toEqual([false, false])
})
