// `npm run testnet -- --nodes 20 [--servers 2] [--relays 2] [--keep]`: a network of real processes on this machine, with a live
// table, until Ctrl-C. `-- --check [scenario…]` runs scenarios of scripts/scenarios (smoke unless named) and ends with 0 or 1.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { interruption } from '../src/cli/interrupt.ts'
import { ROOT } from './bundle.ts'
import { look, showLive } from './testnet/live-table.ts'
import { type NetOptions, TestNet } from './testnet/net.ts'
import type { Scenario } from './testnet/scenario.ts'
import { Traffic } from './testnet/traffic.ts'

/** Of a net that only runs. Milliseconds. */
const MESSAGE_EACH = 500

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: 'string' },
    servers: { type: 'string' },
    relays: { type: 'string' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false }
  }
})
const seed = flags.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(flags.seed)
const signal = interruption(['SIGINT', 'SIGTERM', 'SIGHUP'])
// the terminal or the program that reads this is gone
process.stdout.once('error', () => process.kill(process.pid, 'SIGHUP')).on('error', () => {})

/** What the command line says, over what the scenario needs. */
function optionsOver(fallback: NetOptions): NetOptions {
  const of = (name: keyof NetOptions): number => {
    const number = Number(flags[name] ?? fallback[name])
    if (Number.isInteger(number) && number >= (name === 'relays' ? 0 : 1)) return number
    throw new Error(`--${name} takes a number, and "${flags[name]}" is not one`)
  }
  return { nodes: of('nodes'), servers: of('servers'), relays: of('relays') }
}

/** Mulberry32: the same numbers from the same seed. */
function randomFrom(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

async function check(name: string): Promise<boolean> {
  const file = join(ROOT, 'scripts/scenarios', `${name}.ts`)
  if (!/^[a-z-]+$/.test(name) || !existsSync(file))
    throw new Error(`there is no scenario "${name}" in scripts/scenarios`)
  const scenario = ((await import(file)) as { default: Scenario }).default
  const options = optionsOver(scenario.net)
  console.log(`${name}: ${scenario.title}\n  ${options.nodes} agents, --seed ${seed}`)
  const begun = performance.now()
  const note = (line: string): void =>
    console.log(`  ${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${line}`)
  await using net = new TestNet(options)
  if (flags.keep) net.keep()
  const random = randomFrom(seed)
  const traffic = new Traffic(net, random)
  const interrupted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  interrupted.catch(() => {})
  try {
    await Promise.race([interrupted, net.start()])
    note('all are registered')
    await Promise.race([interrupted, scenario.run({ net, traffic, random, note, signal })])
    console.log(`ok  ${name}`)
    if (flags.keep) console.log(`kept: ${net.folder}`)
    return true
  } catch (error) {
    if (signal.aborted) throw error
    net.keep()
    console.log(`FAILED  ${name}: ${(error as Error).message}\n${await look(net)}\nlogs: ${net.logs}`)
    return false
  } finally {
    await traffic.end().catch(() => {})
  }
}

async function run(): Promise<void> {
  const options = optionsOver({ nodes: 6, servers: 1, relays: 1 })
  console.log(`starting ${options.servers} servers, ${options.relays} relays and ${options.nodes} agents`)
  await using net = new TestNet(options)
  if (flags.keep) net.keep()
  console.log(net.folder)
  const over = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
  const traffic = new Traffic(net, randomFrom(seed))
  const stop = showLive(net)
  try {
    await Promise.race([over, net.start()])
    if (!signal.aborted) {
      console.log('all are registered')
      traffic.begin(MESSAGE_EACH)
    }
    await over
  } catch (error) {
    net.keep()
    console.log(`logs: ${net.logs}`)
    throw error
  } finally {
    stop()
    console.log('taking it down')
    await traffic.end()
  }
  if (flags.keep) console.log(`kept: ${net.folder}`)
}

let failed = 0
try {
  if (flags.check) {
    for (const name of positionals.length === 0 ? ['smoke'] : positionals) if (!(await check(name))) failed++
  } else await run()
} catch (error) {
  if (!signal.aborted) throw error
  // told by the exit status
}
process.exit(signal.aborted && flags.check ? 130 : Math.min(failed, 1))
