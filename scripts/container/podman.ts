import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../bundle.ts'

/**
 * For a machine that is a container itself: it may not raise its own limits, and has cgroups that crun does not take. Used
 * when podman does not run a container without.
 */
const RESTRICTED = `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`
/** What podman says of a machine without systemd, each time that it cannot set a timer for health checks. */
const NO_SYSTEMD = /systemd connection/

export interface PodmanOptions {
  input?: string | Buffer
  env?: NodeJS.ProcessEnv
  /** Milliseconds. @default 120_000 */
  timeout?: number
}

/** Runs podman and returns what it printed. Throws with what it complained of when it fails. */
export function podman(args: readonly string[], options: PodmanOptions = {}): string {
  return program('podman', args, options)
}

export function program(file: string, args: readonly string[], options: PodmanOptions = {}): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: options.timeout ?? 120_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...options.env },
    ...(options.input === undefined ? {} : { input: options.input })
  })
  if (status === 0) return stdout.trim()
  const said = `${stderr}\n${stdout}`.split('\n').filter(line => !NO_SYSTEMD.test(line))
  throw new Error(`${file} ${args.join(' ')} failed: ${error?.message ?? said.join('\n').trim().slice(-3000)}`)
}

/** Whether the command ended well. */
export function succeeds(args: readonly string[], timeout?: number): boolean {
  try {
    podman(args, timeout === undefined ? {} : { timeout })
    return true
  } catch {
    return false
  }
}

/** Finds out with the image how podman runs containers here. Throws when it does not. */
export function settle(image: string): void {
  const attempt = ['run', '--rm', image, 'node', '--version']
  if (process.env['CONTAINERS_CONF'] === undefined && !succeeds(attempt)) {
    const folder = join(ROOT, '.cache')
    mkdirSync(folder, { recursive: true })
    const path = join(folder, 'containers.conf')
    writeFileSync(path, RESTRICTED)
    process.env['CONTAINERS_CONF'] = path
  }
  podman(attempt)
}
