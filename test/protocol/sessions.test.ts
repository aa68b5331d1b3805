import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { isTalosError, type TalosError } from '../../src/errors.ts'
import { acceptChangedKey, changedKey, listSessions } from '../../src/protocols/sessions/index.ts'
import { startAgent, type TestAgent } from '../support/agents.ts'

const textOf = ({ plaintext }: { plaintext: Uint8Array }): string => Buffer.from(plaintext).toString()

const soon = () => AbortSignal.timeout(10_000)
const connect = (from: TestAgent, to: TestAgent) => from.node.dial(to.node.getMultiaddrs(), { signal: soon() })

/** Sends as a protocol would: seals, carries the bytes over, opens; heals once as the tunnel does. Returns what arrived. */
async function send(from: TestAgent, to: TestAgent, text: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    const message = await from.sessions.seal(await connect(from, to), Buffer.from(text), soon())
    try {
      return textOf(await to.sessions.open(from.node.peerId, message))
    } catch (error) {
      if (tries > 0 || !isTalosError(error)) throw error
      const unreadable = to.sessions.explain(from.node.peerId, message, error)
      await from.sessions.heal(to.node.peerId, unreadable)
    }
  }
}

async function pair() {
  const alice = await startAgent()
  const bob = await startAgent()
  return {
    alice,
    bob,
    [Symbol.asyncDispose]: async () => {
      await alice[Symbol.asyncDispose]()
      await bob[Symbol.asyncDispose]()
    }
  }
}

test('two agents agree on a session and talk both ways', async () => {
  await using p = await pair()
  expect(await send(p.alice, p.bob, 'hello')).toBe('hello')
  expect(await send(p.bob, p.alice, 'hello yourself')).toBe('hello yourself')
  for (let i = 0; i < 20; i++) {
    expect(await send(p.alice, p.bob, `a${i}`)).toBe(`a${i}`)
    expect(await send(p.bob, p.alice, `b${i}`)).toBe(`b${i}`)
  }
  expect(p.alice.events).toEqual(['opened', 'confirmed'])
  expect(p.bob.events).toEqual(['opened', 'confirmed'])
  expect(await listSessions(p.bob.store, crypto)).toMatchObject([
    { peer: p.alice.node.peerId.toString(), sessions: 1, confirmed: true }
  ])
})

test('how a session began is recorded by both sides, under one name once each knows of the other', async () => {
  await using p = await pair()
  const [alice, bob] = [p.alice.node.peerId.toString(), p.bob.node.peerId.toString()]
  const agreed = { 'opened-by': alice, handshake: 'PQXDH: X25519 + ML-KEM-768', 'one-time': 'yes' }
  await send(p.alice, p.bob, 'one')
  const begun = await p.alice.recorded()
  expect(begun).toEqual([{ ...agreed, event: 'begun', peer: bob, session: expect.any(Uint8Array) }])
  const session = begun[0]!['session'] as Uint8Array
  const operation = `session/${Buffer.from(session).toString('hex')}`
  expect(await p.bob.recorded()).toEqual([{ ...agreed, event: 'answered', peer: alice, session, operation }])
  await send(p.bob, p.alice, 'two')
  await send(p.alice, p.bob, 'three')
  expect(await p.alice.recorded()).toEqual([begun[0], { ...agreed, event: 'confirmed', peer: bob, session, operation }])
  expect(await p.bob.recorded()).toHaveLength(1)
})

test('what is opened says whether it may be a replay', async () => {
  await using p = await pair()
  const [alice, bob] = [p.alice.node.peerId, p.bob.node.peerId]
  const first = await p.alice.sessions.seal(await connect(p.alice, p.bob), Buffer.from('one'), soon())
  expect(await p.bob.sessions.open(alice, first)).toMatchObject({ confirmed: false, oneTime: true })
  const answer = await p.bob.sessions.seal(await connect(p.bob, p.alice), Buffer.from('two'), soon())
  expect(await p.alice.sessions.open(bob, answer)).toMatchObject({ confirmed: true, oneTime: true })
  const third = await p.alice.sessions.seal(await connect(p.alice, p.bob), Buffer.from('three'), soon())
  expect(await p.bob.sessions.open(alice, third)).toMatchObject({ confirmed: true, oneTime: true })
})

test('messages that are sealed at once for a new peer take one handshake', async () => {
  await using p = await pair()
  const connection = await connect(p.alice, p.bob)
  const gone = AbortSignal.abort(new Error('not waited for'))
  const seals = Array.from({ length: 20 }, (_, i) => p.alice.sessions.seal(connection, Buffer.from(`m${i}`), soon()))
  const given = p.alice.sessions.seal(connection, Buffer.from('given up'), gone)
  await expect(given).rejects.toThrow('not waited for')
  for (const [i, message] of (await Promise.all(seals)).entries()) {
    expect(textOf(await p.bob.sessions.open(p.alice.node.peerId, message))).toBe(`m${i}`)
  }
  expect(p.alice.events).toEqual(['opened'])
  expect(p.bob.events).toEqual(['opened'])
})

test('a session goes on after both sides were restarted', async () => {
  await using p = await pair()
  await send(p.alice, p.bob, 'one')
  await send(p.bob, p.alice, 'two')
  await p.alice.restart()
  await p.bob.restart()
  expect(await send(p.alice, p.bob, 'three')).toBe('three')
  expect(await send(p.bob, p.alice, 'four')).toBe('four')
  expect(p.alice.events).toEqual(['opened', 'confirmed'])
})

test('a peer that lost its disk is healed by a new handshake, and both sides are told', async () => {
  await using p = await pair()
  await send(p.alice, p.bob, 'one')
  await send(p.bob, p.alice, 'two')
  await p.bob.forget()
  expect(await send(p.alice, p.bob, 'three')).toBe('three')
  expect(p.alice.events).toEqual(['opened', 'confirmed', 'abandoned', 'opened'])

  await send(p.bob, p.alice, 'four')
  await send(p.alice, p.bob, 'five')
  await p.alice.forget()
  expect(await send(p.alice, p.bob, 'six')).toBe('six')
  expect(p.bob.events).toContain('replaced')
  expect((await p.alice.recorded()).map(({ event }) => event)).toContain('abandoned')
  expect((await p.bob.recorded()).map(({ event }) => event)).toContain('replaced')
})

test('both sides opening at once converge on one session', async () => {
  await using p = await pair()
  const connection = await connect(p.alice, p.bob)
  const back = await connect(p.bob, p.alice)
  const [fromAlice, fromBob] = await Promise.all([
    p.alice.sessions.seal(connection, Buffer.from('from alice'), soon()),
    p.bob.sessions.seal(back, Buffer.from('from bob'), soon())
  ])
  expect(textOf(await p.bob.sessions.open(p.alice.node.peerId, fromAlice))).toBe('from alice')
  expect(textOf(await p.alice.sessions.open(p.bob.node.peerId, fromBob))).toBe('from bob')
  for (let i = 0; i < 3; i++) {
    expect(await send(p.alice, p.bob, `a${i}`)).toBe(`a${i}`)
    expect(await send(p.bob, p.alice, `b${i}`)).toBe(`b${i}`)
  }
})

test('forged, truncated and replayed messages are refused, and the next genuine one opens', async () => {
  await using p = await pair()
  await send(p.alice, p.bob, 'one')
  await send(p.bob, p.alice, 'two')
  const peer = p.alice.node.peerId
  const genuine = await p.alice.sessions.seal(await connect(p.alice, p.bob), Buffer.from('three'), soon())
  for (const bad of [
    genuine.map((byte, i) => (i === genuine.length - 1 ? byte ^ 1 : byte)),
    genuine.subarray(0, genuine.length - 1),
    genuine.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
    randomBytes(100),
    new Uint8Array()
  ]) {
    await expect(p.bob.sessions.open(peer, bad)).rejects.toMatchObject({ name: 'TalosError' })
  }
  expect(textOf(await p.bob.sessions.open(peer, genuine))).toBe('three')
  await expect(p.bob.sessions.open(peer, genuine)).rejects.toMatchObject({ code: 'SESSION_DUPLICATE' })
})

test('a message replayed as another peer’s is refused', async () => {
  await using p = await pair()
  await using mallory = await startAgent()
  const message = await p.alice.sessions.seal(await connect(p.alice, p.bob), Buffer.from('one'), soon())
  await expect(p.bob.sessions.open(mallory.node.peerId, message)).rejects.toMatchObject({
    code: 'SESSION_PEER_MISMATCH'
  })
})

test('a handshake replayed from the wire starts nothing', async () => {
  await using p = await pair()
  const first = await p.alice.sessions.seal(await connect(p.alice, p.bob), Buffer.from('one'), soon())
  await p.bob.sessions.open(p.alice.node.peerId, first)
  await expect(p.bob.sessions.open(p.alice.node.peerId, first)).rejects.toMatchObject({ code: 'SESSION_DUPLICATE' })
})

test('a peer that sends rubbish is throttled, and others are not', async () => {
  await using p = await pair()
  await using mallory = await startAgent()
  await send(p.alice, p.bob, 'one')
  const codes = new Set<string>()
  for (let i = 0; i < 40; i++) {
    await p.bob.sessions.open(mallory.node.peerId, randomBytes(200)).catch((error: TalosError) => codes.add(error.code))
  }
  expect(codes).toContain('SESSION_THROTTLED')
  expect(await send(p.alice, p.bob, 'two')).toBe('two')
})

test('prekeys are given to nobody who is not authorised, and to nobody without end', async () => {
  await using bob = await startAgent({ mayBegin: () => false })
  await using alice = await startAgent()
  await expect(send(alice, bob, 'one')).rejects.toMatchObject({ code: 'SESSION_NOT_AUTHORISED' })

  await using carol = await startAgent()
  const connection = await connect(alice, carol)
  let refused: unknown
  for (let i = 0; i < 20 && refused === undefined; i++) {
    await alice.forget()
    await alice.sessions.seal(connection, Buffer.from('x'), soon()).catch(error => {
      refused = error
    })
  }
  expect(refused).toMatchObject({ code: 'SESSION_BUSY' })
})

test('processes that share a data directory never use a key twice', async () => {
  await using p = await pair()
  await send(p.alice, p.bob, 'one')
  await send(p.bob, p.alice, 'two')
  const connection = await connect(p.alice, p.bob)
  // two users of one store at a time, as two mcp-connect processes are; LevelDB lets in one after the other
  const messages = await Promise.all(
    Array.from({ length: 20 }, (_, i) => p.alice.sessions.seal(connection, Buffer.from(`m${i}`), soon()))
  )
  const texts = []
  for (const message of messages.reverse()) {
    texts.push(textOf(await p.bob.sessions.open(p.alice.node.peerId, message)))
  }
  expect(new Set(texts).size).toBe(20)
})

test('a peer with another agreement key is refused until that very key is accepted, from either side', async () => {
  const seed = randomBytes(32)
  await using bob = await startAgent()
  const alice = await startAgent({ seed })
  await send(alice, bob, 'one')
  await send(bob, alice, 'two')
  await alice[Symbol.asyncDispose]()

  await using renewed = await startAgent({ seed }) // the same PeerId, another agreement key
  for (const again of ['three', 'three again']) {
    await expect(send(renewed, bob, again)).rejects.toMatchObject({ code: 'SESSION_IDENTITY_CHANGED' })
  }
  await expect(send(bob, renewed, 'four')).rejects.toMatchObject({ code: expect.stringMatching(/^SESSION_/) })
  const peer = renewed.node.peerId.toString()
  expect(await listSessions(bob.store, crypto)).toMatchObject([{ peer, keyChanged: true }])

  const { pinned, offered } = await changedKey(bob.store, crypto, peer)
  const refused = (await bob.recorded()).filter(({ event }) => event === 'key-refused')
  expect(refused).toEqual([{ event: 'key-refused', peer, pinned, offered }])
  expect(Buffer.compare(pinned, offered)).not.toBe(0)
  await expect(acceptChangedKey(bob.store, crypto, peer, pinned, async () => {})).rejects.toMatchObject({
    code: 'SESSION_KEY_NOT_CHANGED'
  })
  await acceptChangedKey(bob.store, crypto, peer, offered, async (_, entries) => {
    expect(entries).toMatchObject([
      {
        kind: 'SESSION',
        fields: [
          { value: 'key-accepted' },
          { value: peer },
          { name: 'pinned', value: pinned },
          { name: 'offered', value: offered }
        ]
      }
    ])
  })
  expect(await send(renewed, bob, 'five')).toBe('five')
  expect(await send(bob, renewed, 'six')).toBe('six')
  await expect(changedKey(bob.store, crypto, peer)).rejects.toMatchObject({ code: 'SESSION_KEY_NOT_CHANGED' })
})
