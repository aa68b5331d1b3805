import * as z from 'zod/mini'
import { OUTCOMES } from '../../protocols/mcp/records/call-record.ts'
import type { OpenAnswer } from '../../protocols/mcp/tunnel/client.ts'
import { HOST_ID_LENGTH } from '../../protocols/mcp/tunnel/constants.ts'
import type { OfferedAt, TunnelTarget } from '../tunnels/types.ts'

/** What may be recorded in one request: what waits at most, and some that come meanwhile. */
const MAX_RECORDS = 65_536

const texts = z.array(z.string())
const count = z.int().check(z.nonnegative())
const target = { peerId: z.string(), addresses: texts }
const service = z.string().check(z.maxLength(256))
const text = z.string().check(z.maxLength(1_024))
const operation = z.string().check(z.regex(/^mcp\/[0-9a-f]{48}\/[1-9][0-9]{0,15}(\/end)?$/))
const digest = z.string().check(z.regex(/^[0-9a-f]{64}$/))
const side = z.enum(['asked', 'served'])
const lineLength = z.int().check(z.positive(), z.maximum(0xffff_ffff))

/** What a process asks of the node for its tunnels, and what the parameters are. */
export const TUNNEL_METHODS = {
  /** Servers and listening addresses that the process's flags name. */
  prepare: z.object({ servers: z.optional(texts), listen: z.optional(texts) }),
  resolveHost: z.object({ peer: z.string() }),
  /** Opens a stream of a tunnel; the ticket is for the connection that carries it. */
  openTunnel: z.object({
    ...target,
    tunnelId: z.custom<Uint8Array>(value => value instanceof Uint8Array, 'expected bytes'),
    service,
    maxLine: lineLength,
    /** To take up a tunnel: the lines received so far. */
    received: z.optional(count),
    /** Over this connection, by its id. */
    over: z.optional(z.string())
  }),
  dialDirect: z.object(target),
  leaveConnection: z.object({ id: z.string(), silent: z.boolean() }),
  /** Offers services until this connection ends. The node asks for each stream that peers open then: `admitTunnel`. */
  offerTunnels: z.object({
    services: z.array(service).check(z.minLength(1)),
    authorizedPeers: texts.check(z.minLength(1)),
    maxLine: lineLength,
    grace: count,
    pid: z.int()
  }),
  /** Records what happened in tunnels of this process, in the node's chain. */
  recordCalls: z.object({
    records: z
      .array(
        z.discriminatedUnion('kind', [
          z.object({
            kind: z.literal('INVOCATION'),
            operation,
            side,
            peer: text,
            service,
            method: z.enum(['tools/call', 'resources/read', 'prompts/get']),
            subject: z.optional(text),
            hash: digest,
            size: count
          }),
          z.object({
            kind: z.literal('EXECUTION'),
            operation,
            side,
            peer: text,
            outcome: z.enum(OUTCOMES),
            hash: z.optional(digest),
            size: z.optional(count),
            duration: count
          }),
          z.object({
            kind: z.literal('DENIAL'),
            peer: z.optional(text),
            reason: text,
            service: z.optional(service),
            method: z.optional(text),
            subject: z.optional(text),
            count,
            first: count,
            last: count
          })
        ])
      )
      .check(z.maxLength(MAX_RECORDS)),
    isRepeated: z.boolean()
  })
}

export type TunnelMethod = keyof typeof TUNNEL_METHODS

/** A connection between the machines. */
export interface ConnectionInfo {
  id: string
  direct: boolean
}

export interface TunnelResults {
  prepare: null
  resolveHost: TunnelTarget
  openTunnel: OpenAnswer & { ticket: string; connection: ConnectionInfo }
  dialDirect: ConnectionInfo
  leaveConnection: null
  offerTunnels: OfferedAt
  recordCalls: null
}

/** What the node tells a process that offers services: a peer has come that may use this one. */
export const PREPARE_TUNNEL = 'prepareTunnel'

/** What the node asks of a process that offers services, about a stream that a peer opens. */
export const ADMIT_TUNNEL = 'admitTunnel'

export const ADMISSION = z.union([
  /** A reason of docs/spec/tunnel.md. */
  z.object({ refused: z.int() }),
  /** Lines received so far, and what the process has drawn for the tunnel's name in records. The process takes the channel that the ticket stands for. */
  z.object({
    received: count,
    hostId: z.custom<Uint8Array>(
      value => value instanceof Uint8Array && value.length === HOST_ID_LENGTH,
      'expected 8 bytes'
    )
  })
])
export type Admission = z.output<typeof ADMISSION>
