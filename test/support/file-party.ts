// One side of bench:files and of the process tests of files: an agent that sends and takes files, in a process of its own, and that
// carries bare streams to compare with. Its folder makes it the same agent again.
import { randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { secretOf, startFileAgent } from './file-agents.ts'

const BARE = '/bench/bare/1.0.0'
/** What a full frame of Talos has on the wire, so that writes are alike. Bytes. */
const WRITE = 262_064

export type Order =
  | { order: 'meet'; peer: string; address: string }
  | { order: 'bare'; peer: string; bytes: number }
  | { order: 'send'; peer: string; path: string }
  /** All at once, and none is waited for. */
  | { order: 'queue'; peer: string; paths: string[] }
  /** Waits for all that is under way. */
  | { order: 'finish' }
  | { order: 'measure' }

export interface Report {
  /** What the order took. Milliseconds. */
  wall: number
  /** Processor time of this process since the last report. Milliseconds. */
  cpu: number
  /** The most memory since the last report. Bytes. */
  rss: number
}

const folder = process.argv[2]!
const agent = await startFileAgent({
  folder,
  secret: secretOf(folder),
  limits: { other: 0, quota: 0, document: 0, image: 0, audio: 0, video: 0, directory: 0 }
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

const completed = (id: string) => agent.files.completed(id, AbortSignal.timeout(3_600_000))

async function run(order: Order): Promise<void> {
  switch (order.order) {
    case 'meet':
      agent.knows.set(order.peer, () => [multiaddr(order.address)])
      break
    case 'bare':
      await bare(order.peer, order.bytes)
      break
    case 'send': {
      const { id } = await agent.files.send(peerIdFromString(order.peer), order.path)
      await completed(id)
      break
    }
    case 'queue':
      await Promise.all(order.paths.map(path => agent.files.send(peerIdFromString(order.peer), path)))
      break
    case 'finish':
      await Promise.all(agent.files.list().map(({ id }) => completed(id)))
      break
    case 'measure':
  }
}

let cpuBefore = process.cpuUsage()
let rss = 0
// 0.7 ms each time, on the thread that is measured
setInterval(() => {
  rss = Math.max(rss, process.memoryUsage.rss())
}, 200)

process.on('message', (order: Order) => {
  const start = performance.now()
  run(order).then(
    () => {
      const { user, system } = process.cpuUsage(cpuBefore)
      cpuBefore = process.cpuUsage()
      const report: Report = { wall: performance.now() - start, cpu: (user + system) / 1000, rss }
      rss = process.memoryUsage.rss()
      process.send?.({ report })
    },
    error => process.send?.({ error: String(error) })
  )
})
process.on('disconnect', () => process.exit())
agent.files.addEventListener('progress', ({ detail: { doneBytes } }) => process.send?.({ doneBytes }))
process.send?.({ peer: agent.peerId.toString(), address: agent.node.getMultiaddrs()[0]!.toString() })
