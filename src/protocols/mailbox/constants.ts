import { BOX_CAPACITIES, BOX_OVERHEAD, PREKEY_POLICY } from '../ratchet/index.ts'

export const MAILBOX_PROTOCOL = '/talos/mailbox/1.0.0'

/** The label under which a recipient's public key becomes its tag (docs/spec/mailbox.md). */
export const TAG_LABEL = 'talos/mailbox-tag/v1'
export const TAG_LENGTH = 32
/** SHA-256 of a box. */
export const ID_LENGTH = 32

/** Bytes of the longest envelope: a message of 1 MiB and what is around it. */
export const MAX_ENVELOPE_LENGTH = BOX_CAPACITIES.at(-1)!
export const MAX_BOX_LENGTH = MAX_ENVELOPE_LENGTH + BOX_OVERHEAD
/** Longest frame in either direction, in bytes: the largest box and the fields around it. */
export const MAX_FRAME_LENGTH = MAX_BOX_LENGTH + 1024
/** What the boxes of a page may fill of a frame, each counted with ITEM_OVERHEAD. */
export const PAGE_LENGTH = MAX_BOX_LENGTH + 512
export const ITEM_OVERHEAD = 8
/** Boxes in one page, and ids in one request to remove. */
export const MAX_PAGE = 512

/**
 * Longest time that a box is kept, in milliseconds. Whoever may seal with a prekey at the end of its bundle's life must reach
 * the recipient before the key is deleted: what is stored can be opened whenever it is fetched.
 */
export const MAX_TTL = PREKEY_POLICY.deleteAfter - PREKEY_POLICY.rotateAfter - PREKEY_POLICY.bundleLifetime

/** How long a recipient that stays away keeps its mailbox, in milliseconds: longer than anybody can deposit there. */
export const RETENTION = PREKEY_POLICY.bundleLifetime + MAX_TTL

/** How long a mailbox waits for the next request of a stream, in milliseconds; and of one that is subscribed. */
export const IDLE_TIMEOUT = 30_000
export const SUBSCRIBED_IDLE_TIMEOUT = 5 * 60_000
/** A subscriber asks after so long a silence, in milliseconds: it keeps the stream, and shows that it lives. */
export const POLL_INTERVAL = 90_000

/** The numeric status of a response (docs/spec/mailbox.md); 0 is success. */
export const STATUS = {
  ok: 0,
  malformed: 1,
  unknownRequest: 2,
  unknownRecipient: 3,
  full: 4,
  tooLarge: 5,
  expired: 6,
  rateLimited: 7,
  badBundle: 8,
  internal: 9
} as const

export type StatusName = keyof typeof STATUS
