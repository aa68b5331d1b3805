export const REGISTRY_PROTOCOL = '/talos/registry/1.0.0'

/** The label under which a registration is signed (docs/spec/registry.md). */
export const REGISTRATION_LABEL = 'talos/registration/v1'
export const REGISTRATION_VERSION = 1

/** Longest frame in either direction, in bytes: a page of registrations. */
export const MAX_FRAME_LENGTH = 64 * 1024
/** Longest request, in bytes: a registration at its limits and its signature. */
export const MAX_REQUEST_LENGTH = 8 * 1024
/** Longest signed part of a registration, in bytes. */
export const MAX_REGISTRATION_LENGTH = 7.5 * 1024
export const MAX_ADDRESSES = 16
/** Addresses of mailboxes: four of two addresses each. */
export const MAX_MAILBOXES = 8
/**
 * How long after it was issued a registration still says where the mailboxes of its peer are, in milliseconds: for no longer
 * can anything be sealed for it after it was there (docs/spec/mailbox.md).
 */
export const MAILBOX_VALIDITY = 14 * 24 * 60 * 60_000
/** Longest binary multiaddr, in bytes: a DNS name of 253 and the parts around it fit, a tower of relays does not. */
export const MAX_ADDRESS_LENGTH = 300
/** Registrations in one page. A page is also cut where the frame is full. */
export const MAX_PAGE = 100
/** A prefix shorter than this names nobody in particular. */
export const MIN_PREFIX_LENGTH = 3
/** No spelling of a key or name is longer (a did:key has 56 characters). */
export const MAX_PREFIX_LENGTH = 64
/** Candidates that an answer to a prefix holds: enough to see that it is ambiguous, and with whom. */
export const MAX_CANDIDATES = 16

/** How far two clocks may be apart, in milliseconds. */
export const CLOCK_SKEW = 5 * 60_000
/** Longest time between issuedAt and expiresAt, in milliseconds. */
export const MAX_LIFETIME = 24 * 60 * 60_000
/** What clients ask for; they refresh at a third of it, so that two refreshes may fail. */
export const DEFAULT_LIFETIME = 60 * 60_000

/** The numeric status of a response (docs/spec/registry.md); 0 is success. */
export const STATUS = {
  ok: 0,
  malformed: 1,
  unknownRequest: 2,
  badSignature: 3,
  notYours: 4,
  badTime: 5,
  staleSequence: 6,
  nameTaken: 7,
  badName: 8,
  full: 9,
  rateLimited: 10,
  internal: 11
} as const
