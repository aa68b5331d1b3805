import { onTestFinished } from 'vitest'
import { startServer, TalosClient } from '../../src/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A server, and clients in this process that know it, each the node of a data directory of its own; gone when the test ends. */
export async function clients(...names: string[]) {
  const folder = temporaryFolder()
  const server = await startServer({ dataDir: `${folder}/server`, host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.stop())
  const config = { servers: [server.addresses[0]!], listen: ['/ip4/127.0.0.1/tcp/0'] }
  /** Starts one more; of a name that is there, one that is attached to it. */
  const start = async (name: string): Promise<TalosClient> => {
    const client = await TalosClient.create({ name, dataDir: `${folder}/${name}`, insecurePlaintext: true, config })
    onTestFinished(() => client.close())
    return client
  }
  return { folder, config, start, all: await Promise.all(names.map(start)) }
}
