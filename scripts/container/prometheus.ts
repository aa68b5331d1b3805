import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../bundle.ts'
import { BASE_IMAGE } from './base-image.ts'
import { podman, succeeds } from './podman.ts'

/** What the profile `metrics` of the compose file runs. */
const IMAGE = /image: (\S+\/prometheus:\S+)$/m.exec(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'))![1]!
/** What of the official image the compose file relies on. */
const CONTAINERFILE = `FROM ${BASE_IMAGE}
COPY prometheus /bin/
RUN mkdir /prometheus && chown nobody:nogroup /prometheus
USER nobody
WORKDIR /prometheus
VOLUME /prometheus
ENTRYPOINT ["/bin/prometheus"]
`

/** Sees to it that the image is there: pulled, or else made with Debian's Prometheus. Returns what it is. */
export function ensurePrometheus(): string {
  if (!succeeds(['image', 'exists', IMAGE]) && !succeeds(['pull', '--quiet', IMAGE], 300_000)) standIn()
  return podman(['run', '--rm', IMAGE, '--version']).split(' (', 1)[0]!
}

function standIn(): void {
  console.log(`${IMAGE} cannot be pulled: making a stand-in of Debian's package`)
  const folder = mkdtempSync(join(tmpdir(), 'talos-prometheus-'))
  const run = (file: string, ...args: string[]): void => {
    execFileSync(file, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  }
  try {
    run('apt-get', '--quiet', 'download', '-o', 'APT::Sandbox::User=root', 'prometheus')
    run('dpkg-deb', '--extract', readdirSync(folder)[0]!, 'root')
    const context = mkdtempSync(join(folder, 'context-'))
    copyFileSync(join(folder, 'root/usr/bin/prometheus'), join(context, 'prometheus'))
    writeFileSync(join(context, 'Containerfile'), CONTAINERFILE)
    podman(['build', '--format', 'docker', '--tag', IMAGE, context], { timeout: 300_000 })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
