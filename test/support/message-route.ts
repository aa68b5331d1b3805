import type { MailboxRoute } from '../../src/protocols/mailbox/index.ts'
import type { MessageAgent, Town } from './message-agents.ts'

/** A mailbox that keeps what is left in it until it is asked for, or hands it to `deliver` at once. */
export class TestMailbox {
  readonly #town: Town
  /** Envelopes by recipient, in the order in which they came. */
  readonly boxes = new Map<string, Uint8Array[]>()
  /** Refuses everything while this is set. */
  error: Error | undefined
  /** It keeps nothing longer than that. Milliseconds since the epoch. */
  until: number | undefined

  constructor(town: Town) {
    this.#town = town
  }

  get route(): MailboxRoute {
    return {
      deposit: async (peer, envelope, expiresAt) => {
        if (this.error !== undefined) throw this.error
        this.boxOf(peer.toString()).push(envelope.slice())
        return { copies: 1, until: Math.min(expiresAt, this.until ?? expiresAt) }
      },
      bundle: async peer => this.#town.get(peer.toString())?.node.services.sessions.publicBundle()
    }
  }

  boxOf(name: string): Uint8Array[] {
    const box = this.boxes.get(name) ?? []
    this.boxes.set(name, box)
    return box
  }

  /** The owner fetches what is there, and its mailbox forgets what it may. */
  async fetch(owner: MessageAgent): Promise<void> {
    const box = this.boxOf(owner.name)
    for (const envelope of box.splice(0)) if (!(await owner.messaging.receive(envelope))) box.push(envelope)
  }
}
