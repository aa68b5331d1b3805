import { once } from 'node:events'
import { Flags } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { interruption } from '../../cli/interrupt.ts'
import { monitorFlags, monitorOption, setLogFormat } from '../../cli/operation.ts'
import { promptPassphrase } from '../../cli/passphrase.ts'
import { startWitness } from '../../index.ts'

export default class WitnessServe extends BaseCommand {
  static override description = `Run the node of this data directory as a witness of others' audit chains

It signs how far their chains are, remembers it on disk before it signs, and never signs two histories of one. Prints the line
for the policy files of those whom it serves. It has a key of its own, in the same database as what it remembers. Runs until it is
interrupted. With --json: one JSON object per line, {"event":"ready",…} first.`
  static override examples = [
    '<%= config.bin %> witness serve --allow alice --allow bob',
    "<%= config.bin %> witness serve --allow '*' --listen /ip4/0.0.0.0/tcp/4001"
  ]
  static override flags = {
    allow: Flags.string({
      description:
        "Whose chains it signs: names of the address book, PeerIds, or '*' for everybody, within limits (default: the configuration's witness.allow)",
      multiple: true,
      multipleNonGreedy: true
    }),
    listen: Flags.string({
      description: 'Multiaddr to listen on (default: any free TCP and WebSocket port)',
      multiple: true,
      multipleNonGreedy: true
    }),
    ...monitorFlags,
    server: Flags.string({
      description: 'A bootstrap server to register at, beside those that are known: host:port or multiaddr',
      multiple: true,
      multipleNonGreedy: true
    })
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(WitnessServe)
    setLogFormat(flags['log-format'])
    const stop = interruption()
    await using daemon = await startWitness({
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
      prompt: promptPassphrase,
      config: {
        ...(flags.allow === undefined ? {} : { witness: { allow: flags.allow } }),
        ...(flags.listen === undefined ? {} : { listen: flags.listen }),
        ...(flags.server === undefined ? {} : { servers: flags.server })
      },
      signal: stop,
      ...monitorOption(flags)
    })
    const { greeting, witness, metricsUrl } = daemon
    const addresses = daemon.addresses()
    if (this.jsonEnabled()) {
      process.stdout.write(`${JSON.stringify({ event: 'ready', ...greeting, addresses, witness, metricsUrl })}\n`)
    } else {
      this.log(`Witness ${greeting.name}, ${greeting.peerId}`)
      for (const address of addresses) this.log(`  ${address}`)
      this.log(`for the policy of those whom it serves:\n${witness}`)
      if (metricsUrl !== undefined) this.log(`metrics: ${metricsUrl}/metrics`)
    }
    if (!stop.aborted) await Promise.race([once(stop, 'abort'), daemon.ended])
    this.note('stopping…')
  }
}
