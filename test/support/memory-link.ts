import { TypedEventEmitter } from 'main-event'
import { TalosError } from '../../src/errors.ts'
import type { TunnelLink, TunnelLinkEvents } from '../../src/protocols/mcp/tunnel/link.ts'

/** Bytes that one side may send ahead of the other's reading. */
const WINDOW = 1024 * 1024

/** One end of an in-memory tunnel link, with back-pressure, that tests can interrupt and cut. */
export class MemoryLink extends TypedEventEmitter<TunnelLinkEvents> implements TunnelLink {
  other!: MemoryLink
  readonly #end = new AbortController()
  readonly #changed = new EventTarget()
  #queue: Uint8Array[][] = []
  #queued = 0
  #interrupted = false
  #error: TalosError | undefined

  static pair(): [MemoryLink, MemoryLink] {
    const a = new MemoryLink()
    const b = new MemoryLink()
    a.other = b
    b.other = a
    return [a, b]
  }

  /** Aborted when the link has ended. */
  get signal(): AbortSignal {
    return this.#end.signal
  }

  async *incoming(): AsyncGenerator<Uint8Array[]> {
    for (;;) {
      while (this.#queue.length > 0 && !this.#interrupted) {
        const batch = this.#queue.shift()!
        this.#queued -= size(batch)
        this.other.#wake()
        yield batch
      }
      if (this.signal.aborted) {
        if (this.#error !== undefined) throw this.#error
        return
      }
      await this.#change()
    }
  }

  async send(lines: Uint8Array[]): Promise<void> {
    if (this.signal.aborted) throw this.#ended()
    this.other.#queue.push(lines.map(line => Uint8Array.from(line)))
    this.other.#queued += size(lines)
    this.other.#wake()
    while (this.other.#queued > WINDOW || this.#interrupted) {
      await this.#change()
      if (this.signal.aborted) throw this.#ended()
    }
  }

  async end(reason?: TalosError): Promise<void> {
    for (const link of [this, this.other]) {
      link.#error ??= reason
      link.#finish()
    }
  }

  /** Ends both ends badly. */
  cut(why: string): void {
    for (const link of [this, this.other]) {
      link.#error = new TalosError('TUNNEL_LOST', why)
      link.#queue = []
      link.#finish()
    }
  }

  /** Nothing passes until resume(); both ends are told. */
  interrupt(): void {
    for (const link of [this, this.other]) {
      link.#interrupted = true
      link.safeDispatchEvent('interrupted', { detail: { closed: true } })
    }
  }

  resume(): void {
    for (const link of [this, this.other]) {
      link.#interrupted = false
      link.#wake()
      link.safeDispatchEvent('resumed')
    }
  }

  #finish(): void {
    if (this.signal.aborted) return
    this.#end.abort()
    this.safeDispatchEvent('ended', { detail: this.#error })
    this.#wake()
  }

  #ended(): TalosError {
    return this.#error ?? new TalosError('TUNNEL_ENDED', 'the link has ended')
  }

  #wake(): void {
    this.#changed.dispatchEvent(new Event('change'))
  }

  #change(): Promise<void> {
    return new Promise(resolve => this.#changed.addEventListener('change', () => resolve(), { once: true }))
  }
}

function size(lines: Uint8Array[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0)
}
