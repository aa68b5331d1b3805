import { spawnSync } from 'node:child_process'

/** A Node.js on this machine that is too old for Talos: the one that runs npm, or the system's. */
export const OLD_NODE = [process.env['npm_node_execpath'], '/usr/bin/node', '/usr/local/bin/node'].find(
  path => path !== undefined && isOld(path)
)

function isOld(path: string): boolean {
  const { status, stdout } = spawnSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' })
  if (status !== 0) return false
  const [major, minor] = stdout.split('.').map(Number)
  return major! < 22 || (major === 22 && minor! < 12)
}
