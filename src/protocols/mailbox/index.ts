/**
 * `/talos/mailbox/1.0.0`: sealed boxes, held for peers that are away. A mailbox learns for whom a box is, its size class and
 * when it expires; neither who left it nor what it says. Wire form: docs/spec/mailbox.md.
 *
 * @example
 * const server = await createNode({ …, services: { mailbox: mailboxServer({ database }) } })
 * const client = await createNode({
 *   …,
 *   services: { sessions: …, mailbox: components => mailboxClient({ sessions: components.sessions, … })(components) }
 * })
 * await client.services.mailbox.deposit(peer, envelope, expiresAt, signal)
 */
import { type MailboxClientComponents, MailboxClientService } from './client.ts'
import { MailboxServer, type MailboxServerComponents, type MailboxServerInit } from './server.ts'
import type { MailboxClient, MailboxClientInit } from './types.ts'

export type { MailboxClientComponents } from './client.ts'
export type { MailboxLimits, MailboxServer } from './server.ts'
export type {
  Depositor,
  MailboxAddress,
  MailboxClient,
  MailboxClientInit,
  MailboxRoute,
  MailboxState
} from './types.ts'

export function mailboxServer(init: MailboxServerInit): (components: MailboxServerComponents) => MailboxServer {
  return components => new MailboxServer(components, init)
}

export function mailboxClient(init: MailboxClientInit): (components: MailboxClientComponents) => MailboxClient {
  return components => new MailboxClientService(components, init)
}
