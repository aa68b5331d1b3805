import { TalosError } from '../../errors.ts'
import { ANSWER, ENTRY_COST, SPARE_SPACE } from './constants.ts'
import { classOf, type MediaClass } from './media-type.ts'

const MIB = 1024 * 1024

/** What is accepted at most, whoever offers it. Bytes; 0 is no limit. */
export interface FileLimits extends Record<MediaClass, number> {
  /** All files of a directory together. */
  directory: number
  /** Files and directories in a directory. */
  entries: number
  /** The download folder with all that is in it. */
  quota: number
}

export const DEFAULT_LIMITS: FileLimits = {
  image: 50 * MIB,
  audio: 200 * MIB,
  video: 2048 * MIB,
  document: 100 * MIB,
  other: 50 * MIB,
  directory: 2048 * MIB,
  entries: 100_000,
  quota: 10 * 1024 * MIB
}

/** What an offer says of itself: nobody has checked it yet. */
export interface Claim {
  directory: boolean
  /** Bytes of content. */
  size: number
  entries: number
  mediaType: string
}

export interface Room {
  /** Bytes in the download folder now, and still to come of what was accepted. */
  used: number
  /** Bytes free on its disk, without what is still to come of what was accepted. */
  free: number
}

const exceeds = (value: number, limit: number): boolean => limit > 0 && value > limit

/** Why an offer cannot be taken: ANSWER.tooLarge, noSpace or quota; ANSWER.accepted when it can. */
export function admit(claim: Claim, limits: FileLimits, room: Room): number {
  const cost = claim.size + claim.entries * ENTRY_COST
  const limit = claim.directory ? limits.directory : limits[classOf(claim.mediaType)]
  if (exceeds(claim.size, limit) || (claim.directory && exceeds(claim.entries, limits.entries))) return ANSWER.tooLarge
  if (exceeds(room.used + cost, limits.quota)) return ANSWER.quota
  return cost + SPARE_SPACE > room.free ? ANSWER.noSpace : ANSWER.accepted
}

/** Throws FILE_TOO_LARGE when a file is larger than files of its content may be, whatever it was called in the offer. */
export function checkFile(mediaType: string, size: number, limits: FileLimits): void {
  const kind = classOf(mediaType)
  if (exceeds(size, limits[kind])) {
    throw new TalosError(
      'FILE_TOO_LARGE',
      `a file of ${size} bytes is ${mediaType}, and the limit for ${kind} is ${limits[kind]}`
    )
  }
}
