import type { MailboxLimits } from '../../protocols/mailbox/index.ts'
import type { ServerLimits } from '../network/limits.ts'

type Configured = { [K in keyof ServerLimits]?: number | undefined }

/** What a mailbox holds, of the limits of a configuration; the mailbox's own defaults for what is not there. */
export function mailboxLimits(limits: Configured): Partial<MailboxLimits> {
  const given: Partial<Record<keyof MailboxLimits, number | undefined>> = {
    maxRecipients: limits.maxMailboxes,
    maxBytes: limits.maxMailboxBytes,
    bytesPerRecipient: limits.maxMailboxBytesPerPeer,
    itemsPerRecipient: limits.maxMailboxItemsPerPeer
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
