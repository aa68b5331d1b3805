import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LiveAgent, type LiveProcess } from '../support/live-process.ts'
import { eventually } from '../support/processes.ts'
import { TALOS } from '../support/talos.ts'
import { TalosWorld } from '../support/talos-world.ts'

const PAGE = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
const CLOCK = new URL('../../docker/clock.mjs', import.meta.url).pathname

/** Names with their labels, as the documentation has them, of one of its sections. */
function documented(heading: string): string[] {
  const section = PAGE.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!
  return [...section.matchAll(/^\| `([a-z_]+)(?:\{[a-z,]+\})?` \|/gm)].map(match => match[1]!)
}

async function scrape(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) })).text()
}

const names = (text: string): string[] => [...text.matchAll(/^# TYPE (\S+)/gm)].map(match => match[1]!).sort()

/** The value of one time series. */
function value(text: string, series: string): number {
  const line = text.split('\n').find(candidate => candidate.startsWith(`${series} `))
  if (line === undefined) throw new Error(`no ${series} in\n${text}`)
  return Number(line.slice(series.length + 1))
}

const metricsUrl = async (live: LiveProcess, event: string): Promise<string> =>
  (await live.event<{ metricsUrl: string }>(event)).metricsUrl

test('what is measured is what the documentation lists, and counts what happened', async context => {
  const world = new TalosWorld(context)
  await world.startServer('0', ['--metrics-port', '0'])
  const [alice, bob] = [await world.machine('alice'), await world.machine('bob')]
  const serve = ['--authorized-peer', bob.peerId, '--metrics-port', '0', '--command', `${process.execPath} ${CLOCK}`]
  const serving = alice.start('mcp-serve', ...serve)
  await serving.event('registered')
  bob.env['DEBUG'] = 'talos:*'
  const daemon = bob.start('daemon', '--metrics-port', '0', '--log-format', 'json')
  await daemon.event('registered')
  const server = await metricsUrl(world.server, 'ready')
  const [host, agent] = [await metricsUrl(serving, 'serving'), await metricsUrl(daemon, 'ready')]
  for (const url of [server, host, agent]) {
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ ready: true })
    expect(await (await fetch(`${url}/healthz`)).json()).toMatchObject({ status: 'ok', ready: true })
  }

  await bob.json('send', 'alice', 'the content of a message', '--wait', '20s')
  const connect = new LiveAgent(
    { file: process.execPath, args: [TALOS, 'mcp-connect', 'alice', '--data-dir', bob.dataDir] },
    bob.env
  )
  context.onTestFinished(() => connect.kill())
  await connect.initialize()
  await connect.agent.write({ id: 2, method: 'tools/call', params: { name: 'now', arguments: {} } })
  expect((await connect.agent.answer(2)).result).toBeDefined()
  await connect.agent.write({ id: 3, method: 'no/such', params: {} })
  expect((await connect.agent.answer(3)).error).toBeDefined()

  await eventually(async () => value(await scrape(agent), 'talos_messages_total{state="delivered"}') === 1)
  const [ofServer, ofHost, ofAgent] = await Promise.all([server, host, agent].map(scrape))
  const ofAll = [...documented('Of every process'), ...documented('Of the chain that is shared')]
  expect(names(ofServer!)).toEqual([...ofAll, ...documented('Of a server')].sort())
  for (const text of [ofHost!, ofAgent!]) expect(names(text)).toEqual([...ofAll, ...documented('Of an agent')].sort())
  expect(value(ofHost!, 'talos_messages_total{state="received"}')).toBe(1)
  expect(value(ofHost!, 'talos_messages_waiting{box="inbox"}')).toBe(1)
  for (const reason of ['unreadable-here', 'unreadable-there', 'forged']) {
    for (const text of [ofHost!, ofAgent!]) {
      expect(value(text, `talos_messages_refused_total{reason="${reason}"}`)).toBe(0)
    }
  }
  for (const text of [ofHost!, ofAgent!]) {
    expect(value(text, 'talos_audit_records')).toBeGreaterThan(0)
    expect(value(text, 'talos_audit_waiting_records')).toBeLessThanOrEqual(value(text, 'talos_audit_records'))
    expect(value(text, 'talos_audit_seal_failures_total')).toBe(0)
  }
  await eventually(async () => {
    const text = await scrape(agent)
    return value(text, 'talos_audit_height') > 0 && value(text, 'talos_audit_waiting_records') === 0
  })
  expect(value(ofHost!, 'talos_tunnel_sessions')).toBe(1)
  // initialize and the call of the tool
  expect(value(ofHost!, 'talos_tunnel_calls_total{outcome="result"}')).toBe(2)
  expect(value(ofHost!, 'talos_tunnel_calls_total{outcome="error"}')).toBe(1)
  expect(value(ofHost!, 'talos_tunnel_call_seconds_count')).toBe(3)
  expect(value(ofHost!, 'talos_sessions')).toBe(1)
  expect(value(ofAgent!, 'talos_sessions')).toBe(1)
  expect(value(ofAgent!, 'talos_messages_waiting{box="outbox"}')).toBe(0)
  expect(value(ofAgent!, 'talos_connections{path="direct"}')).toBeGreaterThan(0)
  expect(value(ofServer!, 'talos_registry_registrations')).toBe(2)

  const all = [ofServer, ofHost, ofAgent].join('\n')
  for (const secret of [alice.peerId, bob.peerId, 'alice', 'bob', 'the content', '127.0.0.1', '/ip4/', '"now"']) {
    expect(all).not.toContain(secret)
  }
  await Promise.all([serving, daemon].map(live => live.kill('SIGTERM')))
  const onStderr = daemon.said.filter(line => !line.startsWith('{"event":'))
  for (const line of onStderr) expect(JSON.parse(line)).toMatchObject({ level: 'info', message: expect.any(String) })
  expect(onStderr.length).toBeGreaterThan(0)
}, 120_000)

test('what a server relays is counted', async context => {
  const world = new TalosWorld(context)
  await world.startServer('0', ['--metrics-port', '0'])
  const url = await metricsUrl(world.server, 'ready')
  const [alice, bob] = [await world.machine('alice'), await world.machine('bob')]
  // where nobody listens: what remains is the relay
  alice.env['TALOS_ANNOUNCE'] = '/ip4/127.0.0.1/tcp/9'
  const daemon = alice.start('daemon')
  await daemon.event('registered')
  const before = value(await scrape(url), 'talos_relay_bytes_total')
  const text = 'x'.repeat(100_000)
  expect(await bob.json('send', 'alice', text, '--wait', '20s')).toMatchObject({ state: 'delivered' })
  expect(value(await scrape(url), 'talos_relay_bytes_total') - before).toBeGreaterThan(text.length)
}, 120_000)
