import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { TalosError } from '../../errors.ts'
import type { MailboxAddress, MailboxState } from '../../protocols/mailbox/index.ts'
import type { KnownServer } from '../server-book.ts'

/** Mailboxes of one node, and addresses of each that others are told: a registration has room for these. */
const MAX_MAILBOXES = 4
const MAX_ADDRESSES = 2

/**
 * The mailboxes of a node: those of its configuration (multiaddrs with `/p2p/…` at their end), else the servers that it uses,
 * the one seen last first. Whether a server offers one shows when it is asked. Four at most. Throws CONFIG_INVALID.
 */
export function ownMailboxes(configured: readonly string[], servers: readonly KnownServer[]): MailboxAddress[] {
  const found =
    configured.length > 0
      ? mailboxesAt(configured.map(configuredAddress))
      : servers.map(({ peerId, addresses }) => ({
          peerId: peerIdFromString(peerId),
          addresses: addresses.map(text => multiaddr(text))
        }))
  return found.slice(0, MAX_MAILBOXES)
}

/** What a registration says of the mailboxes that have taken this node in: without them a sender would be refused. */
export function registrableMailboxes(states: readonly MailboxState[]): Multiaddr[] {
  return states
    .filter(({ isOurs }) => isOurs)
    .flatMap(({ mailbox: { peerId, addresses } }) =>
      addresses.slice(0, MAX_ADDRESSES).map(address => {
        const suffix = `/p2p/${peerId}`
        return address.toString().endsWith(suffix) ? address : address.encapsulate(suffix)
      })
    )
}

/** Whether an address that ends in `/p2p/…` is of one of these mailboxes. */
export function isOneOf(address: Multiaddr, mailboxes: readonly MailboxAddress[]): boolean {
  const id = address.getComponents().at(-1)?.value
  return mailboxes.some(({ peerId }) => peerId.toString() === id)
}

/** The mailboxes behind addresses that end in `/p2p/…`, in their order; those of one peer belong together. */
export function mailboxesAt(addresses: readonly Multiaddr[]): MailboxAddress[] {
  const found = new Map<string, Multiaddr[]>()
  for (const address of addresses) {
    const peerId = address.getComponents().at(-1)!.value!
    found.set(peerId, [...(found.get(peerId) ?? []), address])
  }
  return [...found].map(([peerId, some]) => ({ peerId: peerIdFromString(peerId), addresses: some }))
}

function configuredAddress(text: string): Multiaddr {
  try {
    const address = multiaddr(text)
    const components = address.getComponents()
    if (components.length > 1 && components.at(-1)!.name === 'p2p') return address
  } catch {
    // said below, with an example
  }
  throw new TalosError(
    'CONFIG_INVALID',
    `mailboxes: ${JSON.stringify(text)} is no multiaddr with the mailbox’s PeerId`,
    {
      hint: 'For example /dns4/talos.example/tcp/8765/p2p/12D3KooW…, as `talos server` prints it.'
    }
  )
}
