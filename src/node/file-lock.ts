import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { TalosError } from '../errors.ts'

/** Locks are held for the milliseconds of one read and write. A lock this old belongs to nobody. */
const STALE_AFTER_MS = 5_000
/** How long to wait for another command before giving up. */
const WAIT_MS = 10_000
const RETRY_MS = 20

interface LockHolder {
  pid: number
  host: string
  token: string
}

/**
 * Runs `work` while this process alone holds `<path>.lock`. The lock of a process that has died is taken over.
 * `stillHeld` throws STORAGE_BUSY if the lock was taken from us (a suspended process): ask it before the write.
 * Throws STORAGE_BUSY when another process keeps the lock for 10 seconds.
 */
export async function withFileLock<T>(path: string, work: (stillHeld: () => Promise<void>) => Promise<T>): Promise<T> {
  const lock = `${path}.lock`
  const mine: LockHolder = { pid: process.pid, host: hostname(), token: randomUUID() }
  const deadline = Date.now() + WAIT_MS
  while (!(await tryCreate(lock, mine))) {
    if (Date.now() > deadline) throw busy(path)
    if (await isStale(lock)) await breakStale(lock)
    else await delay(RETRY_MS * (0.5 + Math.random()))
  }
  const isMine = async () => (await holderOf(lock))?.token === mine.token
  try {
    return await work(async () => {
      if (!(await isMine())) throw busy(path)
    })
  } finally {
    if (await isMine()) await rm(lock, { force: true })
  }
}

async function tryCreate(lock: string, holder: LockHolder): Promise<boolean> {
  try {
    await using file = await open(lock, 'wx', 0o600)
    await file.writeFile(JSON.stringify(holder)).catch(async error => {
      // a full disk: an empty lock would hold up the next command
      await rm(lock, { force: true })
      throw error
    })
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new TalosError('STORAGE_WRITE_FAILED', `cannot write ${lock}: ${(cause as Error).message}`, { cause })
  }
}

async function holderOf(lock: string): Promise<LockHolder | undefined> {
  try {
    return JSON.parse(await readFile(lock, 'utf8')) as LockHolder
  } catch {
    return undefined // gone, or not yet written
  }
}

async function isStale(lock: string): Promise<boolean> {
  const age = await ageOf(lock)
  if (age === undefined) return false
  const holder = await holderOf(lock)
  return age > STALE_AFTER_MS || (holder?.host === hostname() && !isAlive(holder.pid))
}

/** Milliseconds since the file was written; undefined when there is none. */
async function ageOf(path: string): Promise<number | undefined> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Removes a stale lock. Of several processes that see it, one may do so at a time and looks again first: otherwise a slow
 * one would remove the fresh lock of the next holder.
 */
async function breakStale(lock: string): Promise<void> {
  const breaker = `${lock}.break`
  if (((await ageOf(breaker)) ?? 0) > STALE_AFTER_MS) await rm(breaker, { force: true })
  try {
    await writeFile(breaker, '', { flag: 'wx', mode: 0o600 })
  } catch {
    await delay(RETRY_MS)
    return
  }
  try {
    if (await isStale(lock)) await rename(lock, breaker)
  } finally {
    await rm(breaker, { force: true })
  }
}

function busy(path: string): TalosError {
  return new TalosError('STORAGE_BUSY', `another Talos command is changing ${path}`, {
    hint: `Try again. If no other command runs, remove ${path}.lock.`
  })
}
