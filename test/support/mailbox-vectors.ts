import { shake128 } from '@noble/hashes/sha3.js'
import { createNoble } from '../../src/crypto/noble.ts'
import { idOf, tagOf } from '../../src/protocols/mailbox/codec.ts'
import { STATUS } from '../../src/protocols/mailbox/constants.ts'
import { Request, Response } from '../../src/protocols/mailbox/pb/mailbox.ts'
import {
  encodePrekeys,
  issueBundle,
  maintainPrekeys,
  NO_PREKEYS,
  sealBox,
  verifyBundle
} from '../../src/protocols/ratchet/index.ts'
import { makeIdentity, START } from './session-party.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** The contents of a vector: so many bytes of 0, 1, 2, … */
export const countingBytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index)

/**
 * Sealed boxes with all their secrets: the part `boxes` of test/vectors/mailbox.json. Everything random comes from SHAKE128
 * of the empty string, in the order of use.
 */
export function makeBoxVectors(): Record<string, unknown> {
  const source = shake128.create({})
  let draws: Uint8Array[] = []
  const crypto = createNoble(length => {
    const bytes = source.xof(length)
    draws.push(bytes.slice())
    return bytes
  })
  const identity = makeIdentity(crypto)
  const [ed25519Seed, x25519Secret] = draws.map(hex)
  const prekeys = maintainPrekeys(crypto, { ...NO_PREKEYS, nextId: 7 }, START)
  const { bundle } = issueBundle(crypto, prekeys, identity, START, { oneTime: false })
  const verified = verifyBundle(crypto, bundle, identity.publicKey, START)
  const boxes = [0, 5, 1024, 1025].map(length => {
    draws = []
    const box = sealBox(crypto, verified, countingBytes(length))
    const [ephemeralSecret, kemMessage] = draws.map(hex)
    // of a longer one the beginning and the hash are enough
    const bytes = box.length > 4096 ? { head: hex(box.subarray(0, 256)) } : { box: hex(box) }
    return { length, ephemeralSecret, kemMessage, ...bytes, size: box.length, id: hex(crypto.sha256(box)) }
  })
  return {
    recipient: {
      ed25519Seed,
      x25519Secret,
      publicKey: hex(identity.publicKey),
      agreementPublicKey: hex(identity.agreement.publicKey),
      storedPrekeys: hex(encodePrekeys({ ...prekeys, oneTime: [], oneTimeKem: [] })),
      bundle: hex(bundle)
    },
    boxes
  }
}

/** One frame of each kind: the part `frames` of test/vectors/mailbox.json. The box in them is cut short. */
export function makeFrameVectors(): Record<string, unknown> {
  const { recipient } = makeBoxVectors() as { recipient: { publicKey: string; bundle: string } }
  const own = (some: Uint8Array) => Uint8Array.from(some)
  const tag = own(tagOf(Buffer.from(recipient.publicKey, 'hex')))
  const bundle = own(Buffer.from(recipient.bundle, 'hex'))
  const box = own(countingBytes(40))
  const ids = [own(idOf(box))]
  const time = BigInt(START)
  const requests: Request[] = [
    { put: { tag, expiresAt: time, box } },
    { askBundle: { tag } },
    { subscribe: { bundle } },
    { fetch: { after: 7n } },
    { remove: { ids } }
  ]
  const responses: Array<[string, Partial<Response>]> = [
    ['stored', { status: STATUS.ok, until: time }],
    ['a bundle', { status: STATUS.ok, bundle }],
    ['a page', { status: STATUS.ok, page: { boxes: [box, box], next: 9n, more: true } }],
    ['news', { status: STATUS.ok, news: true }],
    ['too fast', { status: STATUS.rateLimited, message: 'too many requests', retryAfter: 250 }],
    ['full', { status: STATUS.full, message: 'the mailbox of this recipient is full' }]
  ]
  return {
    tag: hex(tag),
    requests: requests.map(request => ({ what: Object.keys(request)[0], bytes: hex(Request.encode(request)) })),
    responses: responses.map(([what, response]) => ({ what, bytes: hex(Response.encode(response)) }))
  }
}
