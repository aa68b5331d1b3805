import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, type TestContext, test } from 'vitest'
import type { LiveProcess } from '../support/live-process.ts'
import { freePort } from '../support/ports.ts'
import { eventually } from '../support/processes.ts'
import { HAS_TERMINAL, talosOnTerminal } from '../support/pseudo-terminal.ts'
import type { Run } from '../support/talos.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

interface Shown {
  id: string
  kind: string
  block?: number
  fields: Array<{ name: string; value?: string | number; base64?: string }>
}
interface Listed {
  offers: Array<{ id: string; name: string }>
  transfers: Array<{ id: string; name: string; direction: string; state: string; doneBytes: number; path?: string }>
}

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')
const field = ({ fields }: Shown, wanted: string) => {
  const found = fields.find(({ name }) => name === wanted)
  return found?.base64 === undefined ? found?.value : Buffer.from(found.base64, 'base64').toString('hex')
}
const log = async (of: Machine, kind: string) =>
  (await of.json<{ records: Shown[] }>('audit', 'log', '--kind', kind)).records
const files = (of: Machine) => of.json<Listed>('files')
const codeOf = ({ stdout }: Run) => (JSON.parse(stdout) as { error: { code: string } }).error.code

/** Two agents of one server; what they are configured with. */
async function pair(
  context: TestContext,
  config: (machines: { alice: Machine; bob: Machine }) => Record<string, string>
) {
  const world = await TalosWorld.start(context)
  const machines = { alice: await world.machine('Alice'), bob: await world.machine('Bob') }
  for (const [name, yaml] of Object.entries(config(machines))) {
    writeFileSync(join(machines[name as 'alice' | 'bob'].dataDir, 'config.yaml'), yaml, { mode: 0o600 })
  }
  const source = (name: string, content: Uint8Array | string): string => {
    mkdirSync(join(world.folder, 'sources'), { recursive: true })
    const path = join(world.folder, 'sources', name)
    writeFileSync(path, content)
    return path
  }
  return { world, ...machines, source, downloads: join(machines.bob.dataDir, 'downloads') }
}

/** Starts the command that is a machine's node, and waits until others can find it. */
async function node(machine: Machine, ...command: string[]): Promise<LiveProcess> {
  const running = machine.start(...command)
  await running.event('registered')
  return running
}

/** Bytes that have arrived of what is not complete. */
function partial(folder: string): number {
  if (!existsSync(join(folder, '.partial'))) return 0
  return readdirSync(join(folder, '.partial'))
    .map(id => statSync(join(folder, '.partial', id, 'part'), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0)
}

describe.concurrent('what a user does with files', () => {
  test('taken unasked, asked for, refused, too large, cancelled; recorded by both sides, and proved', {
    timeout: 300_000
  }, async context => {
    const { world, alice, bob, source, downloads } = await pair(context, ({ alice: { peerId } }) => ({
      bob: `files:\n  acceptFrom: [${peerId}]\n  maxUnasked: 100000\n  limits: { image: 50 }\naudit:\n  reconcileWith: [${peerId}]\n`
    }))
    await Promise.all([node(alice, 'daemon'), node(bob, 'daemon')])
    const sent = (path: string, ...flags: string[]) =>
      alice.json<{ id: string; state: string }>('send-file', bob.peerId, path, ...flags)

    const contents = { empty: Buffer.alloc(0), byte: randomBytes(1), datagram: randomBytes(65_507) }
    const ids = new Map<string, string>()
    for (const [name, content] of Object.entries(contents)) {
      const { id, state } = await sent(source(name, content))
      ids.set(name, id)
      expect(state).toBe('done')
      expect(readFileSync(join(downloads, name)).equals(content)).toBe(true)
    }
    // the same again overwrites nothing
    await sent(source('byte', contents.byte))
    expect(readdirSync(downloads)).toEqual(expect.arrayContaining(['byte', 'byte (2)']))
    const tree = join(world.folder, 'tree')
    mkdirSync(join(tree, 'deep/er'), { recursive: true })
    writeFileSync(join(tree, 'deep/er/leaf'), 'green')
    await sent(tree)
    expect(readFileSync(join(downloads, 'tree/deep/er/leaf'), 'utf8')).toBe('green')

    // too large to be taken unasked: it waits for somebody's yes
    const large = source('large', randomBytes(100_001))
    expect(await sent(large, '--no-wait')).toMatchObject({ state: 'waiting' })
    await eventually(async () => (await files(bob)).offers.length === 1, 60_000)
    const { offers } = await files(bob)
    expect(offers).toMatchObject([{ name: 'large', size: 100_001, peer: alice.peerId }])
    await bob.json('files', 'accept', offers[0]!.id)
    await eventually(() => existsSync(join(downloads, 'large')), 60_000)

    // a no
    const refused = alice.run('send-file', bob.peerId, source('unwanted', randomBytes(100_002)), '--json')
    await eventually(async () => (await files(bob)).offers.length === 1, 60_000)
    await bob.json('files', 'refuse', (await files(bob)).offers[0]!.id)
    expect([(await refused).status, codeOf(await refused)]).toEqual([6, 'FILE_DECLINED'])
    // above the limit of its kind, nobody is asked
    const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(100)])
    const tooLarge = await alice.run('send-file', bob.peerId, source('picture.png', png), '--json')
    expect([tooLarge.status, codeOf(tooLarge)]).toEqual([6, 'FILE_TOO_LARGE'])
    // taken back while nobody has answered
    const cancelled = await sent(source('cancelled', randomBytes(100_003)), '--no-wait')
    await eventually(async () => (await files(bob)).offers.length === 1, 60_000)
    expect(await alice.json('files', 'cancel', cancelled.id)).toMatchObject({ state: 'cancelled' })
    await eventually(async () => (await files(bob)).offers.length === 0, 60_000)
    const over = await alice.run('files', 'cancel', cancelled.id, '--json')
    expect([over.status, codeOf(over)]).toEqual([6, 'FILE_OVER'])
    const unknown = await bob.run('files', 'accept', cancelled.id, '--json')
    expect([unknown.status, codeOf(unknown)]).toEqual([6, 'FILE_UNKNOWN'])
    const missing = await alice.run('send-file', bob.peerId, join(world.folder, 'none'), '--json')
    expect([missing.status, codeOf(missing)]).toEqual([6, 'FILE_SOURCE'])

    // what both have recorded
    const operation = `file/${alice.peerId}/${ids.get('datagram')}`
    for (const [machine, other, begun] of [
      [alice, bob, 'agreed'],
      [bob, alice, 'accepted']
    ] as const) {
      const records = await log(machine, 'file')
      const of = (wanted: string) => records.find(one => field(one, 'operation') === wanted)!
      expect([field(of(operation), 'event'), field(of(operation), 'peer')]).toEqual([begun, other.peerId])
      const completed = of(`${operation}/completed`)
      expect(['event', 'name', 'size', 'hash'].map(name => field(completed, name))).toEqual([
        'completed',
        'datagram',
        65_507,
        sha256(contents.datagram)
      ])
      expect(field(completed, 'root')).toMatch(/^[0-9a-f]{64}$/)
    }
    const reasons = (records: Shown[]) => records.map(one => field(one, 'reason')).sort()
    const failed = (await log(alice, 'file')).filter(one => field(one, 'reason') !== undefined)
    expect(reasons(failed)).toEqual(['FILE_CANCELLED', 'FILE_DECLINED', 'FILE_TOO_LARGE'])
    const denials = await log(bob, 'denial')
    expect(reasons(denials)).toEqual(['FILE_DECLINED', 'FILE_TOO_LARGE'])
    expect(denials.map(one => [field(one, 'peer'), field(one, 'count')])).toEqual(Array(2).fill([alice.peerId, 1]))

    // each accepted transfer is compared twice: that it was, and how it ended; and their session
    const compared = await alice.json<{ compared: number; matching: number; counts: object }>(
      'audit',
      'reconcile',
      bob.peerId
    )
    expect(compared.counts).toEqual({ missingHere: 0, missingThere: 0, differing: 0 })
    expect(compared.matching).toBe(compared.compared)
    expect(compared.compared).toBeGreaterThanOrEqual(12)
    const proof = join(world.folder, 'proof.txt')
    await alice.json('audit', 'open', `${operation}/completed`, '--field', 'hash', '--field', 'peer', '--output', proof)
    const proved = await bob.json<Shown>('proof', 'verify', '--file', proof, '--offline', '--owner', alice.peerId)
    expect(proved).toMatchObject({ valid: true, kind: 'FILE' })
    expect([field(proved, 'hash'), field(proved, 'peer')]).toEqual([sha256(contents.datagram), bob.peerId])
  })

  test('listen --yes, into a folder of one’s choice, whatever a file is called', {
    timeout: 180_000
  }, async context => {
    const { world, alice, bob, source } = await pair(context, () => ({}))
    const folder = join(world.folder, 'incoming')
    const listening = await node(bob, 'listen', '--yes', '--download-dir', folder)
    await node(alice, 'daemon')
    const names = ['.bashrc', '-rf', 'CON.txt', 'a\nb\u001b[31m', '\u202egnp.exe', 'x'.repeat(255), 'trailing. ']
    for (const name of names) {
      const path = source(name, name)
      const before = listening.said.length
      const run = await alice.run('send-file', bob.peerId, path)
      expect([name, run.status], run.stderr).toEqual([name, 0])
      const { path: arrived } = await listening.event<{ path: string }>('file', before)
      expect(arrived.startsWith(`${folder}/`)).toBe(true)
      expect(readFileSync(arrived, 'utf8')).toBe(name)
    }
    const arrived = readdirSync(folder).filter(name => name !== '.partial')
    expect(arrived).toHaveLength(names.length)
    for (const name of arrived) expect(name).toMatch(/^(?!\.|CON\b)[^\p{C}/]{1,200}(?<![. ])$/u)
    expect(readdirSync(join(folder, '.partial'))).toEqual([])
    expect(existsSync(join(bob.dataDir, 'downloads'))).toBe(false)
  })

  test('kill -9 of the sender’s daemon and of the receiver’s listen, in the middle: it goes on, and arrives', {
    timeout: 300_000
  }, async context => {
    const { alice, bob, source } = await pair(context, () => ({ bob: 'files:\n  limits: { other: 0 }\n' }))
    const downloads = join(bob.dataDir, 'downloads')
    const content = randomBytes(150_000_000)
    const path = source('large', content)
    let listening = await node(bob, 'listen', '--yes')
    let daemon = await node(alice, 'daemon')
    await alice.json('send-file', bob.peerId, path, '--no-wait')
    await eventually(() => partial(downloads) > 1_000_000, 60_000)
    await daemon.kill()
    const kept = partial(downloads)
    expect(kept).toBeGreaterThan(1_000_000)
    daemon = await node(alice, 'daemon')
    await eventually(() => partial(downloads) > kept + 1_000_000, 60_000)
    await listening.kill()
    expect(partial(downloads)).toBeGreaterThan(kept)
    listening = await node(bob, 'listen', '--yes')
    // the same to the same is the same transfer
    expect(await alice.json('send-file', bob.peerId, path)).toMatchObject({ state: 'done', doneBytes: content.length })
    expect(sha256(readFileSync(join(downloads, 'large')))).toBe(sha256(content))
    expect((await files(bob)).transfers).toMatchObject([{ name: 'large', state: 'done' }])
    for (const machine of [alice, bob]) {
      const completed = (await log(machine, 'file')).filter(one => field(one, 'event') === 'completed')
      expect(completed.map(one => field(one, 'hash'))).toEqual([sha256(content)])
    }
  })

  test('listen beside a daemon: it listens where the flags say, and another folder is refused', {
    timeout: 120_000
  }, async context => {
    const { world, bob } = await pair(context, () => ({}))
    await node(bob, 'daemon')
    const elsewhere = join(world.folder, 'elsewhere')
    const refused = await bob.run('listen', '--download-dir', elsewhere, '--json')
    expect([refused.status, codeOf(refused)]).toEqual([2, 'USAGE_DOWNLOAD_DIR'])
    expect(existsSync(elsewhere)).toBe(false)
    const port = await freePort()
    const listening = bob.start('listen', '--listen', `/ip4/127.0.0.1/tcp/${port}`, '--server', world.address)
    await listening.event('listening')
    const { node: status } = await bob.json<{ node: { addresses: string[] } }>('status')
    expect(status.addresses.filter(address => address.startsWith(`/ip4/127.0.0.1/tcp/${port}`))).toHaveLength(1)
    const wrong = await bob.run('listen', '--server', 'nobody.invalid:1:2', '--json')
    expect([wrong.status, codeOf(wrong)]).toEqual([5, 'REGISTRY_ADDRESS_INVALID'])
  })

  test.skipIf(!HAS_TERMINAL)(
    'on a terminal: the receiver is asked, the sender sees how far it is',
    {
      timeout: 180_000
    },
    async context => {
      const { world, alice, bob, source } = await pair(context, () => ({}))
      await node(alice, 'daemon')
      const listening = talosOnTerminal(
        ['listen', '--data-dir', bob.dataDir, '--server', world.address, '--listen', '/ip4/127.0.0.1/tcp/0'],
        [
          { prompt: 'Take it? [y/N]', keys: 'y\r' },
          { prompt: 'Take it? [y/N]', keys: 'n\r' }
        ],
        '',
        {},
        150_000
      )
      const send = (name: string, size: number) =>
        talosOnTerminal(
          ['send-file', bob.peerId, source(name, randomBytes(size)), '--data-dir', alice.dataDir],
          [],
          '',
          {},
          100_000
        )
      const wanted = await send('wanted', 20_000_000)
      expect([wanted.status, wanted.shown], wanted.shown).toEqual([0, expect.stringMatching(/\[#* *\] +\d+ % /)])
      expect(wanted.shown).toContain(`wanted: 20000000 bytes are with ${bob.peerId}`)
      const unwanted = await send('unwanted', 10)
      expect([unwanted.status, unwanted.shown]).toEqual([6, expect.stringContaining('FILE_DECLINED')])
      const { node: running } = await bob.json<{ node: { pid: number } }>('status')
      process.kill(running.pid, 'SIGINT')
      const { shown } = await listening
      expect(shown).toContain(`${alice.peerId} offers wanted, 20.0 MB. Take it? [y/N]`)
      expect(shown).toContain(`is in ${join(bob.dataDir, 'downloads/wanted')}`)
      expect(readdirSync(join(bob.dataDir, 'downloads')).sort()).toEqual(['.partial', 'wanted'])
    }
  )
})
