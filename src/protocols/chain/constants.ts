export const CHAIN_PROTOCOL = '/talos/chain/1.0.0'

/** Longest request, in bytes: 64 hashes of blocks with what is around them. */
export const MAX_REQUEST_LENGTH = 4_096
/** Longest frame in either direction, in bytes: 2,000 headers with what is around them. */
export const MAX_FRAME_LENGTH = 512 * 1024

/** Hashes of blocks that say where two chains part. */
export const MAX_LOCATOR = 32
/** Headers of one answer. */
export const MAX_HEADERS = 2_000
/** Blocks that one request names. */
export const MAX_BLOCKS = 64
/** Bytes of blocks in one frame: a longer block comes in several, short ones share one. */
export const MAX_PIECE = 256 * 1024
/** Records of one page. */
export const MAX_RECORDS = 256
/** Pieces of evidence with the first page. */
export const MAX_EVIDENCE = 16
/** Author, stream and number of a record: where a page begins. */
export const POSITION_LENGTH = 44
export const WORK_LENGTH = 32

/** The numeric status of a response (docs/spec/chain-sync.md); 0 is success. */
export const STATUS = {
  ok: 0,
  malformed: 1,
  unknownRequest: 2,
  unknownChain: 3,
  notFound: 4,
  rateLimited: 5,
  internal: 6
} as const

export type StatusName = keyof typeof STATUS
