import { once } from 'node:events'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { didKeyOf, hexOf, peerIdOf } from '../../src/crypto/peer-key.ts'
import { findPeers } from '../../src/node/directory/inquire.ts'
import { openStorage, type Storage } from '../../src/node/storage.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import {
  CLOCK_SKEW,
  MAX_LIFETIME,
  MAX_REQUEST_LENGTH,
  REGISTRY_PROTOCOL,
  STATUS
} from '../../src/protocols/registry/constants.ts'
import { type RegistryClient, registryClient, registryServer } from '../../src/protocols/registry/index.ts'
import { Request, Response } from '../../src/protocols/registry/pb/registry.ts'
import {
  openRegistration,
  type Registration,
  type SignedRegistration,
  signRegistration
} from '../../src/protocols/registry/registration.ts'
import type { RegistryServerInit } from '../../src/protocols/registry/server.ts'
import { type AgentNode, type Party, party, startAgent } from '../support/network.ts'
import { startNode, within } from '../support/nodes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const HOUR = 3_600_000
const ADDRESS = multiaddr('/ip4/192.0.2.7/tcp/4001')

interface Registry extends AsyncDisposable {
  node: Awaited<ReturnType<typeof startNode>>
  clock: { now: number }
  answers: string[]
  /** A connected agent with a client of its own identity. */
  agent(who?: Party): Promise<AgentNode & { party: Party }>
}

async function startRegistry(init: Partial<RegistryServerInit> = {}, storage?: Storage): Promise<Registry> {
  const opened = storage ?? (await openStorage(temporaryFolder()))
  const clock = { now: Date.now() }
  const answers: string[] = []
  const node = await startNode({
    role: 'server',
    services: {
      registry: registryServer({
        database: opened.of('registry'),
        now: () => clock.now,
        onAnswer: (request, status) => answers.push(`${request} ${status}`),
        ...init
      })
    }
  })
  const agents: AgentNode[] = []
  return {
    node,
    clock,
    answers,
    agent: async (who = party()) => {
      const agent = await startAgent({ signer: who.signer })
      agents.push(agent)
      await agent.dial(node.getMultiaddrs())
      return Object.assign(agent, { party: who })
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(agents.map(async agent => agent.stop()))
      await node.stop()
      if (storage === undefined) await opened.close()
    }
  }
}

function registration(who: Party, changes: Partial<Registration> = {}): Registration {
  const now = Date.now()
  return {
    name: 'alice',
    publicKey: who.signer.publicKey,
    addresses: [ADDRESS],
    mailboxes: [],
    issuedAt: now,
    expiresAt: now + HOUR,
    sequence: now,
    ...changes
  }
}

function signed(who: Party, changes: Partial<Registration> = {}): SignedRegistration {
  return signRegistration(registration(who, changes), who.signer)
}

/** A stream that speaks frames of our own making. */
async function rawStream(
  agent: AgentNode,
  registry: Registry
): Promise<FrameStream & { ask(request: Uint8Array): Promise<Response> }> {
  const stream = await agent.dialProtocol(registry.node.peerId, REGISTRY_PROTOCOL)
  const frames = new FrameStream(stream, { maxFrameLength: 1024 * 1024 })
  return Object.assign(frames, {
    ask: async (request: Uint8Array) => {
      await frames.write(request)
      return Response.decode((await within(frames.read(), 'an answer'))!)
    }
  })
}

function register({ registration, signature }: SignedRegistration): Uint8Array {
  return Request.encode({
    register: { registration: Uint8Array.from(registration), signature: Uint8Array.from(signature) }
  })
}

describe('a registration', () => {
  test('is found by name, key and prefix, with the addresses that were signed', async () => {
    await using registry = await startRegistry()
    const alice = await registry.agent()
    const { peerId } = registry.node
    const receipt = await alice.services.registry.register(
      peerId,
      { name: 'Alice', addresses: [ADDRESS] },
      alice.party.signer
    )
    expect(receipt.expiresAt).toBeGreaterThan(Date.now() + HOUR - 60_000)
    expect(receipt.heldUntil).toBeGreaterThan(receipt.expiresAt)

    const client = (await registry.agent()).services.registry
    const key = alice.party.signer.publicKey
    const byName = await client.lookUpName(peerId, 'aLICE')
    expect(byName).toMatchObject({ name: 'Alice', publicKey: key })
    expect(byName!.addresses.map(String)).toEqual([ADDRESS.toString()])
    expect(await client.lookUpKey(peerId, key)).toEqual(byName)
    for (const prefix of ['ali', peerIdOf(key).slice(0, 20), didKeyOf(key).slice(0, 30), hexOf(key).slice(0, 8)]) {
      expect(await client.find(peerId, prefix), prefix).toEqual([byName])
    }
    expect((await client.list(peerId)).registrations).toEqual([byName])
    expect(await client.lookUpName(peerId, 'alic')).toBeUndefined()
    expect(await client.lookUpKey(peerId, party().signer.publicKey)).toBeUndefined()
  })

  test('is listed in pages, in the order of the names', async () => {
    await using registry = await startRegistry()
    const names = Array.from({ length: 7 }, (_, index) => `agent-${index}`)
    for (const name of names.toReversed()) {
      const agent = await registry.agent()
      await agent.services.registry.register(registry.node.peerId, { name, addresses: [] }, agent.party.signer)
    }
    const client = (await registry.agent()).services.registry
    const listed: string[] = []
    let after: string | undefined = ''
    while (after !== undefined) {
      const page = await client.list(registry.node.peerId, { after, limit: 3 })
      expect(page.registrations.length).toBeLessThanOrEqual(3)
      listed.push(...page.registrations.map(({ name }) => name))
      after = page.next
    }
    expect(listed).toEqual(names)
  })

  test('moves to another name, and is taken back', async () => {
    await using registry = await startRegistry()
    const { peerId } = registry.node
    const alice = await registry.agent()
    const client = alice.services.registry
    await client.register(peerId, { name: 'old', addresses: [] }, alice.party.signer)
    await client.register(peerId, { name: 'new', addresses: [] }, alice.party.signer)
    expect(await client.lookUpName(peerId, 'old')).toBeUndefined()
    expect((await client.list(peerId)).registrations.map(({ name }) => name)).toEqual(['new'])
    await client.unregister(peerId)
    expect((await client.list(peerId)).registrations).toEqual([])
    const bob = await registry.agent()
    await bob.services.registry.register(peerId, { name: 'new', addresses: [] }, bob.party.signer)
  })

  test('survives a restart of the registry, and its name is kept', async () => {
    await using storage = await openStorage(temporaryFolder())
    const who = party()
    {
      await using registry = await startRegistry({}, storage)
      const alice = await registry.agent(who)
      await alice.services.registry.register(registry.node.peerId, { name: 'alice', addresses: [ADDRESS] }, who.signer)
    }
    await using registry = await startRegistry({}, storage)
    const bob = await registry.agent()
    const found = await bob.services.registry.lookUpName(registry.node.peerId, 'alice')
    expect(found?.publicKey).toEqual(who.signer.publicKey)
    const taken = bob.services.registry.register(
      registry.node.peerId,
      { name: 'ALICE', addresses: [] },
      bob.party.signer
    )
    await expect(taken).rejects.toMatchObject({ code: 'REGISTRY_NAME_TAKEN' })
  })
})

test('the first holder of a name keeps it while alive and for the hold time; the answer says who and until when', async () => {
  await using registry = await startRegistry({ limits: { holdTime: HOUR } })
  const { peerId } = registry.node
  const alice = await registry.agent()
  const receipt = await alice.services.registry.register(peerId, { name: 'alice', addresses: [] }, alice.party.signer)
  const bob = await registry.agent()
  const take = () =>
    bob.services.registry.register(peerId, { name: 'Alice', addresses: [], lifetime: 3 * HOUR }, bob.party.signer)
  await expect(take()).rejects.toMatchObject({
    code: 'REGISTRY_NAME_TAKEN',
    message: `the name 'Alice' is held by ${alice.party.peerId} until ${new Date(receipt.heldUntil).toISOString()}`
  })
  // over, but held
  registry.clock.now = receipt.expiresAt + CLOCK_SKEW
  expect(await bob.services.registry.lookUpName(peerId, 'alice')).toBeUndefined()
  await expect(take()).rejects.toMatchObject({ code: 'REGISTRY_NAME_TAKEN' })
  registry.clock.now = receipt.heldUntil
  await take()
  expect(await bob.services.registry.lookUpName(peerId, 'alice')).toMatchObject({
    publicKey: bob.party.signer.publicKey
  })
})

describe('the mailboxes that a registration names', () => {
  const mailbox = multiaddr(`/dns4/talos.example/tcp/8765/p2p/${party().peerId}`)
  const DAY = 24 * HOUR

  test('are found while the peer is away, for 14 days, and its addresses are not', async () => {
    await using registry = await startRegistry()
    const { peerId } = registry.node
    const alice = await registry.agent()
    const key = alice.party.signer.publicKey
    await alice.services.registry.register(
      peerId,
      { name: 'alice', addresses: [ADDRESS], mailboxes: [mailbox] },
      alice.party.signer
    )
    const bob = await registry.agent()
    const names = (one: { mailboxes: unknown[] } | undefined) => one?.mailboxes.map(String)
    expect(names(await bob.services.registry.lookUpMailboxes(peerId, key))).toEqual([mailbox.toString()])
    expect(names(await bob.services.registry.lookUpName(peerId, 'alice'))).toEqual([mailbox.toString()])
    expect(await bob.services.registry.lookUpMailboxes(peerId, bob.party.signer.publicKey)).toBeUndefined()

    const issuedAt = registry.clock.now
    await using later = await startNode<{ registry: RegistryClient }>({
      listen: [],
      services: { registry: registryClient({ now: () => registry.clock.now }) }
    })
    await later.dial(registry.node.getMultiaddrs())
    const client = later.services.registry
    for (const passed of [2 * HOUR, 3 * DAY, 14 * DAY - HOUR]) {
      registry.clock.now = issuedAt + passed
      expect(await client.lookUpKey(peerId, key)).toBeUndefined()
      expect(await client.lookUpName(peerId, 'alice')).toBeUndefined()
      expect((await client.list(peerId)).registrations).toEqual([])
      expect(names(await client.lookUpMailboxes(peerId, key))).toEqual([mailbox.toString()])
    }
    registry.clock.now = issuedAt + 14 * DAY + HOUR
    expect(await client.lookUpMailboxes(peerId, key)).toBeUndefined()
  })

  test('keep a registration that is over until they are of no use, unless room or its name is needed', async () => {
    await using storage = await openStorage(temporaryFolder())
    const { RegistryStore } = await import('../../src/protocols/registry/store.ts')
    const limits = { maxRegistrations: 3, maxPerAddress: 100, holdTime: HOUR }
    const store = await RegistryStore.open(storage.of('registry'), limits)
    const start = Date.now()
    const add = async (name: string, mailboxes: Registration['mailboxes'], now = start) => {
      const who = party()
      const record = registration(who, { name, mailboxes, issuedAt: now, expiresAt: now + HOUR })
      const { status } = await store.register(record, signRegistration(record, who.signer), 'here', now)
      return { status, key: who.signer.publicKey }
    }
    const [away, another] = [await add('away', [mailbox]), await add('another', [mailbox])]
    const brief = await add('brief', [])
    const next = start + 3 * HOUR
    expect(await store.byKey(brief.key, next, true)).toBeUndefined()
    expect(await store.sweep(next, 100)).toBe(1)
    expect(await store.byKey(away.key, next, true)).toBeDefined()
    expect(await store.byKey(away.key, next)).toBeUndefined()
    // its name is free after the hold time
    expect((await add('another', [], next)).status).toBe('ok')
    expect(await store.byKey(another.key, next, true)).toBeUndefined()
    expect((await add('third', [mailbox], next)).status).toBe('ok')
    // full: who is away gives way to who is there, although it would be swept later
    expect((await add('fourth', [], next)).status).toBe('ok')
    expect(await store.byKey(away.key, next, true)).toBeUndefined()
    expect((await add('fifth', [], next)).status).toBe('full')
    expect(await store.sweep(next + 15 * DAY, 100)).toBe(3)
    for await (const [key] of storage.of('registry').iterator()) expect.fail(`${key} is left behind`)
  })

  test('say whose they are, and are not too many', () => {
    const who = party()
    const read = (mailboxes: string[]) =>
      openRegistration(signed(who, { mailboxes: mailboxes.map(text => multiaddr(text)) }))
    expect(read([mailbox.toString()]).mailboxes).toHaveLength(1)
    for (const mailboxes of [
      ['/ip4/192.0.2.7/tcp/1'],
      [`/p2p/${who.peerId}`],
      [`/ip4/192.0.2.7/tcp/1/p2p/${who.peerId}/p2p-circuit`],
      Array.from({ length: 9 }, () => mailbox.toString()),
      [`/dns4/${'a'.repeat(300)}/tcp/1/p2p/${who.peerId}`]
    ]) {
      expect(() => read(mailboxes)).toThrowError(expect.objectContaining({ code: 'REGISTRY_RECORD_MALFORMED' }))
    }
  })

  test('all fit beside as many addresses of the greatest length', () => {
    const who = party()
    const host = 'a'.repeat(240)
    const whole = signed(who, {
      name: 'z'.repeat(63),
      addresses: Array.from({ length: 16 }, () => multiaddr(`/dns4/${host}/tcp/4001/ws`)),
      mailboxes: Array.from({ length: 8 }, () => multiaddr(`/dns4/${host}/tcp/4001/ws/p2p/${who.peerId}`))
    })
    expect(openRegistration(whole).mailboxes).toHaveLength(8)
    expect(register(whole).byteLength).toBeLessThanOrEqual(MAX_REQUEST_LENGTH)
  })
})

describe('a forged or foolish request gets its own answer and changes nothing', () => {
  test('another key, a bad signature, another peer’s record', async () => {
    await using registry = await startRegistry()
    const mallory = await registry.agent()
    const stream = await rawStream(mallory, registry)
    const victim = party()
    // the victim's own, genuine record over a stream that is not the victim's
    expect((await stream.ask(register(signed(victim)))).status).toBe(STATUS.notYours)
    // the victim's key, signed by another
    const forged = signRegistration(registration(victim), mallory.party.signer)
    expect((await stream.ask(register(forged))).status).toBe(STATUS.notYours)
    // the own key with a signature that is not for these bytes
    const own = signed(mallory.party)
    const other = signed(mallory.party, { name: 'other' })
    expect((await stream.ask(register({ ...own, signature: other.signature }))).status).toBe(STATUS.badSignature)
    // every bit of the signed bytes counts
    for (const index of own.registration.keys()) {
      const registration = own.registration.slice()
      registration[index]! ^= 1
      const { status } = await stream.ask(register({ ...own, registration }))
      expect([STATUS.badSignature, STATUS.malformed, STATUS.notYours, STATUS.badName], `byte ${index}`).toContain(
        status
      )
      // buckets refill by the clock
      registry.clock.now += 1_000
    }
    // signed without the label that separates it from other statements
    expect(
      (await stream.ask(register({ ...own, signature: mallory.party.signer.sign(own.registration) }))).status
    ).toBe(STATUS.badSignature)
    expect(registry.node.services).toMatchObject({ registry: { size: 0 } })
    expect((await stream.ask(register(own))).status).toBe(STATUS.ok)
  })

  test('an older sequence, and the same one with other content', async () => {
    await using registry = await startRegistry()
    const alice = await registry.agent()
    const stream = await rawStream(alice, registry)
    const first = signed(alice.party, { sequence: 100 })
    const second = signed(alice.party, { sequence: 101, name: 'second' })
    expect((await stream.ask(register(first))).status).toBe(STATUS.ok)
    expect((await stream.ask(register(second))).status).toBe(STATUS.ok)
    expect(await stream.ask(register(first))).toMatchObject({ status: STATUS.staleSequence, sequence: 101n })
    const twin = signed(alice.party, { sequence: 101, name: 'twin' })
    expect((await stream.ask(register(twin))).status).toBe(STATUS.staleSequence)
    // the same bytes again are an answer that was lost
    expect((await stream.ask(register(second))).status).toBe(STATUS.ok)
    // our client goes on from what the registry has
    const ahead = signed(alice.party, { sequence: Date.now() + 10 * HOUR })
    expect((await stream.ask(register(ahead))).status).toBe(STATUS.ok)
    await alice.services.registry.register(registry.node.peerId, { name: 'third', addresses: [] }, alice.party.signer)
  })

  test('times: expired, not yet valid, too long, backwards', async () => {
    await using registry = await startRegistry()
    const alice = await registry.agent()
    const stream = await rawStream(alice, registry)
    const now = registry.clock.now
    const cases: Array<[string, Partial<Registration>, number]> = [
      ['expired', { issuedAt: now - 2 * HOUR, expiresAt: now - CLOCK_SKEW }, STATUS.badTime],
      ['from the future', { issuedAt: now + CLOCK_SKEW + 1, expiresAt: now + HOUR }, STATUS.badTime],
      ['too long', { issuedAt: now, expiresAt: now + MAX_LIFETIME + 1 }, STATUS.badTime],
      ['backwards', { issuedAt: now + 1, expiresAt: now }, STATUS.badTime],
      ['a clock that is slow', { issuedAt: now - HOUR, expiresAt: now - CLOCK_SKEW + 1 }, STATUS.ok],
      ['a clock that is fast', { issuedAt: now + CLOCK_SKEW, expiresAt: now + HOUR, sequence: now + HOUR }, STATUS.ok]
    ]
    for (const [what, changes, status] of cases) {
      expect((await stream.ask(register(signed(alice.party, changes)))).status, what).toBe(status)
    }
  })

  test('names and addresses that cannot be', async () => {
    await using registry = await startRegistry()
    const alice = await registry.agent()
    const stream = await rawStream(alice, registry)
    const bad = [
      '',
      ' ',
      'a b',
      '-a',
      'a-',
      'ünï',
      'аlice',
      'a'.repeat(64),
      alice.party.peerId,
      hexOf(alice.party.signer.publicKey),
      '12D3KooWabc',
      'a\u202eb',
      'a\0'
    ]
    for (const name of bad) {
      expect((await stream.ask(register(signed(alice.party, { name })))).status, JSON.stringify(name)).toBe(
        STATUS.badName
      )
      registry.clock.now += 1_000
    }
    const elsewhere = [multiaddr(`/ip4/192.0.2.1/tcp/1/p2p/${party().peerId}`)]
    expect((await stream.ask(register(signed(alice.party, { addresses: elsewhere })))).status).toBe(STATUS.malformed)
    const many = Array.from({ length: 17 }, (_, port) => multiaddr(`/ip4/192.0.2.1/tcp/${port + 1}`))
    expect((await stream.ask(register(signed(alice.party, { addresses: many })))).status).toBe(STATUS.malformed)
    const long = [multiaddr(`/dns4/${'a.'.repeat(150)}example/tcp/1`)]
    expect((await stream.ask(register(signed(alice.party, { addresses: long })))).status).toBe(STATUS.malformed)
    const relayed = [multiaddr(`/ip4/192.0.2.1/tcp/1/p2p/${party().peerId}/p2p-circuit`)]
    expect((await stream.ask(register(signed(alice.party, { addresses: relayed })))).status).toBe(STATUS.ok)
  })

  test('an unknown request, none at all, bytes that are no protobuf, one that is too long', async () => {
    await using registry = await startRegistry()
    const stream = await rawStream(await registry.agent(), registry)
    expect((await stream.ask(Uint8Array.of(0xfa, 0x01, 0x00))).status).toBe(STATUS.unknownRequest)
    expect((await stream.ask(new Uint8Array())).status).toBe(STATUS.unknownRequest)
    expect((await stream.ask(Uint8Array.of(0x0a, 0xff))).status).toBe(STATUS.malformed)
    expect((await stream.ask(new Uint8Array(9_000))).status).toBe(STATUS.malformed)
    expect((await stream.ask(Request.encode({ lookUp: { away: false } }))).status).toBe(STATUS.malformed)
    expect((await stream.ask(Request.encode({ lookUp: { prefix: 'ab', away: false } }))).status).toBe(STATUS.malformed)
    expect((await stream.ask(Request.encode({ lookUp: { publicKey: new Uint8Array(31), away: false } }))).status).toBe(
      STATUS.malformed
    )
    // and the stream still serves
    expect((await stream.ask(Request.encode({ list: { after: '', limit: 0 } }))).status).toBe(STATUS.ok)
  })

  test('a frame that announces more than the limit ends the stream before it is read; so does one that is cut off', async () => {
    await using registry = await startRegistry()
    const agent = await registry.agent()
    for (const bytes of [Uint8Array.of(0xff, 0xff, 0xff, 0x7f), Uint8Array.of(0x05, 0x01)]) {
      const stream = await agent.dialProtocol(registry.node.peerId, REGISTRY_PROTOCOL)
      const closed = once(stream, 'close')
      stream.send(bytes)
      await stream.close()
      await within(closed, 'the stream is reset')
    }
    expect(
      (await (await rawStream(agent, registry)).ask(Request.encode({ list: { after: '', limit: 0 } }))).status
    ).toBe(STATUS.ok)
  })
})

describe('limits', () => {
  test('a peer that asks too fast is told when to come back, then cut off', async () => {
    await using registry = await startRegistry({ limits: { peerRate: { burst: 10, perSecond: 1 } } })
    const stream = await rawStream(await registry.agent(), registry)
    const list = Request.encode({ list: { after: '', limit: 0 } })
    expect((await stream.ask(list)).status).toBe(STATUS.ok)
    expect((await stream.ask(list)).status).toBe(STATUS.ok)
    expect(await stream.ask(list)).toMatchObject({ status: STATUS.rateLimited, retryAfter: 5_000 })
    registry.clock.now += 5_000
    expect((await stream.ask(list)).status).toBe(STATUS.ok)
    const flood = (async () => {
      for (let sent = 0; sent < 1_000; sent++) await stream.ask(list)
    })()
    await expect(within(flood, 'the stream is reset')).rejects.toThrow(/broke|closed|undefined/)
    // others are served
    expect((await (await rawStream(await registry.agent(), registry)).ask(list)).status).toBe(STATUS.ok)
  })

  test('10,000 registrations from one address stop at its share, and others still register', async () => {
    await using registry = await startRegistry({
      limits: { maxPerAddress: 20, maxRegistrations: 1_000, addressRate: { burst: 200, perSecond: 10 } }
    })
    const statuses = new Map<string, number>()
    const attacker = await registry.agent()
    const stream = await rawStream(attacker, registry)
    for (let sent = 0; sent < 10_000; sent++) {
      const status = await stream.ask(register(signed(attacker.party, { name: `n${sent}`, sequence: sent + 1 }))).then(
        answer => String(answer.status),
        () => 'cut off'
      )
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status === 'cut off') break
    }
    // one key is one registration, whatever it sends; then it is cut off
    expect(registry.node.services).toMatchObject({ registry: { size: 1 } })
    expect(statuses.get('cut off')).toBe(1)
    registry.clock.now += HOUR / 4

    let full = 0
    for (let made = 0; made < 30; made++) {
      const agent = await registry.agent()
      const answer = await (await rawStream(agent, registry)).ask(register(signed(agent.party, { name: `m${made}` })))
      if (answer.status === STATUS.full) full++
      registry.clock.now += 1_000
    }
    expect(full).toBe(11)
    expect(registry.node.services).toMatchObject({ registry: { size: 20 } })
  })

  test('when the registry is full, a name that is only held gives way to one that lives', async () => {
    await using registry = await startRegistry({ limits: { maxRegistrations: 2 } })
    const { peerId } = registry.node
    const agents = [await registry.agent(), await registry.agent(), await registry.agent()]
    const claim = (index: number, lifetime: number) =>
      agents[index]!.services.registry.register(
        peerId,
        { name: `agent-${index}`, addresses: [], lifetime },
        agents[index]!.party.signer
      )
    const { expiresAt } = await claim(0, HOUR)
    await claim(1, 2 * HOUR)
    await expect(claim(2, 2 * HOUR)).rejects.toMatchObject({ code: 'REGISTRY_FULL' })
    registry.clock.now = expiresAt + CLOCK_SKEW
    await claim(2, 2 * HOUR)
    const listed = await rawStream(agents[0]!, registry)
    const { page } = await listed.ask(Request.encode({ list: { after: '', limit: 0 } }))
    expect(page?.registrations).toHaveLength(2)
  })

  test('a stream that never reads is reset, and the registry serves on', async () => {
    await using registry = await startRegistry({
      readPatience: 500,
      limits: { peerRate: { burst: 1e9, perSecond: 1 }, addressRate: { burst: 1e9, perSecond: 1 } }
    })
    const alice = await registry.agent()
    const addresses = Array.from({ length: 16 }, (_, index) =>
      multiaddr(`/dns4/${'a'.repeat(200)}${index}.example/tcp/4001`)
    )
    await alice.services.registry.register(registry.node.peerId, { name: 'alice', addresses }, alice.party.signer)
    const mute = await registry.agent()
    const stream: Stream = await mute.dialProtocol(registry.node.peerId, REGISTRY_PROTOCOL)
    stream.pause()
    stream.maxWriteBufferLength = 64 * 1024 * 1024
    const closed = once(stream, 'close')
    const list = Request.encode({ list: { after: '', limit: 0 } })
    const frame = Uint8Array.of(list.length, ...list)
    for (let sent = 0; sent < 3_000 && stream.status === 'open'; sent++) stream.send(frame)
    await within(closed, 'the stream is reset')
    expect(await alice.services.registry.lookUpName(registry.node.peerId, 'alice')).toBeDefined()
  })

  test('more streams than a connection may have are reset', async () => {
    await using registry = await startRegistry()
    const agent = await registry.agent()
    const streams = await Promise.allSettled(
      Array.from({ length: 40 }, () => agent.dialProtocol(registry.node.peerId, REGISTRY_PROTOCOL))
    )
    const open = streams.filter(result => result.status === 'fulfilled').map(({ value }) => value)
    await Promise.all(
      open.slice(16).map(async stream => {
        if (stream.status === 'open') await within(once(stream, 'close'), 'reset')
      })
    )
    expect(open.filter(stream => stream.status === 'open').length).toBeLessThanOrEqual(16)
  })

  test('what is over is swept, in bounded steps', async () => {
    const storage = await openStorage(temporaryFolder())
    await using _closing = storage
    const { RegistryStore } = await import('../../src/protocols/registry/store.ts')
    const limits = { maxRegistrations: 100, maxPerAddress: 100, holdTime: HOUR }
    const store = await RegistryStore.open(storage.of('registry'), limits)
    const now = Date.now()
    for (let made = 0; made < 10; made++) {
      const who = party()
      const record = registration(who, { name: `agent-${made}` })
      await store.register(record, signRegistration(record, who.signer), 'here', now)
    }
    expect(await store.sweep(now + HOUR, 100)).toBe(0)
    expect(await store.sweep(now + 3 * HOUR, 4)).toBe(4)
    expect(await store.sweep(now + 3 * HOUR, 100)).toBe(6)
    expect(store.size).toBe(0)
    // nothing of them is left behind
    const left: string[] = []
    for await (const [key] of storage.of('registry').iterator()) left.push(key)
    expect(left).toEqual([])
  })
})

describe('a registry that lies is caught by the client', () => {
  /** A registry that answers everything with one response. */
  async function liar(response: Partial<Response>) {
    const node = await startNode({ role: 'server' })
    await node.handle(REGISTRY_PROTOCOL, async stream => {
      const frames = new FrameStream(stream, { maxFrameLength: 1024 * 1024 })
      await frames.read()
      await frames.write(
        Response.encode({ status: STATUS.ok, message: '', serverTime: 0n, sequence: 0n, retryAfter: 0, ...response })
      )
      await frames.close()
    })
    const agent = await startAgent()
    await agent.dial(node.getMultiaddrs())
    return {
      peerId: node.peerId,
      client: agent.services.registry,
      [Symbol.asyncDispose]: async () => {
        await agent.stop()
        await node.stop()
      }
    }
  }
  const page = (...all: SignedRegistration[]) => ({
    page: {
      next: '',
      registrations: all.map(({ registration, signature }) => ({
        registration: Uint8Array.from(registration),
        signature: Uint8Array.from(signature)
      }))
    }
  })
  const victim = party()
  const mallory = party()
  const honest = signed(victim)
  const otherAddress = registration(victim, { addresses: [multiaddr('/ip4/203.0.113.66/tcp/1')] })

  test.each([
    ['addresses that the peer did not sign', page(signRegistration(otherAddress, mallory.signer))],
    ['a signature of another record', page({ ...honest, signature: signed(victim, { sequence: 1 }).signature })],
    ['another peer than was asked for', page(signed(mallory))],
    ['bytes that are no registration', page({ registration: Uint8Array.of(1, 2, 3), signature: new Uint8Array(64) })],
    ['two peers for one key', page(honest, signed(mallory))]
  ])('%s', async (_what, response) => {
    await using lying = await liar(response)
    await expect(lying.client.lookUpKey(lying.peerId, victim.signer.publicKey)).rejects.toMatchObject({
      code: 'REGISTRY_ANSWER_INVALID'
    })
  })

  test('another name, another prefix, a list that turns back, an old registration', async () => {
    await using lying = await liar(page(honest))
    await expect(lying.client.lookUpName(lying.peerId, 'bob')).rejects.toMatchObject({
      code: 'REGISTRY_ANSWER_INVALID'
    })
    await expect(lying.client.find(lying.peerId, 'bob')).rejects.toMatchObject({ code: 'REGISTRY_ANSWER_INVALID' })
    await using circling = await liar({ page: { registrations: [], next: 'a' } })
    await expect(circling.client.list(circling.peerId, { after: 'b' })).rejects.toMatchObject({
      code: 'REGISTRY_ANSWER_INVALID'
    })
    const old = signed(victim, { issuedAt: Date.now() - 3 * HOUR, expiresAt: Date.now() - 2 * HOUR })
    await using replaying = await liar(page(old))
    await expect(replaying.client.lookUpKey(replaying.peerId, victim.signer.publicKey)).rejects.toMatchObject({
      code: 'REGISTRY_TIME_INVALID'
    })
  })

  test('a list without an end is given up after a hundred pages', async () => {
    await using node = await startNode({ role: 'server' })
    let asked = 0
    await node.handle(REGISTRY_PROTOCOL, async stream => {
      const frames = new FrameStream(stream, { maxFrameLength: 1024 * 1024 })
      await frames.read()
      const next = String(asked++).padStart(9, '0')
      const answer = { status: STATUS.ok, message: '', serverTime: 0n, sequence: 0n, retryAfter: 0 }
      await frames.write(Response.encode({ ...answer, page: { registrations: [], next } }))
      await frames.close()
    })
    const servers = [node.getMultiaddrs()[0]!.toString()]
    const { peers, more } = await findPeers(undefined, { servers, dataDir: temporaryFolder() })
    expect({ peers, more, asked }).toEqual({ peers: [], more: true, asked: 100 })
  })

  test('what it says is shown without control characters, and shortened', async () => {
    await using lying = await liar({ status: 99, message: `\u001b[31m${'x'.repeat(5_000)}\n` })
    const error = await lying.client.list(lying.peerId).catch(caught => caught as Error)
    expect(error).toMatchObject({ code: 'REGISTRY_REFUSED' })
    expect((error as Error).message).not.toMatch(/[\p{Cc}]/u)
    expect((error as Error).message.length).toBeLessThan(300)
  })

  test('a peer that is no registry, and one that does not answer', async () => {
    await using node = await startNode({ role: 'server' })
    await using agent = await startAgent()
    await agent.dial(node.getMultiaddrs())
    await expect(agent.services.registry.list(node.peerId)).rejects.toMatchObject({ code: 'REGISTRY_UNSUPPORTED' })
    const controller = new AbortController()
    await node.handle(REGISTRY_PROTOCOL, () => controller.abort(new Error('enough')))
    await expect(agent.services.registry.list(node.peerId, {}, { signal: controller.signal })).rejects.toThrow('enough')
  })
})
