import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { configFileOf, MCP_CLIENTS } from '../../src/index.ts'
import { talos } from '../support/talos.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'talos-install-'))
  file = join(folder, 'config.json')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const run = (...args: string[]) => talos(['mcp', ...args, '--config-file', file, '--data-dir', folder])

test.each(MCP_CLIENTS)('%s: an entry is written, found again, and removed', async client => {
  expect((await run('install', client, 'alice', '--service', 'files')).status).toBe(0)
  const config = JSON.parse(await readFile(file, 'utf8'))
  const entry = (config.mcpServers ?? config.servers)['talos-alice-files']
  expect(entry.command).toBe(process.execPath)
  expect(entry.args.slice(1)).toEqual(['mcp-connect', 'alice', '--service', 'files'])
  expect(entry.env.TALOS_DATA_DIR).toBe(folder)

  const again = JSON.parse((await run('install', client, 'alice', '--service', 'files', '--json')).stdout)
  expect(again.changed).toBe(false)
  expect((await run('uninstall', client, 'alice', '--service', 'files')).status).toBe(0)
  const after = JSON.parse(await readFile(file, 'utf8'))
  expect(after.mcpServers ?? after.servers).toEqual({})
})

test('comments and other entries stay, and the old file is kept', async () => {
  const before = '{\n  // mine\n  "mcpServers": {\n    "other": { "command": "x" }\n  },\n  "theme": "dark"\n}\n'
  await writeFile(file, before)
  const change = JSON.parse((await run('install', 'claude-desktop', 'bob', '--json')).stdout)
  const after = await readFile(file, 'utf8')
  expect(after).toContain('// mine')
  expect(JSON.parse(after.replace('// mine', '')).mcpServers.other).toEqual({ command: 'x' })
  expect(after).toContain('"theme": "dark"')
  expect(after).toContain('talos-bob')
  expect(await readFile(change.backup, 'utf8')).toBe(before)
})

test('--dry-run writes nothing', async () => {
  const dry = await run('install', 'cursor', 'bob', '--dry-run')
  expect(dry.stdout).toContain('talos-bob')
  expect(await readdir(folder)).toEqual([])
})

test('a file that is not JSON is left as it is, with an error that says so', async () => {
  await writeFile(file, '{ "mcpServers": ')
  const failed = await run('install', 'cursor', 'bob')
  expect(failed.status).toBe(2)
  expect(failed.stderr).toContain('CONFIG_UNREADABLE')
  expect(await readFile(file, 'utf8')).toBe('{ "mcpServers": ')
})

test('a linked file stays a link', async () => {
  const target = join(folder, 'dotfiles.json')
  await writeFile(target, '{}')
  await symlink(target, file)
  await run('install', 'cursor', 'bob')
  expect(await readFile(target, 'utf8')).toContain('talos-bob')
})

test("each program's usual file, by platform", () => {
  const place = { home: '/home/a', env: { APPDATA: 'C:\\Users\\a\\AppData\\Roaming' } }
  expect(configFileOf('claude-desktop', { ...place, platform: 'darwin' })).toBe(
    '/home/a/Library/Application Support/Claude/claude_desktop_config.json'
  )
  expect(configFileOf('vscode', { ...place, platform: 'linux' })).toBe('/home/a/.config/Code/User/mcp.json')
  expect(configFileOf('claude-code', { ...place, platform: 'linux' })).toBe('/home/a/.claude.json')
  expect(configFileOf('cursor', { ...place, platform: 'win32' })).toBe('/home/a/.cursor/mcp.json')
  expect(configFileOf('claude-desktop', { ...place, platform: 'win32' })).toContain('AppData')
})
