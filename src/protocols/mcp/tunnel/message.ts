import { TalosError } from '../../../errors.ts'
import { TunnelMessage } from './pb/tunnel.ts'

/** A message with only the fields that it needs. */
export type OutgoingMessage = Partial<Omit<TunnelMessage, 'lines'> & { lines: Uint8Array[] }>

/** What carries a tunnel for a while: its messages, in order, until the stream below it breaks. */
export interface Channel {
  /** Resolves when there is room for more. Throws when the stream is broken. */
  send(message: OutgoingMessage, signal?: AbortSignal): Promise<void>
  /** All messages that have arrived, at least one; undefined when the other side has closed its end. Throws as send(). */
  receive(): Promise<TunnelMessage[] | undefined>
  /** The last word was said: closes the channel once it is sent, and drops what still comes. */
  finish(signal: AbortSignal): Promise<void>
  /** Breaks the stream at once. */
  abort(reason: Error): void
  /** For a channel on which nothing more is received or sent. */
  wipe(): void
}

export function encodeMessage(message: OutgoingMessage): Uint8Array {
  return TunnelMessage.encode(message as Partial<TunnelMessage>)
}

/** Most lines in one message. */
const MAX_LINES = 65_536

/** Throws TUNNEL_PROTOCOL. */
export function decodeMessage(plaintext: Uint8Array): TunnelMessage {
  try {
    return TunnelMessage.decode(plaintext, { limits: { lines: MAX_LINES } })
  } catch (cause) {
    // it is genuine, so sending it again would not help
    throw new TalosError('TUNNEL_PROTOCOL', 'the other side sent a message that cannot be decoded', { cause })
  }
}
