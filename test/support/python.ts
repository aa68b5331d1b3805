import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A Python that has these modules; undefined, after a line that says what is left out and why, where there is none. */
export function findPython(what: string, modules: string[], packages: string): string | undefined {
  for (const python of ['python3', '/usr/bin/python3']) {
    const { status } = spawnSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' })
    if (status === 0) return python
  }
  console.log(`skipped: ${what}: no python3 with ${modules.join(' and ')} (Debian: apt-get install ${packages})`)
  return undefined
}

/** A reader of test/vectors/<name>.json that is written from the specification alone: what it prints, where Python is there. */
export function vectorReader(name: string): { missing: boolean; read: () => string } {
  const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
  const python = findPython(`test/support/${name}-vectors.py`, ['cryptography'], 'python3-cryptography')
  return {
    missing: python === undefined,
    read: () => {
      const reader = ['-B', path(`./${name}-vectors.py`), path(`../vectors/${name}.json`)]
      const { stdout, stderr } = spawnSync(python!, reader, { encoding: 'utf8' })
      return stdout + stderr
    }
  }
}
