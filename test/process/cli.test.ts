import { expect, test } from 'vitest'
import { talos } from '../support/talos.ts'

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
