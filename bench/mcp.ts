// `npm run bench:mcp [-- --write] [--rounds N]`: one MCP server reached over several paths, side by side: directly, over ssh where
// an sshd is installed, through supergateway + mcp-remote, and through Talos. The server costs next to nothing, so that what
// is measured is the path. With --write the result goes to docs/benchmarks.md.
import { parseArgs } from 'node:util'
import { table, writeSection } from './report.ts'
import { McpDriver } from './support/mcp-driver.ts'
import {
  directPath,
  type McpPath,
  sshPath,
  supergatewayPath,
  talosNodePath,
  talosPath,
  talosUnsealedPath
} from './support/mcp-paths.ts'

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' } }
})
const ROUNDS = Number(values.rounds)
const BIG = 'x'.repeat(1024 * 1024)
/** Calls before those that are measured: what a path does once after its start is over by then, and its code is compiled. */
const WARMING = 1_000
const MEASURED = 2_000

interface Figures {
  start: number
  p50: number
  p95: number
  rate: number
  result: number | undefined
  both: number | undefined
}

async function measure(path: McpPath): Promise<Figures> {
  const begun = performance.now()
  const driver = new McpDriver(path.command, path.args, path.env)
  try {
    await driver.initialize()
    await driver.call('tools/list', {})
    const start = performance.now() - begun
    const echo = (message = 'hello') => driver.call('tools/call', { name: 'echo', arguments: { message } })
    for (let i = 0; i < WARMING; i++) await echo()
    const times: number[] = []
    for (let i = 0; i < MEASURED; i++) {
      const at = performance.now()
      await echo()
      times.push(performance.now() - at)
    }
    times.sort((a, b) => a - b)
    const calls = 2_000
    let made = 0
    const at = performance.now()
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        while (made++ < calls) await echo()
      })
    )
    const rate = calls / ((performance.now() - at) / 1000)
    return {
      start,
      p50: times[MEASURED * 0.5]!,
      p95: times[MEASURED * 0.95]!,
      rate,
      result: await throughput(6, 1, () => driver.call('tools/call', { name: 'big' })),
      both: await throughput(6, 2, () => echo(BIG))
    }
  } finally {
    await driver.close()
  }
}

/** MB/s of calls that carry `mebibytes` each; undefined when the path cannot carry them. */
async function throughput(calls: number, mebibytes: number, call: () => Promise<string>): Promise<number | undefined> {
  try {
    await call()
    const at = performance.now()
    for (let i = 0; i < calls; i++) await call()
    return (calls * mebibytes * 1.048576) / ((performance.now() - at) / 1000)
  } catch {
    return undefined
  }
}

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

const paths: McpPath[] = []
for (const open of [directPath, sshPath, supergatewayPath, talosPath, talosUnsealedPath, talosNodePath]) {
  const path = await open()
  if (typeof path === 'string') console.log(`left out: ${path}`)
  else paths.push(path)
}
const runs = new Map(paths.map(path => [path.name, [] as Figures[]]))
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const path of paths) {
      const figures = await measure(path)
      runs.get(path.name)!.push(figures)
      console.log(
        `round ${round + 1} ${path.name}: p50 ${figures.p50.toFixed(2)} ms, ${figures.rate.toFixed(0)} calls/s`
      )
    }
  }
} finally {
  for (const path of paths) await path.close()
}

const figure = (name: string, key: keyof Figures): number | undefined => {
  const all = runs.get(name)!.map(run => run[key])
  return all.includes(undefined) ? undefined : median(all as number[])
}
const cell = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? 'fails'
const rows = paths.map(({ name }) => [
  name,
  cell(figure(name, 'start'), 0),
  cell(figure(name, 'p50'), 2),
  cell(figure(name, 'p95'), 2),
  cell(figure(name, 'rate'), 0),
  cell(figure(name, 'result'), 1),
  cell(figure(name, 'both'), 1)
])
const head = [
  'path',
  'start ms',
  'p50 ms',
  'p95 ms',
  'calls/s, 32 in flight',
  '1 MiB result MB/s',
  '1 MiB each way MB/s'
]

/** The ratio Talos / other of a figure, taken round by round, and whether it reaches the bar. */
function ratio(other: string, key: keyof Figures, atMost: boolean, bar: number, what: string, ours = 'Talos'): string {
  const theirs = runs.get(other)
  if (theirs === undefined) return `- ${what}: not measured, ${other} is missing`
  const ratios = runs.get(ours)!.flatMap((run, i) => {
    const [a, b] = [run[key], theirs[i]![key]]
    return a === undefined || b === undefined ? [] : [a / b]
  })
  if (ratios.length === 0) return `- ${what}: ${other} fails at this`
  const value = median(ratios)
  const reached = atMost ? value <= bar : value >= bar
  return `- ${what}: ${value.toFixed(2)} × ${other} (to reach: ${atMost ? '≤' : '≥'} ${bar}): ${reached ? 'reached' : 'NOT reached'}`
}

/** mcp-remote keeps its secrets in readable files; a passphrase costs 64 MiB of argon2id, three times over, at each start. */
const WALLETS: Record<string, string> = {
  'Talos, unsealed wallet': "keys readable on the disk, as mcp-remote's are",
  'Talos, through a running node': 'a node runs already',
  Talos: 'wallet sealed with argon2id, nothing runs yet'
}
const bridge = 'supergateway + mcp-remote'
const body = [
  `Medians of ${ROUNDS} rounds. Start: from spawning the agent's side to the first tools/list, the other side already up.
p50 and p95: of ${MEASURED} calls one after the other, after ${WARMING} that were not counted.`,
  table(head, rows),
  [
    ratio(bridge, 'p50', true, 0.4, 'p50'),
    ratio(bridge, 'rate', false, 8, 'calls/s with 32 in flight'),
    ratio('ssh', 'both', false, 0.5, '1 MiB request and result'),
    ...['Talos, unsealed wallet', 'Talos, through a running node', 'Talos'].map(ours =>
      ratio(bridge, 'start', true, 0.6, `time to the first tools/list, ${WALLETS[ours]}`, ours)
    )
  ].join('\n')
].join('\n\n')
console.log(`\n${body}`)
if (values.write) writeSection('mcp', 'A tool call (`npm run bench:mcp`)', body)
