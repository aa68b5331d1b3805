import { spawnSync } from 'node:child_process'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { CHUNK_LENGTH } from '../../src/protocols/files/constants.ts'
import { Party } from '../support/file-parties.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

// `npm run soak:files` raises both
const KILLS = Number(process.env['TALOS_FILE_KILLS'] ?? 6)
const SIZE = Number(process.env['TALOS_FILE_SIZE'] ?? 40_000_000)

const MIB = 1024 * 1024

function makeFile(path: string, size: number): void {
  const file = openSync(path, 'w')
  for (let left = size; left > 0; left -= MIB) writeSync(file, randomBytes(Math.min(MIB, left)))
  closeSync(file)
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

test('kill -9 of either side, again and again: it goes on each time, and what arrives is what was sent', {
  timeout: 3_600_000
}, async () => {
  const folder = temporaryFolder()
  const source = join(folder, 'source')
  makeFile(source, SIZE)
  let alice = await Party.start(join(folder, 'alice'))
  let bob = await Party.start(join(folder, 'bob'))
  const downloads = join(folder, 'bob/downloads')
  const sent = await digest(source)
  let kills = 0
  let files = 0
  try {
    for (;;) {
      await alice.tell({ order: 'meet', peer: bob.peer, address: bob.address })
      // so much is to arrive in this life, so that the kills are spread over all of the file
      const share =
        kills < KILLS ? randomInt(1, Math.max(2, Math.floor((2 * SIZE) / (KILLS + 2)))) : Number.POSITIVE_INFINITY
      const enough = Promise.withResolvers<'enough'>()
      let first: number | undefined
      bob.onProgress = bytes => {
        if (bytes > 0) first ??= bytes
        if (first !== undefined && bytes - first >= share - CHUNK_LENGTH) enough.resolve('enough')
      }
      const outcome = await Promise.race([
        enough.promise,
        alice.tell({ order: 'send', peer: bob.peer, path: source }).then(() => 'done' as const)
      ])
      if (outcome === 'done') {
        expect(readdirSync(downloads).sort()).toEqual(['.partial', 'source'])
        expect(readdirSync(join(downloads, '.partial'))).toEqual([])
        expect(await digest(join(downloads, 'source'))).toBe(sent)
        files++
        // a quick one is through before all the kills are: once more
        if (kills >= KILLS) break
        rmSync(join(downloads, 'source'))
        continue
      }
      kills++
      if (kills % 2 === 0) {
        await alice.kill()
        alice = await Party.start(join(folder, 'alice'))
      } else {
        const address = bob.address
        await bob.kill()
        bob = await Party.start(join(folder, 'bob'))
        expect(bob.address).not.toBe(address)
        // the one that waits is told where the other is now, and asked once more: it is the same transfer
      }
    }
  } finally {
    await alice.kill()
    await bob.kill()
  }
  expect(kills).toBe(KILLS)
  if (SIZE > 1e9) console.log(`${kills} kills, ${files} times ${SIZE} bytes, identical`)
})

test('memory does not grow with the file', { timeout: 3_600_000 }, async () => {
  const folder = temporaryFolder()
  const [alice, bob] = [await Party.start(join(folder, 'alice')), await Party.start(join(folder, 'bob'))]
  try {
    await alice.tell({ order: 'meet', peer: bob.peer, address: bob.address })
    const most = async (size: number): Promise<number[]> => {
      const path = join(folder, `${size}`)
      makeFile(path, size)
      await bob.tell({ order: 'measure' })
      const sender = await alice.tell({ order: 'send', peer: bob.peer, path })
      const receiver = await bob.tell({ order: 'measure' })
      rmSync(path)
      rmSync(join(folder, 'bob/downloads'), { recursive: true })
      return [sender.rss, receiver.rss]
    }
    // the heap of a process that has just begun still grows, whatever it does
    for (let i = 0; i < 10; i++) await most(10 * MIB)
    const [small, large] = [await most(10 * MIB), await most(Math.max(SIZE, 200 * MIB))]
    const growth = large.map((rss, at) => Math.round((rss - small[at]!) / MIB))
    if (SIZE > 1e9)
      console.log(
        `RSS of sender and receiver, MiB: ${small.map(rss => Math.round(rss / MIB))} with 10 MiB, ${growth} more with ${SIZE / MIB} MiB`
      )
    for (const grown of growth) expect(grown).toBeLessThanOrEqual(60)
  } finally {
    await alice.kill()
    await bob.kill()
  }
})

test('a directory of 5,000 files', { timeout: 300_000 }, async () => {
  const folder = temporaryFolder()
  const source = join(folder, 'tree')
  for (let i = 0; i < 5_000; i++) {
    const parent = join(source, `${i % 50}`)
    if (i < 50) mkdirSync(parent, { recursive: true })
    writeFileSync(join(parent, `${i}`), randomBytes(i % 3_000))
  }
  const [alice, bob] = [await Party.start(join(folder, 'alice')), await Party.start(join(folder, 'bob'))]
  try {
    await alice.tell({ order: 'meet', peer: bob.peer, address: bob.address })
    await alice.tell({ order: 'send', peer: bob.peer, path: source })
  } finally {
    await alice.kill()
    await bob.kill()
  }
  const compared = spawnSync('diff', ['-r', source, join(folder, 'bob/downloads/tree')], { encoding: 'utf8' })
  expect(compared.stdout).toBe('')
  expect(compared.status).toBe(0)
})

// a limit for files does what a full disk does: a write fails in the middle
test.skipIf(process.platform === 'win32')(
  'a disk that fills up is said to be full, and what was written is kept',
  () => {
    const folder = temporaryFolder()
    const files = join(import.meta.dirname, '../../src/protocols/files')
    const source = join(folder, 'source')
    makeFile(source, 4 * CHUNK_LENGTH)
    mkdirSync(join(folder, 'partial'))
    const script = `
    import { contentOf, survey } from ${JSON.stringify(join(files, 'source.ts'))}
    import { Sink } from ${JSON.stringify(join(files, 'sink.ts'))}
    import { DEFAULT_LIMITS } from ${JSON.stringify(join(files, 'limits.ts'))}
    const path = ${JSON.stringify(source)}
    const { size, digest } = survey(path)
    const chunks = Number(process.env.CHUNKS)
    const job = { folder: ${JSON.stringify(join(folder, 'partial'))}, directory: false, size, entries: 1 }
    const sink = new Sink({ ...job, done: { entries: 0, bytes: 0 }, chunks, begun: 0, limits: DEFAULT_LIMITS })
    try {
      for (const message of contentOf({ path, directory: false, digest, entries: 0, chunks })) sink.accept(message)
      process.stdout.write('complete ' + sink.isComplete)
    } catch (error) {
      process.stdout.write(error.code)
    }
  `
    const run = (limit: string, chunks: number): string => {
      const command = `ulimit -f ${limit}; exec "${process.execPath}" --input-type=module -e "$SCRIPT"`
      const env = { ...process.env, SCRIPT: script, CHUNKS: `${chunks}`, NODE_COMPILE_CACHE: '' }
      return spawnSync('sh', ['-c', command], { env, encoding: 'utf8' }).stdout
    }
    // blocks of 512 bytes: room for two chunks and a half
    expect(run(`${Math.floor((2.5 * CHUNK_LENGTH) / 512)}`, 0)).toBe('FILE_DISK_FULL')
    const kept = Math.floor(statSync(join(folder, 'partial/part')).size / CHUNK_LENGTH)
    expect(kept).toBe(2)
    expect(run('unlimited', kept)).toBe('complete true')
  }
)
