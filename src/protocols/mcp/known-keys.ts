export const NO_HASH = 0x811c9dc5 | 0

/** What an object's keys mean: 0 nothing, 1 the envelope, 2 params, 3 params._meta, 4 params.ref. */
export type Role = 0 | 1 | 2 | 3 | 4
export const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'
const KEYS: readonly (readonly string[])[] = [
  [],
  ['jsonrpc', 'id', 'method', 'params', 'result', 'error'],
  [
    'name',
    'uri',
    'arguments',
    '_meta',
    'ref',
    'requestId',
    'progressToken',
    'taskId',
    'requestState',
    'inputResponses'
  ],
  [
    PROTOCOL_VERSION,
    'io.modelcontextprotocol/clientCapabilities',
    'io.modelcontextprotocol/clientInfo',
    'progressToken'
  ],
  ['type', 'name', 'uri']
]

/** By role and hash. */
export const known = KEYS.map(
  keys => new Map(keys.map(key => [hashOf(Buffer.from(key)), { key, bytes: Buffer.from(key) }]))
)
/** By role: the keys that mean something, folded. */
export const folded = KEYS.map(keys => new Set(keys.map(fold)))
/** Of a key that means something, each character written as an escape. Bytes. */
export const longestKnown = Math.max(...KEYS.flat().map(key => key.length)) * 6

/** FNV-1a, 32 bits. Only a filter: equal hashes are compared in full, and long objects use a set. */
export function hashOn(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193)
}

export function hashOf(bytes: Uint8Array): number {
  let hash = NO_HASH
  for (const byte of bytes) hash = hashOn(hash, byte)
  return hash
}

/** Folds as lenient decoders do (Go's also takes ſ for s and the Kelvin sign for k). */
export function fold(key: string): string {
  return key.toUpperCase().toLowerCase()
}
