import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { didKeyOf, publicKeyOf } from '../../src/crypto/peer-key.ts'
import { addPeer, listPeers, removePeer } from '../../src/index.ts'
import { listServers, rememberServer } from '../../src/node/server-book.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ALICE = '12D3KooWHkVk43SFRq5RBfoCGV9LkVmq4ZhGp5ei2dywoayqSZfu'
const BOB = '12D3KooWDWTZTQ6C524TS9HnUYaP2jsG2e1Wte6CyUFUp9fmJt47'
const failure = (code: string) => expect.objectContaining({ name: 'TalosError', code })

test('a named peer is listed, gets other addresses, and is forgotten', async () => {
  const dataDir = join(temporaryFolder(), 'talos')
  expect(await listPeers({ dataDir })).toEqual([])
  expect(existsSync(dataDir)).toBe(false)
  await addPeer({ dataDir, name: 'bob', peer: didKeyOf(publicKeyOf(BOB)!) })
  await addPeer({ dataDir, name: 'Alice', peer: ALICE, addresses: ['/ip4/192.0.2.7/tcp/4001'] })
  const addresses = [`/ip4/192.0.2.8/tcp/4001/p2p/${BOB}`, `/ip4/192.0.2.9/tcp/1/p2p/${ALICE}/p2p-circuit/p2p/${BOB}`]
  await addPeer({ dataDir, name: 'BOB', peer: BOB, addresses: [...addresses, addresses[0]!] })
  expect(await listPeers({ dataDir })).toEqual([
    { name: 'Alice', peerId: ALICE, addresses: ['/ip4/192.0.2.7/tcp/4001'] },
    { name: 'BOB', peerId: BOB, addresses }
  ])
  expect(await removePeer({ dataDir, name: 'bob' })).toMatchObject({ peerId: BOB })
  expect((await listPeers({ dataDir })).map(({ name }) => name)).toEqual(['Alice'])
  if (process.platform !== 'win32') expect(statSync(join(dataDir, 'peers.json')).mode & 0o777).toBe(0o600)
})

test('what is no name, no peer or no address of the peer is refused, and the book stays as it was', async () => {
  const dataDir = temporaryFolder()
  await addPeer({ dataDir, name: 'bob', peer: BOB })
  const before = readFileSync(join(dataDir, 'peers.json'))
  for (const name of ['', 'a b', ALICE, 'did:key:z6Mk', 'deadbeefdeadbeef', 'x'.repeat(65), 'a\u200bb', '/ip4', '-n']) {
    await expect(addPeer({ dataDir, name, peer: ALICE })).rejects.toEqual(failure('PEER_NAME_INVALID'))
  }
  for (const peer of ['', 'alice', ALICE.slice(0, -1), `${ALICE} `]) {
    await expect(addPeer({ dataDir, name: 'alice', peer })).rejects.toEqual(failure('PEER_INVALID'))
  }
  for (const address of ['', 'tools.example:4001', '/ip4/300.0.0.1/tcp/1', '/', `/ip4/192.0.2.8/tcp/1/p2p/${BOB}`]) {
    const add = addPeer({ dataDir, name: 'alice', peer: ALICE, addresses: [address] })
    await expect(add).rejects.toEqual(failure('PEER_ADDRESS_INVALID'))
  }
  const many = Array.from({ length: 17 }, (_, port) => `/ip4/192.0.2.8/tcp/${port}`)
  await expect(addPeer({ dataDir, name: 'alice', peer: ALICE, addresses: many })).rejects.toEqual(
    failure('PEER_ADDRESS_INVALID')
  )
  await expect(addPeer({ dataDir, name: 'Bob', peer: ALICE })).rejects.toEqual(failure('PEER_NAME_TAKEN'))
  await expect(removePeer({ dataDir, name: 'carol' })).rejects.toEqual(failure('PEER_UNKNOWN'))
  expect(readFileSync(join(dataDir, 'peers.json'))).toEqual(before)
})

test('changes made at once are all kept', async () => {
  const dataDir = temporaryFolder()
  const names = Array.from({ length: 25 }, (_, index) => `peer${String(index).padStart(2, '0')}`)
  await Promise.all(names.map(name => addPeer({ dataDir, name, peer: ALICE })))
  expect((await listPeers({ dataDir })).map(({ name }) => name)).toEqual(names)
})

test('a damaged book is reported and left alone', async () => {
  const dataDir = temporaryFolder()
  const file = join(dataDir, 'peers.json')
  for (const text of ['', '{', '[]', '{"version":2,"peers":[]}', '{"version":1,"peers":[{"name":"a"}]}']) {
    writeFileSync(file, text)
    await expect(listPeers({ dataDir })).rejects.toEqual(failure('STORAGE_CORRUPT'))
    await expect(addPeer({ dataDir, name: 'bob', peer: BOB })).rejects.toEqual(failure('STORAGE_CORRUPT'))
    expect(readFileSync(file, 'utf8')).toBe(text)
  }
})

test.skipIf(process.platform === 'win32')('the book of a folder that others may enter is not trusted', async () => {
  const dataDir = temporaryFolder()
  await addPeer({ dataDir, name: 'bob', peer: BOB })
  chmodSync(dataDir, 0o777)
  await expect(listPeers({ dataDir })).rejects.toEqual(failure('STORAGE_DIR_UNSAFE'))
})

test('servers are remembered, the last one first; another identity at an address is reported', async () => {
  const dataDir = temporaryFolder()
  const address = '/ip4/192.0.2.1/tcp/8765'
  await rememberServer({ peerId: ALICE, addresses: [address], lastSeen: 1 }, { dataDir })
  await rememberServer({ peerId: BOB, addresses: ['/ip4/192.0.2.2/tcp/8765'], lastSeen: 2 }, { dataDir })
  await rememberServer({ peerId: ALICE, addresses: [`${address}/p2p/${ALICE}`], lastSeen: 3 }, { dataDir })
  expect((await listServers({ dataDir })).map(({ peerId, lastSeen }) => [peerId, lastSeen])).toEqual([
    [ALICE, 3],
    [BOB, 2]
  ])
  const other = { peerId: BOB, addresses: [`${address}/p2p/${BOB}`], lastSeen: 4 }
  await expect(rememberServer(other, { dataDir })).rejects.toEqual(failure('REGISTRY_SERVER_CHANGED'))
  expect(await listServers({ dataDir })).toHaveLength(2)
  await rememberServer(other, { dataDir, acceptChange: true })
  // addresses are kept without the PeerId, those known before after the new one
  const merged = { ...other, addresses: [address, '/ip4/192.0.2.2/tcp/8765'] }
  expect(await listServers({ dataDir })).toEqual([merged])
})
