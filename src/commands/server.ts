import { once } from 'node:events'
import { Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { networkFlags, networkOption } from '../cli/network-flags.ts'
import { monitorFlags, monitorOption, setLogFormat } from '../cli/operation.ts'
import { type RunningServer, startServer } from '../index.ts'

export default class Server extends BaseCommand {
  static override description =
    `Run a bootstrap server: an entry into the network, a relay, the registry of names, and a mailbox

It listens on TCP at --port and on WebSocket at the port after it, and keeps its identity, its registrations and sealed
messages for peers that are away in the data directory. It sees who is registered, who talks to whom through the relay and
for whom messages wait, never what they say. Runs until it is interrupted. With --json: one JSON object per line,
{"event":"ready",…} and {"event":"stopped"}.`
  static override examples = [
    '<%= config.bin %> server --port 8765',
    '<%= config.bin %> server --port 8765 --metrics-port 9090 --announce /dns4/talos.example/tcp/8765'
  ]
  static override flags = {
    announce: Flags.string({
      description: 'A multiaddr to tell others instead of those found out, for a server behind a port mapping',
      multiple: true,
      multipleNonGreedy: true
    }),
    host: Flags.string({ description: 'Address of this machine to listen on (default: all)' }),
    'identity-file': Flags.string({
      description:
        'A file with the identity: 32 bytes or 64 hexadecimal digits (default: <data-dir>/server/identity.key)'
    }),
    'max-connections': Flags.integer({ description: 'Connections that it holds (default: 1000)', min: 1 }),
    'max-registrations': Flags.integer({ description: 'Registrations that it holds (default: 10000)', min: 1 }),
    'max-reservations': Flags.integer({ description: 'Peers that it relays for (default: 1000)', min: 0 }),
    ...monitorFlags,
    ...networkFlags,
    port: Flags.integer({ description: 'TCP port', default: 8765, min: 0, max: 65535 }),
    'ws-port': Flags.integer({ description: 'WebSocket port (default: the one after --port)', min: 0, max: 65535 })
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Server)
    setLogFormat(flags['log-format'])
    const stop = interruption()
    const server = await startServer({
      port: flags.port,
      chain: networkOption(flags),
      limits: {
        ...optional('maxConnections', flags['max-connections']),
        ...optional('maxReservations', flags['max-reservations']),
        ...optional('maxRegistrations', flags['max-registrations'])
      },
      ...optional('dataDir', flags['data-dir']),
      ...optional('wsPort', flags['ws-port']),
      ...optional('host', flags.host),
      ...optional('announce', flags.announce),
      ...optional('identityFile', flags['identity-file']),
      ...monitorOption(flags)
    })
    this.#announceReady(server)
    if (!stop.aborted) await once(stop, 'abort')
    this.note('stopping…')
    await server.stop()
    if (this.jsonEnabled()) process.stdout.write('{"event":"stopped"}\n')
  }

  #announceReady(server: RunningServer): void {
    const { peerId, addresses, metricsUrl, dataDir, limits } = server
    const health = server.health()
    if (this.jsonEnabled()) {
      process.stdout.write(
        `${JSON.stringify({ event: 'ready', peerId, addresses, metricsUrl, dataDir, health, limits })}\n`
      )
      return
    }
    this.log(`Talos server ${peerId}`)
    for (const address of addresses) this.log(`  ${address}`)
    this.log(
      `ready: ${health.registrations} of ${limits.maxRegistrations} registrations, ` +
        `room for ${limits.maxConnections} connections and ${limits.maxReservations} relayed peers`
    )
    if (metricsUrl !== undefined) this.log(`metrics: ${metricsUrl}/metrics`)
    this.note(`data: ${dataDir}`)
  }
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V })
}
