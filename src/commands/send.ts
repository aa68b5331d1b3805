import { isUtf8 } from 'node:buffer'
import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { duration } from '../cli/duration.ts'
import { interruption } from '../cli/interrupt.ts'
import { promptPassphrase } from '../cli/passphrase.ts'
import { readAll } from '../cli/standard-input.ts'
import { type BroadcastReport, type OutgoingMessage, sendMessage, TalosClient, TalosError } from '../index.ts'

/** How long a node that was started for this one message tries to bring it over. Milliseconds. */
const PATIENCE = 10_000

export default class Send extends BaseCommand {
  static override description = `Send a message to an agent

It is on disk here when the command returns, and goes out until it is delivered or expires: at once when the peer can be
reached, by its mailboxes when it is away, else when "talos daemon" or any later command has a way to it. The state says what
is true: queued (here), stored (in a mailbox), delivered (on the peer's disk), read (taken by its application), or failed.

The recipient * is everybody who listens to a topic now (--topic): a broadcast. It is signed, but NOT ENCRYPTED, anybody may
listen; it is not stored, and who gets it is not known.`
  static override examples = [
    '<%= config.bin %> send alice "the report is ready"',
    'git log -1 | <%= config.bin %> send 12D3KooW… - --wait 30s --json',
    "<%= config.bin %> send '*' 'rain by noon' --topic weather"
  ]
  static override args = {
    peer: Args.string({
      description: 'A name, PeerId, did:key or hex key; * for everybody who listens to --topic',
      required: true
    }),
    message: Args.string({ description: 'The message; - reads standard input', required: true })
  }
  static override flags = {
    expires: Flags.string({ description: 'When an undelivered message fails, such as 1h or 7d (default: 7d)' }),
    topic: Flags.string({
      description: 'What a broadcast is about: recipient *, NOT encrypted, to all who listen to this topic',
      exclusive: ['expires', 'wait']
    }),
    type: Flags.string({
      description: 'Media type (default: text/plain; charset=utf-8, or application/octet-stream for what is not UTF-8)'
    }),
    wait: Flags.string({ description: 'Wait until it is delivered, such as 30s; status 5 when it is not by then' })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Send)
    checkTopic(args.peer, flags.topic)
    const content = args.message === '-' ? await readAll(process.stdin) : Buffer.from(args.message)
    const contentType = flags.type ?? (isUtf8(content) ? 'text/plain; charset=utf-8' : 'application/octet-stream')
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    if (flags.topic !== undefined) return this.#broadcast(flags.topic, new Uint8Array(content), contentType, location)
    const message = await sendMessage({
      ...location,
      peer: args.peer,
      content: new Uint8Array(content),
      contentType,
      patience: PATIENCE,
      prompt: promptPassphrase,
      signal: interruption(),
      ...(flags.expires === undefined ? {} : { expiresIn: duration(flags.expires) }),
      ...(flags.wait === undefined ? {} : { wait: duration(flags.wait) })
    })
    this.log(lineOf(message, args.peer))
    const { content: _, ...report } = message
    return report
  }

  async #broadcast(
    topic: string,
    content: Uint8Array,
    contentType: string,
    location: { dataDir?: string }
  ): Promise<BroadcastReport & { topic: string; encrypted: false }> {
    const signal = interruption()
    // a client is connected to nobody who would pass it on
    await using talos = await TalosClient.create({ ...location, role: 'agent', prompt: promptPassphrase, signal })
    const report = await talos.broadcast(topic, content, { contentType, signal })
    const peers = report.peers === 1 ? '1 peer' : `${report.peers} peers`
    this.log(`said on #${topic.toLowerCase()}, NOT encrypted, to ${peers} who pass it on (${report.id})`)
    return { ...report, topic: topic.toLowerCase(), encrypted: false }
  }
}

function checkTopic(peer: string, topic: string | undefined): void {
  if ((peer === '*') === (topic !== undefined)) return
  throw new TalosError('USAGE_INVALID', 'the recipient * and --topic go together', {
    hint: "For example: talos send '*' 'rain by noon' --topic weather. A broadcast is never encrypted."
  })
}

function lineOf({ state, id }: OutgoingMessage, peer: string): string {
  switch (state) {
    case 'delivered':
      return `delivered to ${peer} (${id})`
    case 'read':
      return `read by ${peer} (${id})`
    case 'stored':
      return `stored in a mailbox of ${peer} (${id})`
    default:
      return `queued for ${peer}, who cannot be reached now (${id}); a running node keeps trying: talos daemon`
  }
}
