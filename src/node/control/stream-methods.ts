import * as z from 'zod/mini'
import { PRIORITIES, type Priority } from '../../protocols/framing/priority.ts'

const offer = z.object({ offer: z.int() })

/** What a process asks of the node for its streams, and what the parameters are. */
export const STREAM_METHODS = {
  /** Opens a stream to a peer, once it has consented; the ticket is for the connection that carries it. */
  openStream: z.object({
    peer: z.string().check(z.minLength(1), z.maxLength(256)),
    codec: z.optional(z.string()),
    priority: z.optional(z.enum(PRIORITIES)),
    label: z.optional(z.string())
  }),
  /** Streams that peers offer are told to this process, as notifications, until leaveStreams or the end of this connection. */
  decideStreams: z.object({}),
  leaveStreams: z.object({}),
  /** Takes a stream that is offered; the ticket is for the connection that carries it. */
  acceptStream: offer,
  refuseStream: offer
}

export type StreamMethod = keyof typeof STREAM_METHODS

export interface StreamResults {
  openStream: { ticket: string; peerId: string; codec: string; priority: Priority; label: string }
  decideStreams: null
  leaveStreams: null
  acceptStream: { ticket: string }
  refuseStream: null
}

/** What the node tells a process that decides about streams: a peer offers one. */
export const STREAM_OFFERED = 'streamOffered'
export interface StreamOffered {
  /** Counts up on this connection. */
  offer: number
  peerId: string
  codec: string
  priority: Priority
  label: string
}

/** It is offered no more: nobody has answered in time, somebody else has, or the peer is gone. */
export const STREAM_OFFER_OVER = 'streamOfferOver'
