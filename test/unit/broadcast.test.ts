import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { UuidSource } from '../../src/crypto/uuid.ts'
import { Demand } from '../../src/protocols/broadcast/demand.ts'
import { signBroadcast } from '../../src/protocols/broadcast/envelope.ts'
import { Guard } from '../../src/protocols/broadcast/guard.ts'
import { Memory } from '../../src/protocols/broadcast/memory.ts'
import { nameOfPath, topicName, topicPath } from '../../src/protocols/broadcast/topics.ts'
import { BROADCAST_NOW, broadcastCases, makeBroadcastVectors } from '../support/broadcast-vectors.ts'
import { vectorReader } from '../support/python.ts'

// A change here is a change of the wire: it needs another version of the topic. When that is meant, remove the
// file and run this test: it writes the vectors anew.
test('the frozen vectors are made again, byte for byte', async () => {
  await expect(`${JSON.stringify(makeBroadcastVectors(), null, 2)}\n`).toMatchFileSnapshot('../vectors/broadcast.json')
})

test('every case of the vectors is judged as the specification says', () => {
  const guard = new Guard({ crypto, now: () => BROADCAST_NOW })
  for (const { name, verdict, envelope } of broadcastCases()) {
    const judged = guard.judge('12D3KooWsomebody', 'weather', envelope, 1)
    expect(typeof judged === 'string' ? judged : 'accept', name).toBe(verdict)
  }
})

const python = vectorReader('broadcast')

test.skipIf(python.missing)('Python judges them alike, from the specification alone', () => {
  const short = broadcastCases().filter(({ envelope }) => envelope.length <= 1024)
  expect(python.read()).toBe(`${short.length} cases judged\n`)
})

test('any changed bit is rejected, or changes nothing that was signed', () => {
  const { envelope } = broadcastCases()[0]!
  const genuine = new Guard({ crypto, now: () => BROADCAST_NOW }).judge('x', 'weather', envelope, 1)
  let refused = 0
  for (let bit = 0; bit < envelope.length * 8; bit++) {
    const changed = envelope.slice()
    changed[bit >> 3]! ^= 1 << (bit & 7)
    const judged = new Guard({ crypto, now: () => BROADCAST_NOW }).judge('x', 'weather', changed, 1)
    if (typeof judged === 'object') expect(judged, `bit ${bit}`).toEqual(genuine)
    else refused++
  }
  // a few bits of the wrapper mean nothing to a protobuf decoder
  expect(refused).toBeGreaterThan(envelope.length * 8 - 8)
})

test('a forged copy that comes first does not keep the genuine one out, nor use up its sender', () => {
  const guard = new Guard({ crypto, now: () => BROADCAST_NOW })
  const { envelope } = broadcastCases()[0]!
  for (let copy = 0; copy < 200; copy++) {
    const forged = envelope.slice()
    forged[forged.length - 1 - (copy % 32)]! ^= 1 + (copy >> 5)
    expect(guard.judge(`forger ${copy}`, 'weather', forged, 1)).toBe('reject')
  }
  expect(guard.judge('honest', 'weather', envelope, 1)).toHaveProperty('accept')
})

test('faults of a peer lower its score until it is ignored, and are forgiven in time', () => {
  let now = BROADCAST_NOW
  const guard = new Guard({ crypto, now: () => now })
  expect(guard.score('peer')).toBe(-0)
  guard.judge('peer', 'weather', new Uint8Array(3), 1)
  expect(guard.score('peer')).toBe(-10)
  for (let more = 0; more < 20; more++) guard.judge('peer', 'weather', new Uint8Array(3), 1)
  expect(guard.score('peer')).toBe(-100)
  expect(guard.score('another')).toBe(-0)
  now += 1_000_000
  expect(guard.score('peer')).toBe(-0)
})

test('one sender is heard 60 times at once and 5 times a second; others still are', () => {
  let now = BROADCAST_NOW
  const guard = new Guard({ crypto, now: () => now })
  const [loud, quiet] = [crypto.ed25519.generate(), crypto.ed25519.generate()]
  const say = (signer: typeof loud): boolean => {
    const fields = {
      id: new UuidSource(() => now, crypto.randomBytes).next(),
      timestamp: now,
      contentType: 'text/plain'
    }
    const envelope = signBroadcast({ ...fields, topic: 'weather', content: new Uint8Array(10) }, signer)
    return typeof guard.judge('peer', 'weather', envelope, 1) === 'object'
  }
  expect(Array.from({ length: 100 }, () => say(loud)).filter(Boolean)).toHaveLength(60)
  expect(say(quiet)).toBe(true)
  now += 1_000
  expect(Array.from({ length: 100 }, () => say(loud)).filter(Boolean)).toHaveLength(5)
  expect(guard.score('peer')).toBe(-0)
})

test('a forwarder sends no more than its rate, whatever the number of listeners', () => {
  const guard = new Guard({ crypto, now: () => BROADCAST_NOW, forwardRate: { burst: 100_000, perSecond: 1 } })
  const signer = crypto.ed25519.generate()
  const say = (audience: number): boolean => {
    const fields = { id: new UuidSource(() => BROADCAST_NOW, crypto.randomBytes).next(), timestamp: BROADCAST_NOW }
    const content = new Uint8Array(1_000)
    const envelope = signBroadcast({ ...fields, topic: 'weather', contentType: 'a/b', content }, signer)
    return typeof guard.judge('peer', 'weather', envelope, audience) === 'object'
  }
  expect(say(40)).toBe(true)
  expect(say(40)).toBe(true)
  expect(say(40)).toBe(false)
  expect(say(1)).toBe(true)
})

test('whatever comes in which order, nothing is let through twice and memory stays bounded', () => {
  const arrivals = fc.array(
    fc.record({ key: fc.nat(50), age: fc.integer({ min: -12_000, max: 12_000 }), step: fc.nat(2_000) }),
    { maxLength: 300 }
  )
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 20 }), (some, max) => {
      const memory = new Memory(10_000, max)
      const times = new Map<number, number>()
      const seen = new Set<number>()
      let now = 1_000_000
      for (const { key, age, step } of some) {
        now += step
        const time = times.get(key) ?? now + age
        times.set(key, time)
        if (!memory.covers(time, now) || memory.has(String(key), time)) continue
        expect(seen.has(key)).toBe(false)
        seen.add(key)
        memory.add(String(key), time, now)
        expect(memory.size).toBeLessThanOrEqual(max)
      }
    })
  )
})

test('a forwarder joins what is listened to, within its limits, and hands a free place to the first that waits', () => {
  const log: string[] = []
  const limits = { maxTopics: 2, maxTopicsPerPeer: 3 }
  const demand = new Demand(
    limits,
    topic => log.push(`+${topic}`),
    topic => log.push(`-${topic}`)
  )
  for (const topic of ['a', 'b', 'c', 'd']) demand.add('one', topic)
  demand.add('two', 'd')
  demand.add('two', 'a')
  expect(log).toEqual(['+a', '+b'])
  demand.remove('one', 'a')
  expect(log).toHaveLength(2)
  demand.remove('two', 'a')
  expect(log).toEqual(['+a', '+b', '-a', '+c'])
  demand.removePeer('one')
  expect(log.slice(4)).toEqual(['-b', '+d', '-c'])
  demand.removePeer('two')
  demand.remove('two', 'd')
  expect([...demand.joined]).toEqual([])
})

test('a topic follows the rules of names, and has one spelling', () => {
  expect(topicName('Weather')).toBe('weather')
  expect(topicPath('weather')).toBe('/talos/broadcast/weather/1')
  expect(nameOfPath('/talos/broadcast/weather/1')).toBe('weather')
  for (const bad of ['', '*', 'a b', '../x', 'ü', '12D3KooWabc', 'a'.repeat(64)]) {
    expect(() => topicName(bad), bad).toThrow(expect.objectContaining({ code: 'BROADCAST_TOPIC_INVALID' }))
    expect(nameOfPath(topicPath(bad)), bad).toBeUndefined()
  }
  for (const path of [
    '/talos/broadcast/Weather/1',
    '/talos/broadcast/weather/2',
    '/x/weather/1',
    '/talos/broadcast/1'
  ]) {
    expect(nameOfPath(path), path).toBeUndefined()
  }
})
