import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { jsonOf, shownContent } from '../cli/messages.ts'
import { OfferDesk } from '../cli/offer-desk.ts'
import { promptPassphrase } from '../cli/passphrase.ts'
import { clock } from '../cli/time.ts'
import { listPeers, type ReceivedBroadcast, TalosClient, TalosError } from '../index.ts'

export default class Listen extends BaseCommand {
  static override description = `Show messages as they arrive, and take files

Works through the node that runs for the data directory ("talos daemon"), or is the node while it runs. A message that was
shown is read: its sender is told, and it is not shown again. A file that is offered is asked for on a terminal, unless --yes or
the configuration (files.acceptFrom) takes it; "talos files" lists what waits. With --topic also what others say to everybody
on it, which anybody may read; it is marked (public). Runs until it is interrupted. With --json: one
JSON object per line, {"event":"listening",…} first, then {"event":"message",…}, {"event":"file-offer",…}, {"event":"file",…},
{"event":"broadcast",…}.`
  static override examples = [
    '<%= config.bin %> listen',
    '<%= config.bin %> listen --yes --download-dir ~/incoming',
    '<%= config.bin %> listen --peer alice --json',
    '<%= config.bin %> listen --topic weather --topic traffic'
  ]
  static override flags = {
    'download-dir': Flags.string({
      description: 'Where files go (default: downloads in the data directory); not beside a daemon, which has its own'
    }),
    listen: Flags.string({
      description: 'Multiaddr to listen on (default: any free TCP and WebSocket port); beside a daemon, there too',
      multiple: true,
      multipleNonGreedy: true
    }),
    peer: Flags.string({ description: 'Only messages of this peer' }),
    server: Flags.string({
      description: 'A bootstrap server to register at, beside those that are known: host:port or multiaddr',
      multiple: true,
      multipleNonGreedy: true
    }),
    topic: Flags.string({
      description: 'Also broadcasts on this topic (never encrypted); may be given several times',
      multiple: true,
      multipleNonGreedy: true
    }),
    yes: Flags.boolean({ char: 'y', description: 'Take every file that is offered, from anybody, within the limits' })
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Listen)
    const stop = interruption()
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    await using talos = await TalosClient.create({
      ...location,
      prompt: promptPassphrase,
      config: {
        ...(flags.server === undefined ? {} : { servers: flags.server }),
        ...(flags.listen === undefined ? {} : { listen: flags.listen }),
        ...(flags['download-dir'] === undefined ? {} : { files: { downloadDir: resolve(flags['download-dir']) } })
      },
      signal: stop
    })
    if (!(await talos.isNode())) await this.#passOn(talos, flags, stop)
    this.#announce(talos)
    for (const type of ['registered', 'not-registered'] as const) {
      talos.addEventListener(type, ({ detail }) => this.#tell(type, detail))
    }
    const offers = new OfferDesk(talos, {
      takeAll: flags.yes,
      isAsking: this.interactive,
      nameOf: peer => nameOf(peer, location),
      tell: (event, line) => this.#report(event, line)
    })
    await offers.start()
    const topics = (flags.topic ?? []).map(topic => this.#listenTo(topic, talos, stop, location))
    await Promise.all([this.#showMessages(talos, stop, flags.peer, location), ...topics])
  }

  /** To the node that runs already: it has read its own configuration. */
  async #passOn(
    talos: TalosClient,
    { server, listen, 'download-dir': downloadDir }: { server?: string[]; listen?: string[]; 'download-dir'?: string },
    signal: AbortSignal
  ): Promise<void> {
    if (downloadDir !== undefined) {
      throw new TalosError(
        'USAGE_DOWNLOAD_DIR',
        'a node runs here already, and its files go where its configuration says',
        {
          hint: 'Leave --download-dir out; or set files.downloadDir in config.yaml and start that node again.'
        }
      )
    }
    const wishes = { ...(server === undefined ? {} : { servers: server }), ...(listen === undefined ? {} : { listen }) }
    await talos.prepare(wishes, { signal })
  }

  async #showMessages(
    talos: TalosClient,
    stop: AbortSignal,
    peer: string | undefined,
    location: { dataDir?: string }
  ): Promise<void> {
    for await (const message of talos.messages({
      signal: stop,
      ...(peer === undefined ? {} : { peer })
    })) {
      const { ack, text: _, ...shown } = message
      if (this.jsonEnabled()) this.#print({ event: 'message', ...jsonOf(shown) })
      else this.log(`[${clock(message.sentAt)}] ${await nameOf(message.peer, location)}: ${shownContent(message)}`)
      await ack()
    }
  }

  async #listenTo(topic: string, talos: TalosClient, stop: AbortSignal, location: { dataDir?: string }): Promise<void> {
    for await (const { text: _, ...broadcast } of talos.broadcasts(topic, { signal: stop })) {
      this.#report(
        { event: 'broadcast', ...jsonOf(broadcast), encrypted: false },
        lineOf(broadcast, await nameOf(broadcast.peer, location))
      )
    }
  }

  #report(event: object, line: string): void {
    if (this.jsonEnabled()) this.#print(event)
    else this.log(line)
  }

  #announce({ peerId, name }: TalosClient): void {
    if (this.jsonEnabled()) this.#print({ event: 'listening', peerId, name })
    else this.note(`Listening as ${name}, ${peerId}`)
  }

  #tell(
    event: string,
    { server, ...detail }: { server: string; name?: string; reason?: string; mailboxes?: number }
  ): void {
    if (this.jsonEnabled()) this.#print({ event, server, ...detail })
    else if (detail.name !== undefined) this.note(`registered as "${detail.name}" at ${server}`)
    else this.note(`not registered at ${server}: ${detail.reason}`)
  }

  #print(object: object): void {
    process.stdout.write(`${JSON.stringify(object)}\n`)
  }
}

function lineOf(broadcast: Omit<ReceivedBroadcast, 'text'>, name: string): string {
  return `[${clock(broadcast.sentAt)}] #${broadcast.topic} ${name}: ${shownContent(broadcast)} (public)`
}

async function nameOf(peerId: string, location: { dataDir?: string }): Promise<string> {
  return (await listPeers(location)).find(peer => peer.peerId === peerId)?.name ?? peerId
}
