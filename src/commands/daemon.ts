import { once } from 'node:events'
import { Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { detach } from '../cli/detach.ts'
import { interruption } from '../cli/interrupt.ts'
import { type NetworkFlags, networkArguments, networkFlags, networkOption } from '../cli/network-flags.ts'
import { monitorFlags, monitorOption, type OperationFlags, operationArguments, setLogFormat } from '../cli/operation.ts'
import { promptPassphrase } from '../cli/passphrase.ts'
import {
  type NodeEvent,
  passphraseFromEnvironment,
  type RunningDaemon,
  readWalletSummary,
  resolveDataDir,
  startDaemon,
  stopDaemon
} from '../index.ts'

export default class Daemon extends BaseCommand {
  static override description = `Run the node of this data directory

It stays reachable, receives messages and files, and goes on sending what is queued; every other command of the data directory
works through it, and needs no passphrase then. Runs until it is interrupted. With --json: one JSON object per line,
{"event":"ready",…} first.`
  static override examples = [
    '<%= config.bin %> daemon',
    '<%= config.bin %> daemon --detach',
    '<%= config.bin %> daemon --stop'
  ]
  static override flags = {
    detach: Flags.boolean({
      description: 'Run in the background, with its output in <data-dir>/daemon.log, and return when it is ready',
      exclusive: ['stop']
    }),
    listen: Flags.string({
      description: 'Multiaddr to listen on (default: any free TCP and WebSocket port)',
      multiple: true,
      multipleNonGreedy: true
    }),
    ...monitorFlags,
    ...networkFlags,
    server: Flags.string({
      description: 'A bootstrap server to register at, beside those that are known: host:port or multiaddr',
      multiple: true,
      multipleNonGreedy: true
    }),
    stop: Flags.boolean({ description: 'End the node that runs' })
  }

  async run(): Promise<object | undefined> {
    const { flags } = await this.parse(Daemon)
    setLogFormat(flags['log-format'])
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    if (flags.stop) return this.#stop(location)
    if (flags.detach) return this.#detach(flags)
    const stop = interruption()
    await using daemon = await startDaemon({
      ...location,
      prompt: promptPassphrase,
      config: {
        ...(flags.server === undefined ? {} : { servers: flags.server }),
        ...(flags.listen === undefined ? {} : { listen: flags.listen }),
        chain: networkOption(flags)
      },
      signal: stop,
      ...monitorOption(flags),
      onEvent: event => this.#tell(event)
    })
    this.#ready(daemon)
    if (!stop.aborted) await Promise.race([once(stop, 'abort'), daemon.ended])
    this.note('stopping…')
    return undefined
  }

  async #stop(location: { dataDir?: string }): Promise<object> {
    const ended = await stopDaemon({ ...location, signal: interruption() })
    this.log(ended === undefined ? 'no node runs here' : `the node (process ${ended.pid}) has ended`)
    return { stopped: ended !== undefined, ...(ended === undefined ? {} : { pid: ended.pid }) }
  }

  async #detach(
    flags: { 'data-dir'?: string; listen?: string[]; server?: string[] } & NetworkFlags & OperationFlags
  ): Promise<object> {
    const dataDir = resolveDataDir(flags['data-dir'])
    const { sealed } = await readWalletSummary({ dataDir })
    const passphrase = sealed ? ((await passphraseFromEnvironment()) ?? (await promptPassphrase())) : undefined
    const args = ['daemon', '--data-dir', dataDir]
    for (const address of flags.listen ?? []) args.push('--listen', address)
    for (const server of flags.server ?? []) args.push('--server', server)
    args.push(...networkArguments(flags), ...operationArguments(flags))
    const greeting = await detach(args, dataDir, passphrase)
    this.log(`the node runs as ${greeting.peerId} (process ${greeting.pid}); "talos daemon --stop" ends it`)
    return greeting
  }

  #ready({ greeting, metricsUrl, witness, ...daemon }: RunningDaemon): void {
    const addresses = daemon.addresses()
    if (this.jsonEnabled()) {
      this.#print({ event: 'ready', ...greeting, addresses, metricsUrl, witness })
      return
    }
    this.log(`Node of ${greeting.name}, ${greeting.peerId}`)
    for (const address of addresses) this.log(`  ${address}`)
    if (metricsUrl !== undefined) this.log(`metrics: ${metricsUrl}/metrics`)
    if (witness !== undefined) this.log(`witness; for the policy of others:\n${witness}`)
  }

  #tell(event: NodeEvent): void {
    // for who listens to the topic, and for who has asked
    if (event.type === 'broadcast' || event.type === 'audit-progress') return
    const { type, ...details } = event
    if (this.jsonEnabled()) this.#print({ event: type, ...details })
    else if (event.type === 'registered') this.note(`registered as "${event.name}" at ${event.server}`)
    else if (event.type === 'audit-trouble') this.note(`audit chain: ${event.message} (${event.code}); tried again`)
    else if (event.type === 'witness-trouble') this.note(`witness ${event.witness}: ${event.message}`)
    else if (event.type === 'not-registered') this.note(`not registered at ${event.server}: ${event.reason}`)
  }

  #print(object: object): void {
    process.stdout.write(`${JSON.stringify(object)}\n`)
  }
}
