import { TalosError } from '../../errors.ts'

/** What messaging keeps at most. Bytes are of contents, and some for each message. */
export interface MessagingLimits {
  /** Outstanding messages to one peer. */
  outboxMessages: number
  outboxBytes: number
  /** Outstanding messages to all peers. */
  totalOutboxMessages: number
  totalOutboxBytes: number
  /** Messages of one peer that the application has not taken. */
  inboxMessages: number
  inboxBytes: number
  /** Messages of all peers that the application has not taken. */
  totalInboxMessages: number
  totalInboxBytes: number
  /** Above so much of that, only what comes from peers that are known is taken: strangers cannot fill it. */
  openInboxMessages: number
  openInboxBytes: number
}

const MiB = 1024 * 1024

export const DEFAULT_LIMITS: MessagingLimits = {
  outboxMessages: 100_000,
  outboxBytes: 256 * MiB,
  totalOutboxMessages: 200_000,
  totalOutboxBytes: 1024 * MiB,
  inboxMessages: 50_000,
  inboxBytes: 256 * MiB,
  totalInboxMessages: 200_000,
  totalInboxBytes: 1024 * MiB,
  openInboxMessages: 100_000,
  openInboxBytes: 512 * MiB
}

/** What is kept now, of one peer or of all. */
export interface Usage {
  outCount: number
  outBytes: number
  inCount: number
  inBytes: number
}

/** Throws MESSAGE_OUTBOX_FULL when one more message of `cost` bytes is too much. */
export function checkOutbox(limits: MessagingLimits, peer: Usage, total: Usage, cost: number): void {
  const full =
    peer.outCount >= limits.outboxMessages || peer.outBytes + cost > limits.outboxBytes
      ? 'for this peer'
      : total.outCount >= limits.totalOutboxMessages || total.outBytes + cost > limits.totalOutboxBytes
        ? 'for all peers'
        : undefined
  if (full === undefined) return
  throw new TalosError('MESSAGE_OUTBOX_FULL', `as many messages wait ${full} as may`, {
    hint: 'Send it again when some have been delivered.'
  })
}

/** Whether one more message of `cost` bytes may be anybody's. */
export function isInboxOpen(limits: MessagingLimits, total: Usage, cost: number): boolean {
  return total.inCount < limits.openInboxMessages && total.inBytes + cost <= limits.openInboxBytes
}

export function hasInboxRoom(limits: MessagingLimits, peer: Usage, total: Usage, cost: number): boolean {
  return (
    peer.inCount < limits.inboxMessages &&
    peer.inBytes + cost <= limits.inboxBytes &&
    total.inCount < limits.totalInboxMessages &&
    total.inBytes + cost <= limits.totalInboxBytes
  )
}
