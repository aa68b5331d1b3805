import { createHash, randomUUID } from 'node:crypto'
import type { Logger } from '@libp2p/interface'
import { pipe } from 'it-pipe'
import { Child, type ServerSpec } from './child.ts'
import type { Guardian } from './guardian.ts'
import { splitLines } from './lines.ts'
import type { Message } from './message.ts'
import { Scanner } from './scanner.ts'
import { withId } from './splice.ts'
import { DEFAULT_MAX_LINE } from './tunnel/constants.ts'

/** Which of MCP's two eras a server speaks, and for the modern one what it says of itself. */
export type Era =
  | { readonly modern: false }
  | {
      readonly modern: true
      /** The versions it speaks; empty when it knows the method but refused ours. */
      readonly versions: readonly string[]
      /** Its answer to `server/discover` for the request `id` (as Message.id): its own bytes but for the id. */
      discoverReply(id: string): Uint8Array
    }

export interface ErasInit {
  guardian: Guardian
  log?: Logger
  /** How long a server may take to answer the probe before it counts as legacy, in milliseconds. @default 10_000 */
  timeout?: number
}

const PROBED_VERSION = '2026-07-28'
const UNSUPPORTED_VERSION = -32022

/**
 * Learns the era of a server by asking `server/discover` of a sibling process that is thrown away, since some servers of
 * the older era exit on any request before `initialize`. Once for each command.
 */
export class Eras {
  readonly #init: ErasInit
  readonly #known = new Map<string, Promise<Era>>()
  readonly #stop = new AbortController()

  constructor(init: ErasInit) {
    this.#init = init
  }

  /**
   * The era of the server, from memory or by a probe.
   *
   * @throws TalosError TUNNEL_SERVER_START; the next call tries again
   */
  of(spec: ServerSpec): Promise<Era> {
    const key = commandHash(spec)
    let era = this.#known.get(key)
    if (era === undefined) {
      era = this.#probe(spec)
      this.#known.set(key, era)
      era.catch(() => this.#known.delete(key))
    }
    return era
  }

  /** Ends probes that still run; they count as legacy. */
  stop(): void {
    this.#stop.abort()
  }

  async #probe(spec: ServerSpec): Promise<Era> {
    const { guardian, log, timeout = 10_000 } = this.#init
    const child = await Child.start(spec, { guardian })
    const end = AbortSignal.any([AbortSignal.timeout(timeout), this.#stop.signal])
    const stop = () => void child.stop()
    end.addEventListener('abort', stop, { once: true })
    if (end.aborted) stop()
    const id = JSON.stringify(`talos-${randomUUID()}`)
    try {
      void child.send([probeLine(id)])
      const era = await answerTo(id, child)
      log?.('%s speaks the %s era of MCP', spec.file, era.modern ? 'modern' : 'legacy')
      return era
    } finally {
      end.removeEventListener('abort', stop)
      await child.stop()
    }
  }
}

function commandHash(spec: ServerSpec): string {
  const env = Object.entries(spec.env ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([spec.file, spec.args, spec.cwd ?? null, env]))
    .digest('hex')
}

function probeLine(id: string): Uint8Array {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': PROBED_VERSION,
    'io.modelcontextprotocol/clientInfo': { name: 'talos', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {}
  }
  return Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":"server/discover","params":${JSON.stringify({ _meta })}}`)
}

async function answerTo(id: string, child: Child): Promise<Era> {
  const scanner = new Scanner()
  const lines = splitLines({ maxLine: DEFAULT_MAX_LINE, onTooLarge: () => {} })
  for await (const batch of pipe(child.output, lines)) {
    for (const line of batch) {
      const message = scanner.scan(line)
      if (!message.ok || message.id !== id || message.method !== '') continue
      return eraOf(line, message)
    }
  }
  return { modern: false }
}

function eraOf(line: Uint8Array, message: Message): Era {
  const answer = JSON.parse(Buffer.from(line).toString('utf8')) as {
    result?: { supportedVersions?: unknown } | null
    error?: { code?: unknown }
  }
  const supported = answer.result?.supportedVersions
  if (!Array.isArray(supported) && answer.error?.code !== UNSUPPORTED_VERSION) return { modern: false }
  const own = Uint8Array.from(line)
  return {
    modern: true,
    versions: Array.isArray(supported) ? supported.filter(version => typeof version === 'string') : [],
    discoverReply: id => withId(own, message, id)
  }
}
