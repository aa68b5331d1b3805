import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { TalosError } from '../../errors.ts'
import { MAX_BLOCK_LENGTH } from './constants.ts'

/**
 * Turns blocks into what travels, and back. One encoder and one decoder per stream, called for one block after the other, so they
 * may keep state. A block has 1 to 64,000 bytes; what is made of it has at most 64,512.
 */
export interface StreamCodec {
  /** 1 to 32 characters: lower-case letters, digits, dots, hyphens and underscores. Both sides must know it. */
  readonly name: string
  encoder(): (block: Uint8Array) => Uint8Array | Promise<Uint8Array>
  /** Must not make more than `maxLength` bytes, nor take much more memory than that. Rejects what it cannot read. */
  decoder(): (encoded: Uint8Array, maxLength: number) => Uint8Array | Promise<Uint8Array>
}

export type Codecs = ReadonlyMap<string, StreamCodec>

/** What node:zlib has from Node 22.15 on. */
type Zstd = Pick<typeof zlib, 'zstdCompress' | 'zstdDecompress'>

const identity: StreamCodec = { name: 'identity', encoder: () => block => block, decoder: () => encoded => encoded }

/**
 * log2 of zstd's window, for both sides. A frame says how much memory its reader needs, and the default limit is 128 MiB; for
 * blocks of 64,000 bytes 64 KiB are enough.
 */
const WINDOW_LOG = 16

function zstdCodec(zstd: Zstd): StreamCodec {
  const compress = promisify<Uint8Array, zlib.ZstdOptions, Uint8Array>(zstd.zstdCompress)
  const decompress = promisify<Uint8Array, zlib.ZstdOptions, Uint8Array>(zstd.zstdDecompress)
  const { ZSTD_c_windowLog, ZSTD_d_windowLogMax } = zlib.constants
  return {
    name: 'zstd',
    // a frame for each block: it can be read as soon as it is there, and a bomb is no larger than a block
    encoder: () => block => compress(block, { params: { [ZSTD_c_windowLog]: WINDOW_LOG } }),
    decoder: () => (encoded, maxLength) =>
      decompress(encoded, { maxOutputLength: maxLength, params: { [ZSTD_d_windowLogMax]: WINDOW_LOG } })
  }
}

/** The codecs of this node: `identity`, `zstd` where Node has it, and `more`. */
export function codecRegistry(more: readonly StreamCodec[] = [], zstd: Partial<Zstd> = zlib): Codecs {
  const builtIn = typeof zstd.zstdCompress === 'function' ? [identity, zstdCodec(zstd as Zstd)] : [identity]
  const codecs = new Map<string, StreamCodec>()
  for (const codec of [...builtIn, ...more]) {
    if (!/^[a-z0-9._-]{1,32}$/.test(codec.name) || codecs.has(codec.name)) {
      throw new TalosError('STREAM_CODEC_INVALID', `a codec cannot be named ${JSON.stringify(codec.name)}`, {
        hint: 'Names are unique, and have 1 to 32 lower-case letters, digits, dots, hyphens and underscores.'
      })
    }
    codecs.set(codec.name, codec)
  }
  return codecs
}

/** Throws STREAM_CODEC_UNKNOWN. */
export function codecOf(codecs: Codecs, name: string): StreamCodec {
  const codec = codecs.get(name)
  if (codec !== undefined) return codec
  throw new TalosError('STREAM_CODEC_UNKNOWN', `this side does not know the codec ${JSON.stringify(name)}`, {
    hint: name === 'zstd' ? 'zstd needs Node 22.15 or newer.' : `It knows ${[...codecs.keys()].join(', ')}.`
  })
}

/** The block in a chunk. Throws STREAM_CODEC_FAILED when it cannot be read, or is longer than a block. */
export async function decodeBlock(
  decode: ReturnType<StreamCodec['decoder']>,
  encoded: Uint8Array
): Promise<Uint8Array> {
  try {
    const block = await decode(encoded, MAX_BLOCK_LENGTH)
    if (block.byteLength > 0 && block.byteLength <= MAX_BLOCK_LENGTH) return block
  } catch (cause) {
    throw new TalosError('STREAM_CODEC_FAILED', 'a chunk could not be decoded, or is longer than it may be', { cause })
  }
  throw new TalosError('STREAM_CODEC_FAILED', 'a chunk holds nothing, or more than it may')
}
