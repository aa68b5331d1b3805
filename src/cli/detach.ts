import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { TalosError } from '../errors.ts'
import { findDaemon, type NodeGreeting } from '../index.ts'

/** Passed to the child as a file that it reads once: nothing of it is on a command line, in an environment, or on disk. */
const PASSPHRASE_FD = 3
/** Windows has no path for an inherited descriptor; there the child takes it out of its environment as it starts. */
const HAS_FD_PATHS = process.platform !== 'win32'
const POLL = 50

/**
 * Runs `talos <args>` as a process of its own that goes on after this one, its output in `<data-dir>/daemon.log`, and waits
 * until it answers. Throws NODE_NOT_STARTED with what it said last.
 */
export async function detach(args: readonly string[], dataDir: string, passphrase?: string): Promise<NodeGreeting> {
  const path = join(dataDir, 'daemon.log')
  const log = openSync(path, 'a', 0o600)
  const from = fstatSync(log).size
  const child = spawn(process.execPath, [process.argv[1]!, ...args], {
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...process.env, ...passphraseVariable(passphrase) }
  })
  closeSync(log)
  const pipe = child.stdio[PASSPHRASE_FD] as NodeJS.WritableStream
  pipe.on('error', () => {}) // a child that needs none does not read it
  pipe.end(HAS_FD_PATHS ? (passphrase ?? '') : '')
  const over = once(child, 'exit').then(() => 'over' as const)
  for (;;) {
    if ((await Promise.race([over, delay(POLL)])) === 'over') {
      const said = readFileSync(path).subarray(from).toString('utf8').trim()
      throw new TalosError('NODE_NOT_STARTED', `the node has ended at once: ${said.slice(-500)}`, {
        hint: `It writes to ${path}.`
      })
    }
    const greeting = await findDaemon({ dataDir })
    if (greeting !== undefined && greeting.pid === child.pid) {
      child.unref()
      return greeting
    }
  }
}

function passphraseVariable(passphrase: string | undefined): NodeJS.ProcessEnv {
  if (passphrase === undefined) return {}
  return HAS_FD_PATHS ? { TALOS_PASSPHRASE_FILE: `/dev/fd/${PASSPHRASE_FD}` } : { TALOS_PASSPHRASE: passphrase }
}
