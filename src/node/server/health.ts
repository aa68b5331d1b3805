import type { Readiness } from '../monitor/http.ts'

/** A server, in numbers. */
export interface Health extends Readiness {
  /** Seconds since the start. */
  uptime: number
  connections: number
  reservations: number
  registrations: number
  /** Recipients of the mailbox, and what it holds for them. */
  mailboxes: number
  mailboxItems: number
  mailboxBytes: number
}
