import { execFileSync, spawnSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

/** Whether the process runs; a zombie does not. */
export function runs(pid: number): boolean {
  // ps fails when there is no such process
  const { stdout } = spawnSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}

/** Waits until `condition` holds; fails after `ms`. */
export async function eventually(condition: () => boolean | Promise<boolean>, ms = 5000): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so after ${ms} ms: ${condition}`)
    await delay(20)
  }
}

/** The processes that `pid` has started. */
export function childrenOf(pid: number): number[] {
  const table = execFileSync('ps', ['-eo', 'ppid=,pid='], { encoding: 'utf8' })
  return [...table.matchAll(/^ *([0-9]+) +([0-9]+)$/gm)]
    .filter(([, ppid]) => Number(ppid) === pid)
    .map(row => Number(row[2]))
}

/** The command line of a process; empty when there is none. */
export function commandOf(pid: number): string {
  return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
}
