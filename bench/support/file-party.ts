// One side of bench:files and soak:files, in a process of its own: an agent that sends and takes files, and bare streams.
import { randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { startFileAgent } from '../../test/support/file-agents.ts'

const BARE = '/bench/bare/1.0.0'
/** What a full frame of Talos has on the wire, so that writes are alike. Bytes. */
const WRITE = 262_064

export type Order =
  | { order: 'meet'; peer: string; address: string }
  | { order: 'bare'; peer: string; bytes: number }
  | { order: 'send'; peer: string; path: string }
  | { order: 'rss' }

export interface Report {
  /** Milliseconds. */
  wall: number
  /** Milliseconds of processor time of this process. */
  cpu: number
  rss: number
}

const agent = await startFileAgent({
  folder: process.argv[2]!,
  limits: { other: 0, quota: 0, document: 0, image: 0, audio: 0, video: 0 }
})

await agent.node.handle(BARE, (stream: Stream) => {
  stream.addEventListener('message', () => {})
  stream.addEventListener('remoteCloseWrite', () => {
    stream.send(Uint8Array.of(1))
    void stream.close()
  })
})

async function bare(peer: string, bytes: number): Promise<void> {
  const stream = await agent.node.dialProtocol(agent.knows.get(peer)!(), BARE)
  const answered = new Promise(resolve => stream.addEventListener('message', resolve, { once: true }))
  const data = randomBytes(WRITE)
  for (let sent = 0; sent < bytes; sent += WRITE) {
    if (!stream.send(data)) await new Promise(resolve => stream.addEventListener('drain', resolve, { once: true }))
  }
  await stream.close()
  await answered
}

async function run(order: Order): Promise<void> {
  switch (order.order) {
    case 'meet':
      agent.knows.set(order.peer, () => [multiaddr(order.address)])
      break
    case 'bare':
      return bare(order.peer, order.bytes)
    case 'send': {
      const { id } = await agent.files.send(peerIdFromString(order.peer), order.path)
      await agent.files.completed(id, AbortSignal.timeout(600_000))
      break
    }
    case 'rss':
  }
}

let cpuBefore = process.cpuUsage()
process.on('message', (order: Order) => {
  const start = performance.now()
  run(order).then(
    () => {
      const cpu = process.cpuUsage(cpuBefore)
      cpuBefore = process.cpuUsage()
      const report: Report = {
        wall: performance.now() - start,
        cpu: (cpu.user + cpu.system) / 1000,
        rss: process.memoryUsage.rss()
      }
      process.send?.({ report })
    },
    error => process.send?.({ error: String(error) })
  )
})
process.on('disconnect', () => process.exit())
process.send?.({ peer: agent.peerId.toString(), address: agent.node.getMultiaddrs()[0]!.toString() })
