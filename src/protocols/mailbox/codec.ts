import { crypto, statement } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import { ID_LENGTH, MAX_PAGE, STATUS, type StatusName, TAG_LABEL, TAG_LENGTH } from './constants.ts'
import { Request, Response } from './pb/mailbox.ts'

/** What a recipient is called at a mailbox: SHA-256 of the label and its 32-byte public key. */
export function tagOf(publicKey: Uint8Array): Uint8Array {
  return crypto.sha256(statement(TAG_LABEL, publicKey))
}

/** What a box is called: its SHA-256. */
export function idOf(box: Uint8Array): Uint8Array {
  return crypto.sha256(box)
}

/** A request, its form checked. */
export type MailboxRequest =
  | { kind: 'put'; tag: Uint8Array; expiresAt: number; box: Uint8Array }
  | { kind: 'askBundle'; tag: Uint8Array }
  | { kind: 'subscribe'; bundle: Uint8Array }
  | { kind: 'fetch'; after: number }
  | { kind: 'remove'; ids: Uint8Array[] }
  | { kind: 'unknown' }

/** Throws MAILBOX_REQUEST_MALFORMED. */
export function decodeRequest(frame: Uint8Array): MailboxRequest {
  let request: Request
  try {
    request = Request.decode(frame, { limits: { remove: { ids: MAX_PAGE } } })
  } catch (cause) {
    throw malformedRequest((cause as Error).message, cause)
  }
  const { put, askBundle, subscribe, fetch, remove } = request
  if (put !== undefined) {
    return { kind: 'put', tag: tag(put.tag), expiresAt: integer(put.expiresAt), box: put.box }
  }
  if (askBundle !== undefined) return { kind: 'askBundle', tag: tag(askBundle.tag) }
  if (subscribe !== undefined) return { kind: 'subscribe', bundle: subscribe.bundle }
  if (fetch !== undefined) return { kind: 'fetch', after: integer(fetch.after) }
  if (remove !== undefined) {
    if (remove.ids.some(id => id.byteLength !== ID_LENGTH)) throw malformedRequest(`an id has ${ID_LENGTH} bytes`)
    return { kind: 'remove', ids: remove.ids }
  }
  return { kind: 'unknown' }
}

/** A response, what is left out empty. */
export type Answer = Partial<Omit<Response, 'status'>> & { status: StatusName }

export function encodeAnswer({ status, ...rest }: Answer): Uint8Array {
  return Response.encode({ status: STATUS[status], ...rest })
}

/** Throws MAILBOX_ANSWER_INVALID. */
export function decodeResponse(frame: Uint8Array): Response {
  try {
    return Response.decode(frame, { limits: { page: { boxes: MAX_PAGE } } })
  } catch (cause) {
    throw invalidAnswer('it is not readable', cause)
  }
}

export function invalidAnswer(why: string, cause?: unknown): TalosError {
  return new TalosError('MAILBOX_ANSWER_INVALID', `the mailbox gave an answer that is not valid: ${why}`, {
    hint: 'Nothing of it was used. The mailbox is faulty or hostile.',
    cause
  })
}

function malformedRequest(why: string, cause?: unknown): TalosError {
  return new TalosError('MAILBOX_REQUEST_MALFORMED', `a request to the mailbox is malformed: ${why}`, { cause })
}

function tag(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength !== TAG_LENGTH) throw malformedRequest(`a tag has ${TAG_LENGTH} bytes`)
  return bytes
}

function integer(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformedRequest('a number is too large')
  return Number(value)
}
