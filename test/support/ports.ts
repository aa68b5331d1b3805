import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { eventually } from './processes.ts'

/** A TCP port at which nothing listens now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise(resolve => probe.close(resolve))
  return port
}

/** Resolves when something listens at a port of this computer; fails after 15 s. */
export async function reachable(port: number): Promise<void> {
  await eventually(async () => {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    return isOpen
  }, 15_000)
}
