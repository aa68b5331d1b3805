// `npm run test:container`: builds the image and uses it as docs/bootstrap-server.md says, with podman. Root on Debian or Ubuntu
// gets missing packages installed; others are told which. Where the base image cannot be pulled, a stand-in of Debian and the
// checkout's own Node.js takes its place, and the last line says so.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LiveProcess } from '../test/support/live-process.ts'
import { freePort } from '../test/support/ports.ts'
import { eventually } from '../test/support/processes.ts'
import { TALOS, talos } from '../test/support/talos.ts'
import { BASE_IMAGE, ensureBaseImage } from './container/base-image.ts'
import { podman, program, settle, succeeds } from './container/podman.ts'
import { ensurePrograms } from './container/programs.ts'
import { ensurePrometheus } from './container/prometheus.ts'

const IMAGE = 'localhost/talos:local'
/** Of everything that this run makes. */
const OWN = `talos-test-${process.pid}`
/** As docs/bootstrap-server.md tells users to run it. */
const CONFINED =
  '--read-only --cap-drop all --security-opt no-new-privileges --memory 256m --pids-limit 200 --init'.split(' ')
/** Within which a container that is told to stop has ended. Seconds. */
const STOP_WITHIN = 10

const folder = mkdtempSync(join(tmpdir(), 'talos-container-'))
const undo: Array<() => unknown> = [() => rmSync(folder, { recursive: true, force: true })]
const done = (what: string): void => console.log(`ok  ${what}`)

try {
  ensurePrograms('podman', 'runc', 'netavark', 'aardvark-dns', 'catatonit', 'nft', 'iptables')
  ensurePrograms('podman-compose', 'docker-compose')
  const isStandIn = ensureBaseImage()
  settle(BASE_IMAGE)
  podman(['build', '--format', 'docker', '--tag', IMAGE, '.'], { timeout: 900_000 })
  const size = (image: string): number => Number(podman(['image', 'inspect', '--format', '{{.Size}}', image])) / 1e6
  done(`image: ${size(IMAGE).toFixed(0)} MB, of which ${(size(IMAGE) - size(BASE_IMAGE)).toFixed(1)} MB above the base`)
  otherCommands()
  await server()
  identityFromSecret()
  await compose()
  await metrics()
  console.log(
    isStandIn
      ? `passed, on a stand-in for ${BASE_IMAGE} (Debian bookworm, Node.js of this checkout); the official image was not at hand`
      : `passed, on ${BASE_IMAGE}`
  )
} finally {
  for (const step of undo.reverse()) await step()
}

function volume(name: string): string {
  podman(['volume', 'create', `${OWN}-${name}`])
  undo.push(() => podman(['volume', 'rm', '--force', `${OWN}-${name}`]))
  return `${OWN}-${name}:/data`
}

function otherCommands(): void {
  const run = (...args: string[]): string => podman(['run', '--rm', ...CONFINED, ...args])
  assert.match(run(IMAGE, 'version'), /talos/i)
  const data = volume('commands')
  const made = JSON.parse(
    run('-v', data, '-e', 'TALOS_PASSPHRASE=correct horse battery', IMAGE, 'init', '--name', 'carol', '--json')
  )
  assert.equal(JSON.parse(run('-v', data, IMAGE, 'wallet', 'show', '--json')).peerId, made.peerId)
  done('other commands by argument: version, init, wallet show; the wallet stays on the volume')
}

async function server(): Promise<void> {
  const name = `${OWN}-server`
  const data = volume('server')
  const port = await freePort()
  undo.push(() => podman(['rm', '--force', '--ignore', name]))
  const start = async (): Promise<string> => {
    const published = ['-p', `127.0.0.1:${port}:8765`]
    podman(['run', '--detach', '--name', name, ...CONFINED, ...published, '-v', data, IMAGE])
    await eventually(() => succeeds(['healthcheck', 'run', name]), 30_000)
    return /Talos server (\S+)/.exec(podman(['logs', name]))![1]!
  }

  const identity = await start()
  assert.equal(podman(['exec', name, 'id', '-u']), '1000')
  assert.ok(!succeeds(['exec', name, 'touch', '/app/x']), 'the image is read-only')
  assert.match(podman(['exec', name, 'grep', 'CapEff', '/proc/1/status']), /0{16}$/)
  done(
    'the default command is the server: healthy, as user 1000, without capabilities, read-only but for /data, in 256 MB'
  )

  const [alice, bob] = [await agent('alice', port), await agent('bob', port)]
  const serving = alice.live('daemon')
  await serving.event('registered')
  const delivered = await bob.json('send', 'alice', 'through the container', '--wait', '20s')
  assert.equal(delivered['state'], 'delivered')
  done("two agents on the host find each other by the container's registry, and a message is delivered")
  await serving.kill('SIGTERM')

  await bob.json('send', 'alice', 'while she is away')
  podman(['kill', '--signal', 'KILL', name])
  podman(['rm', name])
  assert.equal(await start(), identity)
  const found = (await bob.json('peers', 'find', 'alice'))['peers'] as Array<{ peerId: string }>
  assert.deepEqual(
    found.map(({ peerId }) => peerId),
    [alice.peerId]
  )
  done('killed, and a new container with its volume: the same identity, the registrations kept')
  const back = alice.live('listen')
  await back.line(line => line.includes('while she is away'))
  await back.kill('SIGTERM')
  done('a message that was left in its mailbox before is there after')

  const busy = bob.live('daemon')
  await busy.event('registered')
  const sends = Array.from({ length: 5 }, () => bob.json('send', alice.peerId, 'x'.repeat(100_000)))
  await Promise.race(sends)
  const before = performance.now()
  podman(['stop', '--time', String(2 * STOP_WITHIN), name])
  const took = (performance.now() - before) / 1000
  assert.equal(podman(['inspect', '--format', '{{.State.ExitCode}}', name]), '0')
  assert.ok(took < STOP_WITHIN, `it took ${took} s to stop`)
  await Promise.all(sends)
  done(`told to stop while an agent fills a mailbox, it has ended after ${took.toFixed(1)} s, with status 0`)
}

/** An agent on this machine that knows the server. */
async function agent(name: string, port: number) {
  const dataDir = join(folder, name)
  const env = { TALOS_SERVERS: `127.0.0.1:${port}`, TALOS_LISTEN: '/ip4/127.0.0.1/tcp/0' }
  const json = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { status, stdout, stderr } = await talos([...args, '--json', '--data-dir', dataDir], { env, timeout: 60_000 })
    if (status !== 0) throw new Error(`talos ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`)
    return JSON.parse(stdout)
  }
  const { peerId } = await json('init', '--name', name, '--insecure-plaintext')
  const live = (...args: string[]): LiveProcess => {
    const words = [TALOS, ...args, '--json', '--data-dir', dataDir]
    const running = new LiveProcess({ file: process.execPath, args: words }, env)
    undo.push(() => running.kill())
    return running
  }
  return { peerId: peerId as string, json, live }
}

function identityFromSecret(): void {
  const secret = `${OWN}-identity`
  const file = join(folder, 'identity')
  writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600 })
  podman(['secret', 'create', secret, file])
  undo.push(() => podman(['secret', 'rm', secret]))
  const identities = [1, 2].map(attempt => {
    const name = `${OWN}-secret-${attempt}`
    undo.push(() => podman(['rm', '--force', '--ignore', name]))
    const mount = ['--secret', `${secret},uid=1000,mode=0400,target=/identity`, '-v', volume(`secret-${attempt}`)]
    const flags = ['server', '--identity-file', '/identity', '--json']
    podman(['run', '--detach', '--name', name, ...CONFINED, ...mount, IMAGE, ...flags])
    const deadline = performance.now() + 30_000
    for (;;) {
      const said = podman(['logs', name])
      if (said.includes('"ready"')) return (JSON.parse(said) as { peerId: string }).peerId
      if (performance.now() > deadline) throw new Error(`not ready: ${said}`)
    }
  })
  assert.equal(identities[0], identities[1])
  done('the identity from a secret: the same in two containers with volumes of their own')
}

async function compose(): Promise<void> {
  const run = (...args: string[]): string => program('podman-compose', ['-p', OWN, ...args], { timeout: 300_000 })
  try {
    run('up', '--detach', 'server', 'alice', 'bob')
    const logs = (): string => podman(['logs', `${OWN}_bob_1`])
    await eventually(() => logs().includes("alice's clock says"), 120_000)
    assert.match(logs(), /message to alice: (delivered|read)/)
    assert.match(logs(), /alice's clock says \d{4}-/)
    done('docker-compose.yml with podman-compose: bob sends alice a message and calls her tool')
  } finally {
    run('down', '--volumes')
    // which podman-compose leaves
    succeeds(['network', 'rm', `${OWN}_default`])
  }
}

/** podman-compose 1.0.3 knows no profiles; docker-compose does, and speaks with podman's service as it would with Docker's. */
async function metrics(): Promise<void> {
  const prometheus = ensurePrometheus()
  const address = `unix://${join(folder, 'podman.sock')}`
  const service = new LiveProcess({ file: 'podman', args: ['system', 'service', '--time', '0', address] }, {})
  undo.push(() => service.kill())
  const env = { DOCKER_HOST: address }
  const run = (...args: string[]): string =>
    program('docker-compose', ['-p', `${OWN}-metrics`, '--profile', 'metrics', ...args], { timeout: 300_000, env })
  await eventually(() => existsSync(join(folder, 'podman.sock')), 30_000)
  try {
    run('up', '--detach', '--no-build')
    const up = async (): Promise<string[]> => {
      const answer = await fetch('http://127.0.0.1:9091/api/v1/targets').catch(() => undefined)
      const { data } = ((await answer?.json()) ?? { data: { activeTargets: [] } }) as {
        data: { activeTargets: Array<{ health: string; labels: { instance: string } }> }
      }
      return data.activeTargets.filter(({ health }) => health === 'up').map(({ labels }) => labels.instance)
    }
    await eventually(async () => (await up()).length === 3, 120_000)
    assert.deepEqual((await up()).toSorted(), ['alice:9090', 'bob:9090', 'server:9090'])
    done(`the profile metrics with docker-compose: ${prometheus} scrapes the server and both agents`)
  } finally {
    run('down', '--volumes')
  }
}
