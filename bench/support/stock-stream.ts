// One side of what bench:files compares with: libp2p as it comes from npm (TCP, noise, yamux, no option changed), in a process of its
// own. Carries bytes from memory to nowhere, and a file from disk to disk.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { noise } from '@chainsafe/libp2p-noise'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

export type StockOrder =
  | { order: 'bytes'; address: string; bytes: number }
  | { order: 'file'; address: string; path: string; target: string }

const BYTES = '/bench/bytes/1.0.0'
const FILE = '/bench/file/1.0.0'
/** As Talos's. Bytes. */
const WRITE = 262_064

const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()]
})

await node.handle(BYTES, stream => answerAtEnd(stream, () => {}))
await node.handle(FILE, stream => {
  let file: number | undefined
  answerAtEnd(
    stream,
    data => {
      if (file === undefined) {
        const name = data.subarray()
        file = openSync(Buffer.from(name.subarray(1, 1 + name[0]!)).toString(), 'w')
        if (name.length > 1 + name[0]!) writeSync(file, name.subarray(1 + name[0]!))
      } else for (const piece of data instanceof Uint8Array ? [data] : data) writeSync(file, piece)
    },
    () => {
      fsyncSync(file!)
      closeSync(file!)
    }
  )
})

function answerAtEnd(
  stream: Stream,
  take: (data: Parameters<Stream['push']>[0]) => void,
  end: () => void = () => {}
): void {
  stream.addEventListener('message', ({ data }) => take(data))
  stream.addEventListener('remoteCloseWrite', () => {
    end()
    stream.send(Uint8Array.of(1))
    void stream.close()
  })
}

async function carry(address: string, protocol: string, writes: Iterable<Uint8Array>): Promise<void> {
  const stream = await node.dialProtocol(multiaddr(address), protocol)
  const answered = new Promise(resolve => stream.addEventListener('message', resolve, { once: true }))
  for (const data of writes) {
    if (!stream.send(data)) await new Promise(resolve => stream.addEventListener('drain', resolve, { once: true }))
  }
  await stream.close()
  await answered
}

function* fromMemory(bytes: number): Iterable<Uint8Array> {
  const data = randomBytes(WRITE)
  for (let sent = 0; sent < bytes; sent += WRITE) yield data
}

function* fromDisk(path: string, target: string): Iterable<Uint8Array> {
  yield Uint8Array.of(Buffer.byteLength(target), ...Buffer.from(target))
  const file = openSync(path, 'r')
  try {
    for (;;) {
      const data = Buffer.allocUnsafeSlow(WRITE)
      const length = readSync(file, data)
      if (length === 0) return
      yield data.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
}

process.on('message', (order: StockOrder) => {
  const start = performance.now()
  const work =
    order.order === 'bytes'
      ? carry(order.address, BYTES, fromMemory(order.bytes))
      : carry(order.address, FILE, fromDisk(order.path, order.target))
  work.then(
    () => process.send?.({ wall: performance.now() - start }),
    error => process.send?.({ error: String(error) })
  )
})
process.on('disconnect', () => process.exit())
if (process.send !== undefined) {
  process.send({ address: node.getMultiaddrs()[0]!.toString() })
  await once(process, 'disconnect')
}
