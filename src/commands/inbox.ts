import { Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { jsonOf, shownContent } from '../cli/messages.ts'
import { promptPassphrase } from '../cli/passphrase.ts'
import { clock } from '../cli/time.ts'
import { listPeers, TalosClient } from '../index.ts'

export default class Inbox extends BaseCommand {
  static override summary = 'Show the messages that nobody has read yet'
  static override description =
    'With --take they count as read once they are printed: their senders are told, and they are not shown again.'
  static override examples = ['<%= config.bin %> inbox', '<%= config.bin %> inbox --take --json']
  static override flags = {
    limit: Flags.integer({ description: 'How many', default: 50, min: 1, max: 1000 }),
    peer: Flags.string({ description: 'Only of this peer' }),
    take: Flags.boolean({ description: 'Mark them as read' })
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Inbox)
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    const signal = interruption()
    await using talos = await TalosClient.create({ ...location, role: 'client', prompt: promptPassphrase })
    const messages = await talos.inbox({
      limit: flags.limit,
      signal,
      ...(flags.peer === undefined ? {} : { peer: flags.peer })
    })
    const names = new Map((await listPeers(location)).map(({ name, peerId }) => [peerId, name]))
    for (const message of messages) {
      this.log(`[${clock(message.sentAt)}] ${names.get(message.peer) ?? message.peer}: ${shownContent(message)}`)
    }
    if (messages.length === 0) this.note('nothing unread')
    // printed before they are taken: what breaks off in between is shown again
    if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify({ messages: messages.map(jsonOf) })}\n`)
    if (flags.take) for (const { id } of messages) await talos.call('take', { id }, signal)
  }
}
