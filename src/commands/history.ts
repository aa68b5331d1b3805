import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { jsonOf, shownContent } from '../cli/messages.ts'
import { promptPassphrase } from '../cli/passphrase.ts'
import { clock, instant } from '../cli/time.ts'
import { listPeers, type RecordedMessage, TalosClient } from '../index.ts'

export default class History extends BaseCommand {
  static override summary = 'Show the messages that were sent and received'
  static override description =
    'The newest last, with the state of those that were sent and the number of the record in the audit chain, which "talos audit show" takes. Nothing is marked as read.'
  static override examples = ['<%= config.bin %> history alice', '<%= config.bin %> history --since 1d --json']
  static override args = { peer: Args.string({ description: 'Only with this peer' }) }
  static override flags = {
    limit: Flags.integer({ description: 'How many', default: 50, min: 1, max: 1000 }),
    since: Flags.string({
      description: 'Not older than this: a duration such as 1h or 7d, or a date such as 2026-11-23'
    })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(History)
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    await using talos = await TalosClient.create({ ...location, role: 'client', prompt: promptPassphrase })
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
}

/** Where the chain has it. */
function recordText({ audit }: RecordedMessage): string {
  if (audit === undefined) return 'no record any more'
  const block = audit.block === undefined ? ', no block yet' : ''
  return `record ${audit.record}${block}${audit.differs === true ? ', which DIFFERS from this' : ''}`
}
