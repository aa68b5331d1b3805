import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod/mini'
import { CONFIG, configKeys, loadConfig } from '../../src/node/config.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

function folderWith(yaml: string): string {
  const dataDir = temporaryFolder()
  writeFileSync(join(dataDir, 'config.yaml'), yaml)
  return dataDir
}

const FILES = { acceptFrom: [], limits: {} }
const AUDIT = { reconcileWith: [], anchors: [] }
const WITNESS = { allow: [] }
const DEFAULTS = {
  servers: [],
  listen: [],
  announce: [],
  chain: { peers: [] },
  mailboxes: [],
  files: FILES,
  audit: AUDIT,
  witness: WITNESS,
  messages: { acceptFrom: 'anyone', history: {} },
  node: { role: 'full' },
  limits: {}
}

test('without a file and without variables the defaults hold', async () => {
  expect(await loadConfig({ dataDir: join(temporaryFolder(), 'nowhere'), env: {} })).toEqual(DEFAULTS)
  expect(await loadConfig({ dataDir: folderWith('# nothing yet\n'), env: {} })).toEqual(DEFAULTS)
})

test('flags come before the environment, the environment before the file', async () => {
  const dataDir = folderWith('servers: [file:1]\nlisten: [/file]\nlimits:\n  maxConnections: 1\n  maxReservations: 1\n')
  const env = { TALOS_SERVERS: 'env:1, env:2', TALOS_LIMITS_MAX_CONNECTIONS: '2', TALOS_LISTEN: '' }
  expect(await loadConfig({ dataDir, env, flags: { servers: ['flag:1'] } })).toEqual({
    servers: ['flag:1'],
    listen: ['/file'],
    announce: [],
    chain: { peers: [] },
    mailboxes: [],
    files: FILES,
    audit: AUDIT,
    witness: WITNESS,
    messages: { acceptFrom: 'anyone', history: {} },
    node: { role: 'full' },
    limits: { maxConnections: 2, maxReservations: 1 }
  })
  expect((await loadConfig({ dataDir, env })).servers).toEqual(['env:1', 'env:2'])
})

test('an unknown key names its line and the nearest key', async () => {
  for (const [yaml, line, nearest] of [
    ['listen: []\nserver: [a:1]\n', 2, 'servers'],
    ['limits:\n  # how many\n  maxConnection: 5\n', 3, 'maxConnections'],
    ['files:\n  limits:\n    images: 5\n', 3, 'image'],
    ['audit:\n  anchors:\n    - name: notary\n      key: [x]\n', 4, 'keys']
  ] as const) {
    const error = await loadConfig({ dataDir: folderWith(yaml), env: {} }).catch(e => e)
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(`line ${line}`)
    expect(error.hint).toBe(`Did you mean ${nearest}?`)
  }
})

test('a value of the wrong kind, broken YAML, and a bomb of aliases are CONFIG_INVALID', async () => {
  const bomb = `a: &a [1]\nb: &b [${'*a,'.repeat(9)}]\nservers: [${'*b,'.repeat(9)}]\n`
  for (const yaml of [
    'servers: x',
    'limits: {maxConnections: -1}',
    'limits: {maxConnections: 1.5}',
    'audit: {difficulty: 7}',
    'audit: {difficulty: -1}',
    'audit: {difficulty: hard}',
    '- 1',
    'a: [',
    bomb
  ]) {
    await expect(loadConfig({ dataDir: folderWith(yaml), env: {} })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  }
  const env = { TALOS_LIMITS_MAX_CONNECTIONS: 'many' }
  await expect(loadConfig({ dataDir: temporaryFolder(), env })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('TALOS_LIMITS_MAX_CONNECTIONS')
  })
})

test('a switch is true or false, in the file and in the environment, and nothing else', async () => {
  const dataDir = folderWith('mailbox: true\n')
  expect((await loadConfig({ dataDir, env: {} })).mailbox).toBe(true)
  for (const [text, value] of [
    ['false', false],
    ['0', false],
    ['true', true],
    ['1', true]
  ] as const) {
    expect((await loadConfig({ dataDir, env: { TALOS_MAILBOX: text } })).mailbox).toBe(value)
  }
  for (const given of [{ env: { TALOS_MAILBOX: 'maybe' } }, { dataDir: folderWith('mailbox: 1\n'), env: {} }]) {
    await expect(loadConfig({ dataDir, ...given })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  }
})

test('a list of tables is JSON in a variable', async () => {
  const dataDir = temporaryFolder()
  const anchors = [{ name: 'notary', policy: 'a file' }]
  const config = await loadConfig({ dataDir, env: { TALOS_AUDIT_ANCHORS: JSON.stringify(anchors) } })
  expect(config.audit.anchors).toEqual(anchors)
  for (const text of ['notary', '[', '{}', '[{"policy": "nameless"}]']) {
    await expect(loadConfig({ dataDir, env: { TALOS_AUDIT_ANCHORS: text } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('TALOS_AUDIT_ANCHORS')
    })
  }
})

test('every key has a description, and docs/cli.md lists it with its variable', () => {
  const schema = z.toJSONSchema(CONFIG, { io: 'input' }) as Described
  const docs = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
  for (const { keys, variable } of configKeys()) {
    const described = keys.reduce((at: Described, key) => at.properties![key]!, schema)
    expect(described.description, keys.join('.')).toBeTruthy()
    expect(docs).toContain(`| \`${keys.join('.')}\` | \`${variable}\` |`)
  }
})

interface Described {
  description?: string
  properties?: Record<string, Described>
}
