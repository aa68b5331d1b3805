import { expect, test } from 'vitest'
import { parseServerAddress } from '../../src/node/directory/server-address.ts'
import { checkUnchanged, type KnownServer, knownAt } from '../../src/node/server-book.ts'

const ID = '12D3KooWHkVk43SFRq5RBfoCGV9LkVmq4ZhGp5ei2dywoayqSZfu'
const OTHER = '12D3KooWDWTZTQ6C524TS9HnUYaP2jsG2e1Wte6CyUFUp9fmJt47'

test.each([
  ['talos.example:9000', ['/dns/talos.example/tcp/9000', '/dns/talos.example/tcp/9000/ws'], undefined],
  ['talos.example', ['/dns/talos.example/tcp/8765', '/dns/talos.example/tcp/8765/ws'], undefined],
  ['192.0.2.7:1', ['/ip4/192.0.2.7/tcp/1', '/ip4/192.0.2.7/tcp/1/ws'], undefined],
  ['[2001:db8::1]:9', ['/ip6/2001:db8::1/tcp/9', '/ip6/2001:db8::1/tcp/9/ws'], undefined],
  ['2001:db8::1', ['/ip6/2001:db8::1/tcp/8765', '/ip6/2001:db8::1/tcp/8765/ws'], undefined],
  [
    'localhost:7',
    ['/ip4/127.0.0.1/tcp/7', '/ip4/127.0.0.1/tcp/7/ws', '/ip6/::1/tcp/7', '/ip6/::1/tcp/7/ws'],
    undefined
  ],
  ['/dns4/talos.example/tcp/443/tls/ws', ['/dns4/talos.example/tcp/443/tls/ws'], undefined],
  [`/ip4/192.0.2.7/tcp/1/p2p/${ID}`, ['/ip4/192.0.2.7/tcp/1'], ID]
])('%s', (text, addresses, peerId) => {
  const parsed = parseServerAddress(text)
  expect(parsed.addresses.map(String)).toEqual(addresses)
  expect(parsed.peerId).toBe(peerId)
})

test.each([
  '',
  ':',
  'host:',
  'host:0',
  'host:65536',
  'host:1x',
  'a b',
  'http://host:1',
  '[::1',
  '/nonsense/1',
  '/',
  `/p2p/${ID}`,
  `/ip4/192.0.2.7/tcp/1/p2p/${ID}/p2p-circuit`,
  ID.repeat(2) + ':1:2'
])('refuses %j', text => {
  expect(() => parseServerAddress(text)).toThrowError(expect.objectContaining({ code: 'REGISTRY_ADDRESS_INVALID' }))
})

test('a server is known by its address, and a new identity there is an error with both ids', () => {
  const known: KnownServer[] = [{ peerId: ID, addresses: ['/ip4/192.0.2.7/tcp/1'], lastSeen: 0 }]
  expect(knownAt(known, [`/ip4/192.0.2.7/tcp/1/p2p/${OTHER}`])?.peerId).toBe(ID)
  expect(knownAt(known, ['/ip4/192.0.2.7/tcp/2'])).toBeUndefined()
  checkUnchanged(known, { peerId: ID, addresses: ['/ip4/192.0.2.7/tcp/1'] })
  checkUnchanged(known, { peerId: OTHER, addresses: ['/ip4/192.0.2.8/tcp/1'] })
  const changed = () => checkUnchanged(known, { peerId: OTHER, addresses: ['/ip4/192.0.2.7/tcp/1'] })
  expect(changed).toThrowError(new RegExp(`is ${OTHER} now; it was ${ID}`))
})
