import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { milliseconds } from '../cli/time.ts'
import { type PingReport, pingPeer } from '../index.ts'

export default class Ping extends BaseCommand {
  static override summary = 'Find a peer, connect to it, and measure the round trip'
  static override description = 'Says whether the connection is direct or goes through a relay. Needs no wallet.'
  static override examples = ['<%= config.bin %> ping alice', '<%= config.bin %> ping 12D3KooW… --count 10 --json']
  static override args = {
    peer: Args.string({ description: 'A name, PeerId, did:key, hex key, or the beginning of one', required: true })
  }
  static override flags = {
    count: Flags.integer({ char: 'c', description: 'Round trips to measure', default: 4, min: 1, max: 1_000_000 }),
    server: Flags.string({
      description: 'A server beside those that are known',
      multiple: true,
      multipleNonGreedy: true
    })
  }

  async run(): Promise<PingReport> {
    const { args, flags } = await this.parse(Ping)
    const report = await pingPeer(args.peer, {
      count: flags.count,
      signal: interruption(),
      onRoundTrip: time => this.log(milliseconds(time)),
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
      ...(flags.server === undefined ? {} : { servers: flags.server })
    })
    const sorted = [...report.roundTrips].sort((a, b) => a - b)
    const how = report.direct ? 'direct' : 'relayed'
    this.log(
      `${report.name ?? report.peerId}: ${how}, ${report.address}\n` +
        `least ${milliseconds(sorted[0]!)}, median ${milliseconds(sorted[sorted.length >> 1]!)}, ` +
        `most ${milliseconds(sorted.at(-1)!)}; found and connected in ${milliseconds(report.connectTime)}`
    )
    return report
  }
}
