// `npm run check`: types, lint, formatting, layers and dead code, side by side; every failure is printed whole.
import { spawn } from 'node:child_process'

const checks: Record<string, string[]> = {
  types: ['tsc', '-p', '.'],
  lint: ['biome', 'check', '--error-on-warnings', '.'],
  promises: ['oxlint', '--type-aware', 'src', 'test', 'bench', 'scripts'],
  layers: ['depcruise', 'src', '--config', '.dependency-cruiser.cjs', '--output-type', 'err'],
  'dead code': ['knip', '--no-progress']
}

const wanted = process.argv.slice(2)
const started = Date.now()
const results = await Promise.all(
  Object.entries(checks)
    .filter(([name]) => wanted.length === 0 || wanted.includes(name))
    .map(
      ([name, [command, ...args]]) =>
        new Promise<boolean>(resolve => {
          const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
          let output = ''
          child.stdout.on('data', chunk => (output += chunk))
          child.stderr.on('data', chunk => (output += chunk))
          child.on('error', error => (output += error.message))
          child.on('close', status => {
            console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
            if (status !== 0) console.log(output)
            resolve(status === 0)
          })
        })
    )
)
process.exit(results.every(Boolean) ? 0 : 1)
