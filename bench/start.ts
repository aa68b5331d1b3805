// `npm run bench:start [-- --write] [--rounds N]`: how long commands take from their start to their end, in alternating
// rounds. Processor time tells what a start costs on a busy machine too; the wall clock tells what a user waits for.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { table, writeSection } from './report.ts'

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, rounds: { type: 'string', default: '15' } }
})
const TALOS = fileURLToPath(new URL('../bin/talos.cjs', import.meta.url))
const SDK = new URL('../dist/index.js', import.meta.url).href
const PRELOAD = ['--require', fileURLToPath(new URL('./support/cpu-on-exit.cjs', import.meta.url))]
/** `talos --help` may take so long, in milliseconds. */
const TARGET = 250

const folder = mkdtempSync(join(tmpdir(), 'talos-bench-'))
// Node.js reads NODE_EXTRA_CA_CERTS at its start, which is none of our doing
const env = { ...process.env, TALOS_DATA_DIR: folder, NODE_EXTRA_CA_CERTS: undefined }

interface Case {
  name: string
  args: string[]
  status: number
  runs: Array<{ wall: number; cpu: number }>
}

const cases: Case[] = [
  { name: 'node, an empty program', args: ['-e', ''], status: 0 },
  { name: "import 'talos-protocol'", args: ['--input-type=module', '-e', `await import('${SDK}')`], status: 0 },
  { name: 'talos --help', args: [TALOS, '--help'], status: 0 },
  { name: 'talos version', args: [TALOS, 'version'], status: 0 },
  { name: 'talos wallet show', args: [TALOS, 'wallet', 'show'], status: 0 },
  // with libp2p up, and nobody of that name: the start of mcp-connect without another machine's share in it
  { name: 'talos mcp-connect, to an unknown name', args: [TALOS, 'mcp-connect', 'nobody'], status: 4 }
].map(it => ({ ...it, runs: [] }))

async function run({ name, args, status }: Case): Promise<{ wall: number; cpu: number }> {
  const begun = performance.now()
  const child = spawn(process.execPath, [...PRELOAD, ...args], { env, stdio: ['pipe', 'ignore', 'ignore', 'pipe'] })
  let cpu = ''
  child.stdio[3]!.on('data', chunk => (cpu += chunk))
  const [code] = await once(child, 'close')
  if (code !== status) throw new Error(`${name}: exit status ${code}, not ${status}`)
  return { wall: performance.now() - begun, cpu: Number(cpu) / 1000 }
}

try {
  execFileSync(process.execPath, [TALOS, 'init', '--name', 'bench', '--insecure-plaintext'], { env, stdio: 'ignore' })
  for (const it of cases) await run(it) // fills the compile cache
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const it of cases) it.runs.push(await run(it))
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

const column = ({ runs }: Case, what: 'wall' | 'cpu') => runs.map(measured => measured[what]).sort((a, b) => a - b)
const rows = cases.map(it => {
  const [wall, cpu] = [column(it, 'wall'), column(it, 'cpu')]
  const figures = [wall[0]!, wall[wall.length >> 1]!, cpu[0]!, cpu[cpu.length >> 1]!]
  return [it.name, ...figures.map(ms => ms.toFixed(0))]
})
const help = column(cases.find(({ name }) => name === 'talos --help')!, 'wall')[0]!
const body = `${table(['', 'best ms', 'median ms', 'best CPU ms', 'median CPU ms'], rows)}

From the start of the process to its end, ${values.rounds} rounds, compile cache warm. \`talos --help\` under ${TARGET} ms: ${help < TARGET ? 'reached' : 'NOT reached'} (best ${help.toFixed(0)} ms).`
console.log(body)
if (values.write) writeSection('start', 'Start (`npm run bench:start`)', body)
