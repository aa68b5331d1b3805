import { once } from 'node:events'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { connectKnown } from '../../src/node/directory/connect-server.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { REGISTRY_PROTOCOL } from '../../src/protocols/registry/constants.ts'
import { Request } from '../../src/protocols/registry/pb/registry.ts'
import { known, party, startAgent, startTestServer } from '../support/network.ts'
import { within } from '../support/nodes.ts'
import { eventually } from '../support/processes.ts'

/** What one side of a stream sends before the other has read. Bytes. */
const WINDOW = 256 * 1024
/** As many long addresses as a registration may have. */
const ADDRESSES = Array.from({ length: 16 }, (_, at) => multiaddr(`/dns4/${'a'.repeat(200)}${at}.example/tcp/4001`))
const LOOK_UP = Request.encode({ lookUp: { prefix: 'agent', away: false } })

test('while a request is in flight, a server that stops says at /readyz that it is not ready', async () => {
  const server = await startTestServer({ metrics: { port: 0 } })
  await using _server = server
  const peer = peerIdFromString(server.peerId)
  const get = (path: string) => fetch(`${server.metricsUrl}${path}`, { signal: AbortSignal.timeout(5_000) })
  for (let number = 0; number < 5; number++) {
    const { seed, signer } = party()
    await using agent = await startAgent({ seed })
    await connectKnown(agent, known(server))
    await agent.services.registry.register(peer, { name: `agent-${number}`, addresses: ADDRESSES }, signer)
  }
  const agent = await startAgent()
  await using _agent = agent
  await connectKnown(agent, known(server))
  const reading = new FrameStream(await agent.dialProtocol(peer, REGISTRY_PROTOCOL), { maxFrameLength: WINDOW })
  await reading.write(LOOK_UP)
  const { length } = (await within(reading.read(), 'an answer'))!

  // one that asks and does not read: the last answer cannot be sent
  const asked = Math.floor(WINDOW / length) + 1
  const mute = await agent.dialProtocol(peer, REGISTRY_PROTOCOL)
  mute.pause()
  for (let sent = 0; sent < asked; sent++) mute.send(Uint8Array.of(LOOK_UP.length, ...LOOK_UP))
  const answered = `talos_registry_requests_total{request="lookUp",status="ok"} ${asked + 1}\n`
  await eventually(async () => (await (await get('/metrics')).text()).includes(answered))

  expect((await get('/readyz')).status).toBe(200)
  const stopping = server.stop()
  const ready = await get('/readyz')
  expect([ready.status, await ready.json()]).toEqual([503, { ready: false }])
  const closed = once(mute, 'close')
  mute.abort(new Error('it has had enough'))
  await closed
  await within(stopping, 'the end of the server')
  await expect(get('/readyz')).rejects.toThrow('fetch failed')
}, 60_000)
