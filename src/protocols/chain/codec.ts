import { TalosError } from '../../errors.ts'
import {
  MAX_BLOCKS,
  MAX_EVIDENCE,
  MAX_HEADERS,
  MAX_LOCATOR,
  MAX_RECORDS,
  MAX_REQUEST_LENGTH,
  POSITION_LENGTH,
  STATUS,
  type StatusName,
  WORK_LENGTH
} from './constants.ts'
import { type ChainStatus as ChainStatusPb, Request, Response } from './pb/chain.ts'
import type { ChainStatus } from './types.ts'

const HASH_LENGTH = 32

/** A request, its form checked. */
export type ChainRequest = { chain: Uint8Array } & (
  | { kind: 'status'; status: ChainStatus }
  | { kind: 'headers'; locator: Uint8Array[]; max: number }
  | { kind: 'blocks'; hashes: Uint8Array[] }
  | { kind: 'proof'; record: Uint8Array; size: number }
  | { kind: 'records'; after: Uint8Array }
  | { kind: 'unknown' }
)

export type RequestKind = ChainRequest['kind']

/** Throws CHAIN_PEER_FAULT. */
export function decodeRequest(frame: Uint8Array): ChainRequest {
  if (frame.byteLength > MAX_REQUEST_LENGTH) throw fault(`a request has at most ${MAX_REQUEST_LENGTH} bytes`)
  let request: Request
  try {
    request = Request.decode(frame, {
      limits: { getHeaders: { locator: MAX_LOCATOR }, blocks: { hashes: MAX_BLOCKS } }
    })
  } catch (cause) {
    throw fault('a request is not readable', cause)
  }
  const { chain, status, getHeaders, blocks, getProof, getRecords } = request
  checkHashes([chain])
  if (status !== undefined) return { chain, kind: 'status', status: statusOf(status) }
  if (getHeaders !== undefined) {
    checkHashes(getHeaders.locator)
    if (getHeaders.locator.length === 0) throw fault('a locator names at least one block')
    return { chain, kind: 'headers', locator: getHeaders.locator, max: Math.min(getHeaders.max, MAX_HEADERS) }
  }
  if (blocks !== undefined) {
    checkHashes(blocks.hashes)
    return { chain, kind: 'blocks', hashes: blocks.hashes }
  }
  if (getProof !== undefined) {
    checkHashes([getProof.record])
    return { chain, kind: 'proof', record: getProof.record, size: getProof.size }
  }
  if (getRecords === undefined) return { chain, kind: 'unknown' }
  const { after } = getRecords
  if (after.length !== 0 && after.length !== POSITION_LENGTH) throw fault(`a position has ${POSITION_LENGTH} bytes`)
  return { chain, kind: 'records', after }
}

/** A response, what is left out empty. */
export type Answer = Partial<Omit<Response, 'status'>> & { status: StatusName }

export function encodeAnswer({ status, ...rest }: Answer): Uint8Array {
  return Response.encode({ message: '', retryAfter: 0, proof: new Uint8Array(), ...rest, status: STATUS[status] })
}

/** Throws CHAIN_PEER_FAULT. */
export function decodeResponse(frame: Uint8Array): Response {
  try {
    return Response.decode(frame, { limits: { records: { records: MAX_RECORDS, evidence: MAX_EVIDENCE } } })
  } catch (cause) {
    throw fault('an answer is not readable', cause)
  }
}

export function encodeStatus({ genesis, tip, height, work, bodiesFrom }: ChainStatus): ChainStatusPb {
  const digits = work.toString(16).padStart(2 * WORK_LENGTH, '0')
  return { genesis: own(genesis), tip: own(tip), height, work: own(Buffer.from(digits, 'hex')), bodiesFrom }
}

/** Throws CHAIN_PEER_FAULT. */
export function statusOf({ genesis, tip, height, work, bodiesFrom }: ChainStatusPb): ChainStatus {
  checkHashes([genesis, tip, work])
  // copies: the frame that they came in is longer than they are
  return {
    genesis: own(genesis),
    tip: own(tip),
    height,
    work: BigInt(`0x${Buffer.from(work).toString('hex')}`),
    bodiesFrom
  }
}

/** A copy that protobuf's types take. */
export const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes)

/** The other side does what nobody does who keeps to the protocol. */
export function fault(why: string, cause?: unknown): TalosError {
  return new TalosError('CHAIN_PEER_FAULT', `a peer breaks the rules of /talos/chain: ${why}`, { cause })
}

function checkHashes(hashes: readonly Uint8Array[]): void {
  if (hashes.some(hash => hash.length !== HASH_LENGTH)) throw fault(`a hash has ${HASH_LENGTH} bytes`)
}
