// `npm run bench:files [-- --write] [--rounds N] [--sizes 100,1024]`: a file from one process to another, beside what people use
// and beside what a bare libp2p stream carries, in alternating rounds.
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { table, writeSection } from './report.ts'
import { BARE, cpPath, type FilePath, scpPath, stockPaths, talosPaths, wormholePath } from './support/file-paths.ts'

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    sizes: { type: 'string', default: '100,1024' }
  }
})
const ROUNDS = Number(values.rounds)
/** Before the first that counts, of each size: until then compilers are at work, for all paths of libp2p. */
const WARM_UP = 2
/** MiB. */
const SIZES = values.sizes.split(',').map(Number)
const MIB = 1024 * 1024
/** Talos against the bare stream of the same round, at least. */
const TARGET = 0.8

const folder = mkdtempSync(join(tmpdir(), 'talos-bench-files-'))
const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

function makeFile(size: number): string {
  const path = join(folder, `${size} MiB`)
  const file = openSync(path, 'w')
  for (let i = 0; i < size; i++) writeSync(file, randomBytes(MIB))
  closeSync(file)
  return path
}

const paths: FilePath[] = [cpPath]
for (const path of [await scpPath(folder), await wormholePath()]) {
  if (typeof path === 'string') console.log(`left out: ${path}`)
  else paths.push(path)
}
paths.push(...(await stockPaths()), ...(await talosPaths(folder)))

/** MiB/s by size and path, a number a round. */
const rates = new Map(SIZES.map(size => [size, new Map(paths.map(({ name }) => [name, [] as number[]]))]))
try {
  for (const size of SIZES) {
    const file = makeFile(size)
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      for (const { name, carry } of paths) {
        const target = join(folder, 'target')
        mkdirSync(target, { recursive: true })
        const start = performance.now()
        const wall = (await carry(file, target, size * MIB)) ?? performance.now() - start
        rmSync(target, { recursive: true })
        rmSync(join(folder, 'bob/downloads'), { recursive: true, force: true })
        if (round < 0) continue
        rates
          .get(size)!
          .get(name)!
          .push((size / wall) * 1000)
        console.log(`${size} MiB, round ${round + 1}, ${name}: ${((size / wall) * 1000).toFixed(0)} MiB/s`)
      }
    }
    rmSync(file)
  }
} finally {
  for (const { close } of paths) await close()
  rmSync(folder, { recursive: true, force: true })
}

const ratioOf = (size: number, other: string): number => {
  const [talos, theirs] = [rates.get(size)!.get('Talos')!, rates.get(size)!.get(other)!]
  return median(talos.map((rate, round) => rate / theirs[round]!))
}
// before the medians sort the rounds
const ratios = SIZES.map(size => ratioOf(size, BARE))
const others = ['a file over bare libp2p', 'a stream between Talos nodes'].map(
  other => `- against ${other}: ${SIZES.map(size => `${size} MiB ${ratioOf(size, other).toFixed(2)} ×`).join(', ')}`
)
const rows = paths.map(({ name }) => [name, ...SIZES.map(size => median([...rates.get(size)!.get(name)!]).toFixed(0))])
const verdicts = SIZES.map((size, at) => {
  const ratio = ratios[at]!
  return `- ${size} MiB: ${ratio.toFixed(2)} × the bare stream (to reach: ≥ ${TARGET}): ${ratio >= TARGET ? 'reached' : 'NOT reached'}`
})
const body = [
  `MiB/s, medians of ${ROUNDS} rounds after ${WARM_UP} that do not count, warm file cache. Talos reads, hashes twice, seals, opens, verifies, hashes twice, writes and waits for the disk (fsync);
cp and scp leave the last to the system. The bare stream is libp2p as it comes from npm (TCP, noise, yamux, no option changed): it carries bytes from memory
and drops them, in writes as long as Talos's. A file over it is read, sent, written and synced, and checked by nobody. A stream between
Talos nodes is the same as the bare one on the connections of Talos, whose noise costs less.`,
  table(['path', ...SIZES.map(size => `${size} MiB`)], rows),
  [...verdicts, ...others].join('\n')
].join('\n\n')
console.log(`\n${body}`)
if (values.write) writeSection('files', 'A file (`npm run bench:files`)', body)
