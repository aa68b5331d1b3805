import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { type KeepRegisteredInit, keepRegistered } from '../../src/node/directory/keep-registered.ts'
import { isOneOf, mailboxesAt, ownMailboxes, registrableMailboxes } from '../../src/node/mailbox/addresses.ts'
import { correspondent } from '../support/mailbox.ts'
import { directoryOf, known, party, startAgent, startTestServer } from '../support/network.ts'
import { within } from '../support/nodes.ts'
import { eventually } from '../support/processes.ts'

test('an agent names its server’s mailbox when that has taken it in, and is written to while it is away', async () => {
  await using server = await startTestServer()
  const own = ownMailboxes([], [known(server)])
  await using bob = await correspondent(new Map(), own)
  await using speaker = await startAgent({ seed: bob.seed })
  const registrations = keepRegistered(speaker, {
    servers: [known(server)],
    name: 'bob',
    signer: bob.signer,
    mailboxes: () => (bob.isOnline ? registrableMailboxes(bob.client.states()) : [])
  })
  await within(registrations.registered, 'bob is registered')
  await using asker = await startAgent()
  const directory = directoryOf(asker, server)
  // nothing that would refuse a sender is named
  expect(await directory.mailboxesOf(bob.peerId)).toEqual([])

  await bob.online()
  await bob.ready()
  registrations.refresh()
  let found = await directory.mailboxesOf(bob.peerId)
  // with pauses: the registry rations who asks it
  await eventually(async () => {
    found = await directory.mailboxesOf(bob.peerId)
    return found.length > 0
  }, 10_000)
  expect(found.map(({ peerId }) => peerId.toString())).toEqual([server.peerId])
  await registrations.stop()
  await bob.offline()

  await using alice = await correspondent(new Map([[bob.peerId.toString(), await directory.mailboxesOf(bob.peerId)]]))
  await alice.online()
  const soon = AbortSignal.timeout(10_000)
  expect(await alice.client.deposit(bob.peerId, Buffer.from('hello'), Date.now() + 60_000, soon)).toEqual({
    copies: 1,
    until: expect.any(Number)
  })
  await bob.online()
  await bob.until(1)
  expect(bob.received).toEqual(['hello'])
})

test('who has just started and heard of no mailbox yet names those of the registration before, if they are its own still', async () => {
  await using server = await startTestServer()
  const [own] = ownMailboxes([], [known(server)])
  const named = own!.addresses.map(address =>
    multiaddr(`${address}/p2p/${server.peerId}`.replace(/(\/p2p\/[^/]+)\1$/, '$1'))
  )
  const bob = party()
  await using asker = await startAgent()
  const directory = directoryOf(asker, server)
  const names = async (options: Pick<KeepRegisteredInit, 'mailboxes' | 'mayBeMailbox'>): Promise<string[]> => {
    // a process each: it ends before it has heard more
    await using node = await startAgent({ seed: bob.seed })
    const registrations = keepRegistered(node, {
      servers: [known(server)],
      name: 'bob',
      signer: bob.signer,
      ...options
    })
    const { mailboxes } = await within(registrations.registered, 'bob is registered')
    await registrations.stop()
    const found = await directory.mailboxesOf(peerIdFromString(bob.peerId))
    expect(found.flatMap(({ addresses }) => addresses)).toHaveLength(mailboxes!)
    return found.map(({ peerId }) => peerId.toString())
  }
  const mayBeMailbox = (address: Multiaddr) => isOneOf(address, [own!])
  expect(await names({ mayBeMailbox })).toEqual([])
  expect(await names({ mailboxes: () => named.slice(0, 1), mayBeMailbox })).toEqual([server.peerId])
  expect(await names({ mayBeMailbox })).toEqual([server.peerId])
  expect(await names({ mayBeMailbox: () => false })).toEqual([])
})

test('nobody’s mailboxes are known of a stranger, and an error when no server can be asked', async () => {
  await using asker = await startAgent()
  const server = await startTestServer()
  const directory = directoryOf(asker, server)
  const peerId = peerIdFromString(party().peerId)
  expect(await directory.mailboxesOf(peerId)).toEqual([])
  await server.stop()
  await expect(directory.mailboxesOf(peerId)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
})

test('the configured mailboxes come before the servers, and must say whose they are', () => {
  const [a, b] = [party().peerId, party().peerId]
  const server = { peerId: a, addresses: ['/ip4/192.0.2.1/tcp/8765'], lastSeen: 0 }
  expect(ownMailboxes([], [server])[0]!.peerId.toString()).toBe(a)
  const configured = [`/ip4/192.0.2.2/tcp/1/p2p/${b}`, `/ip4/192.0.2.2/tcp/2/ws/p2p/${b}`]
  const [mailbox, ...others] = ownMailboxes(configured, [server])
  expect(others).toEqual([])
  expect(mailbox!.peerId.toString()).toBe(b)
  expect(mailbox!.addresses.map(String)).toEqual(configured)
  for (const text of ['/ip4/192.0.2.2/tcp/1', `/p2p/${b}`, 'talos.example:8765']) {
    expect(() => ownMailboxes([text], [])).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  }
  const five = Array.from({ length: 5 }, () => ({ ...server, peerId: party().peerId }))
  expect(ownMailboxes([], five)).toHaveLength(4)
})

test('a registration names two addresses of a mailbox, each with its PeerId', () => {
  const { peerId } = party()
  const texts = [1, 2, 3].map(port => `/ip4/192.0.2.2/tcp/${port}/p2p/${peerId}`)
  const [mailbox] = mailboxesAt(texts.map(text => multiaddr(text)))
  const state = { mailbox: mailbox!, isOpen: false, isOurs: true }
  expect(registrableMailboxes([state]).map(String)).toEqual(texts.slice(0, 2))
  expect(registrableMailboxes([{ ...state, isOurs: false }])).toEqual([])
})
