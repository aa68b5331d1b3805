/**
 * `/talos/stream/1.0.0`: bytes from one agent to another as they come into being (speech, video, a long answer), with consent,
 * codec, priority and back-pressure. Encrypted with keys of their own. Wire form: docs/spec/stream.md.
 *
 * @example
 * await using stream = await node.services.streams.open(peer, { codec: 'zstd', priority: 'bulk', label: 'build log' })
 * for await (const bytes of source) await stream.write(bytes)
 * await stream.end()
 */
import { StreamService, type Streams, type StreamsComponents, type StreamsInit } from './streams.ts'

export type { StreamCodec } from './codecs.ts'
export type { IncomingStream } from './incoming.ts'
export type { OutgoingStream } from './outgoing.ts'
export type { OpenOptions, StreamOffer, Streams, StreamsInit } from './streams.ts'

export function streams(init: StreamsInit): (components: StreamsComponents) => Streams {
  return components => new StreamService(components, init)
}
