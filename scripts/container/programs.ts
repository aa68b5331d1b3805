import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian's package of each program. */
const PACKAGES: Record<string, string> = {
  podman: 'podman',
  runc: 'runc',
  netavark: 'netavark',
  'aardvark-dns': 'aardvark-dns',
  catatonit: 'catatonit',
  newuidmap: 'uidmap',
  nft: 'nftables',
  iptables: 'iptables',
  ip: 'iproute2',
  debootstrap: 'debootstrap',
  'podman-compose': 'podman-compose',
  'docker-compose': 'docker-compose'
}
/** Besides PATH: helpers that podman finds by itself. */
const FOLDERS = ['/usr/sbin', '/sbin', '/usr/lib/podman', '/usr/libexec/podman', '/usr/lib/cni']

/** Sees to it that these programs are there. As root with apt-get it installs their packages; else it throws with their names. */
export function ensurePrograms(...programs: string[]): void {
  const missing = programs.filter(program => !isThere(program)).map(program => PACKAGES[program] ?? program)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !isThere('apt-get')) {
    throw new Error(`missing: ${missing.join(', ')} (packages of Debian and Ubuntu); root would have them installed`)
  }
  console.log(`installing ${missing.join(' ')}`)
  const args = ['install', '-y', '--no-install-recommends', ...missing]
  const { status, stderr } = spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed: ${stderr}`)
}

function isThere(program: string): boolean {
  return [...(process.env['PATH'] ?? '').split(delimiter), ...FOLDERS].some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
