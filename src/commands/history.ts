import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { jsonOf, shownContent } from '../cli/messages.ts'
import { promptPassphrase } from '../cli/passphrase.ts'
import { isConfirmed } from '../cli/terminal.ts'
import { clock, instant } from '../cli/time.ts'
import { TalosError } from '../errors.ts'
import { type Forgotten, listPeers, type RecordedMessage, TalosClient } from '../index.ts'

export default class History extends BaseCommand {
  static override summary = 'Show the messages that were sent and received'
  static override description =
    `The newest last, with the state of those that were sent and the number of the record in the audit chain, which "talos audit show" takes. Nothing is marked as read.

With --forget the messages with one peer are forgotten, but for those that are not read, or not delivered yet. What the audit chain
says of them stays ("talos audit erase" removes that). How long the rest is kept: messages.history in the configuration.`
  static override examples = [
    '<%= config.bin %> history alice',
    '<%= config.bin %> history --since 1d --json',
    '<%= config.bin %> history --forget alice'
  ]
  static override args = { peer: Args.string({ description: 'Only with this peer' }) }
  static override flags = {
    forget: Flags.string({ description: 'Forget the messages with this peer', exclusive: ['since', 'limit'] }),
    limit: Flags.integer({ description: 'How many', default: 50, min: 1, max: 1000 }),
    since: Flags.string({
      description: 'Not older than this: a duration such as 1h or 7d, or a date such as 2026-11-23'
    }),
    yes: Flags.boolean({ char: 'y', description: 'Forget without asking', dependsOn: ['forget'] })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(History)
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    if (flags.forget !== undefined && args.peer !== undefined) {
      throw new TalosError('USAGE_INVALID', 'there are two peers', { hint: 'Say "talos history --forget <peer>".' })
    }
    await using talos = await TalosClient.create({ ...location, role: 'client', prompt: promptPassphrase })
    if (flags.forget !== undefined) return await this.#forget(talos, flags.forget, flags.yes)
    const entries = await talos.history({
      limit: flags.limit,
      signal: interruption(),
      ...(args.peer === undefined ? {} : { peer: args.peer }),
      ...(flags.since === undefined ? {} : { since: instant(flags.since) })
    })
    const names = new Map((await listPeers(location)).map(({ name, peerId }) => [peerId, name]))
    for (const entry of [...entries].reverse()) {
      const who = names.get(entry.peer) ?? entry.peer
      const isSent = entry.direction === 'out'
      const time = clock(isSent ? entry.queuedAt : entry.receivedAt)
      const notes = [...(isSent ? [entry.state] : []), recordText(entry)].join(', ')
      this.log(`[${time}] ${isSent ? 'to ' : ''}${who} (${notes}): ${shownContent(entry)}`)
    }
    if (entries.length === 0) this.note('no messages')
    return { messages: entries.map(jsonOf) }
  }

  async #forget(talos: TalosClient, peer: string, isSure: boolean): Promise<Forgotten> {
    const signal = interruption()
    // whoever that is: before anybody is asked
    await talos.history({ peer, limit: 1, signal })
    if (!isSure && !(await isConfirmed(`Forget the messages with ${peer} for good? [y/N] `))) {
      throw new TalosError('USAGE_NOT_CONFIRMED', 'nothing was forgotten', { hint: 'Answer y, or add --yes.' })
    }
    const report = await talos.forgetHistory(peer, { signal })
    this.log(`${counted(report.forgotten)} with ${peer} ${report.forgotten === 1 ? 'is' : 'are'} forgotten.`)
    if (report.kept > 0) this.note(`${counted(report.kept)} not read or not delivered yet: kept`)
    return report
  }
}

/** Where the chain has it. */
function recordText({ audit }: RecordedMessage): string {
  if (audit === undefined) return 'no record any more'
  const block = audit.block === undefined ? ', no block yet' : ''
  return `record ${audit.record}${block}${audit.differs === true ? ', which DIFFERS from this' : ''}`
}

const counted = (count: number): string => `${count} message${count === 1 ? '' : 's'}`
