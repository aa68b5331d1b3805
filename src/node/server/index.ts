import type { RunningServer, ServerOptions } from './server.ts'

export type { RunningServer, ServerOptions } from './server.ts'

/** See server.ts; loaded when it is called, since it brings libp2p with it. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const server = await import('./server.ts')
  return server.startServer(options)
}
