import { setTimeout as delay } from 'node:timers/promises'
import { TypedEventEmitter } from 'main-event'
import { isTalosError, TalosError } from '../../../errors.ts'
import { printable } from '../printable.ts'
import { ACK_DELAY, BATCH_LENGTH, END_WAIT, LINE_COST, LINGER, PING_AFTER, SILENT_AFTER, WINDOW } from './constants.ts'
import type { Channel, OutgoingMessage } from './message.ts'
import type { TunnelEnd, TunnelMessage } from './pb/tunnel.ts'

export interface TunnelLinkEvents {
  /** `closed` when a connection on which the other side was heard was closed or reset, false when it had fallen silent. */
  interrupted: CustomEvent<{ closed: boolean }>
  resumed: CustomEvent<void>
  /** The tunnel is over for good, with the reason if it ended badly. Fired once. */
  ended: CustomEvent<TalosError | undefined>
}

/** The two ends of a tunnel as the code above it sees them: lines in, lines out, in order, each exactly once. */
export interface TunnelLink {
  /** Batches of lines (without their newline). Ends when the tunnel has ended; throws a TalosError when it ended badly. */
  incoming(): AsyncIterable<Uint8Array[]>
  /** Resolves when there is room for more; rejects when the tunnel has ended. */
  send(lines: Uint8Array[]): Promise<void>
  /** Ends the tunnel for both sides; with a reason, the other side's incoming() throws it. */
  end(reason?: TalosError): Promise<void>
}

/** Of the other side's reason for the end, in characters. */
const LONGEST_REASON = 512

/** What a line counts against a window. */
const costOf = (line: Uint8Array): number => line.byteLength + LINE_COST

/** The other side's reason, as far as it may be shown and acted on: it speaks of the tunnel only. */
function endedBy({ code, message }: TunnelEnd): TalosError {
  const own = /^TUNNEL_[A-Z_]{1,40}$/.test(code) ? code : 'TUNNEL_ENDED'
  return new TalosError(own, printable(Buffer.from(message.slice(0, LONGEST_REASON)), LONGEST_REASON))
}

interface Line {
  number: number
  bytes: Uint8Array
}

/**
 * A tunnel that outlives the streams that carry it. Lines are numbered; the sender keeps each until the other side's
 * application has taken it, and sends what is missing again when a new stream is attached. What is sent and not yet taken is
 * bounded by WINDOW, which is also the back-pressure: acknowledgements and signs of life are always read, however slow the
 * application is.
 */
export class ResumableLink extends TypedEventEmitter<TunnelLinkEvents> implements TunnelLink {
  #channel: Channel | undefined
  /** A stream has carried it already. */
  #begun = false
  #ended: { error: TalosError | undefined } | undefined
  readonly #over = new AbortController()

  readonly #unacknowledged: Line[] = []
  #unacknowledgedLength = 0
  #lastNumber = 0
  #roomWaiters: Array<() => void> = []
  /** Resolved when the callers of send() so far have had their turn: a batch that waits for room is not overtaken. */
  #turn: Promise<void> | undefined

  #received = 0
  #consumed = 0
  #acknowledged = 0
  #queue: Uint8Array[] = []
  #queueLength = 0
  #arrived: (() => void) | undefined

  #lastHeard = 0
  /** The channel whose ping is being answered. */
  #answering: Channel | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #ackTimer: NodeJS.Timeout | undefined

  /** True while a stream carries the tunnel. */
  get isAttached(): boolean {
    return this.#channel !== undefined
  }

  /** Number of the last line received: where the other side resumes. */
  get received(): number {
    return this.#received
  }

  /** Aborted when the tunnel is over, even while incoming() holds lines that nobody has taken yet. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined
  }

  /** Goes on over a new stream, of which the other side has seen all lines up to `peerReceived`. Replaces an older stream. */
  attach(channel: Channel, peerReceived: number): void {
    const refusal =
      this.#ended !== undefined
        ? new TalosError('TUNNEL_ENDED', 'the tunnel has ended')
        : peerReceived > this.#lastNumber
          ? new TalosError('TUNNEL_PROTOCOL', 'the other side claims a line that was never sent')
          : undefined
    if (refusal !== undefined) {
      channel.abort(refusal)
      throw refusal
    }
    const resumed = this.#begun
    this.#begun = true
    const previous = this.#channel
    this.#channel = channel
    previous?.abort(new TalosError('TUNNEL_REPLACED', 'the tunnel goes on over another stream'))
    this.#lastHeard = Date.now()
    this.#heartbeat ??= setInterval(() => this.#beat(), PING_AFTER / 2).unref()
    this.#sendLines(this.#unacknowledged.filter(line => line.number > peerReceived))
    void this.#pump(channel)
    if (resumed) this.safeDispatchEvent('resumed')
  }

  async send(lines: Uint8Array[]): Promise<void> {
    const before = this.#turn
    const mine = Promise.withResolvers<void>()
    this.#turn = mine.promise
    try {
      // without one to wait for nothing here waits: what is sent before end() leaves before it
      if (before !== undefined) await before
      for (let start = 0; start < lines.length; ) {
        while (this.#ended === undefined && !this.#hasRoom()) {
          await new Promise<void>(resolve => this.#roomWaiters.push(resolve))
        }
        if (this.#ended !== undefined) throw this.#ended.error ?? new TalosError('TUNNEL_ENDED', 'the tunnel has ended')
        const numbered: Line[] = []
        while (start < lines.length && this.#hasRoom()) {
          const line = { number: ++this.#lastNumber, bytes: lines[start++]! }
          numbered.push(line)
          this.#unacknowledged.push(line)
          this.#unacknowledgedLength += costOf(line.bytes)
        }
        this.#sendLines(numbered)
      }
    } finally {
      if (this.#turn === mine.promise) this.#turn = undefined
      mine.resolve()
    }
  }

  #hasRoom(): boolean {
    return this.#unacknowledged.length === 0 || this.#unacknowledgedLength <= WINDOW
  }

  async *incoming(): AsyncIterable<Uint8Array[]> {
    for (;;) {
      if (this.#queue.length > 0) {
        const batch = this.#queue
        this.#queue = []
        this.#queueLength = 0
        yield batch
        // asked for more: the batch has been taken
        this.#consumed += batch.length
        this.#acknowledge(batch)
      } else if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error
        return
      } else {
        await new Promise<void>(resolve => {
          this.#arrived = resolve
        })
      }
    }
  }

  async end(error?: TalosError): Promise<void> {
    const channel = this.#channel
    if (this.#ended !== undefined) return
    this.#finish(error)
    if (channel === undefined) return
    const end = { code: error?.code ?? '', message: error?.message ?? '' }
    // what was sent before may take its time to a side that reads slowly; one that does not read must not hold up our end
    const signal = AbortSignal.timeout(LINGER)
    const told = channel
      .send({ consumed: this.#consumed, end }, signal)
      .then(() => channel.finish(signal))
      .catch(reason => channel.abort(reason as Error))
    await Promise.race([told, delay(END_WAIT, undefined, { ref: false })])
  }

  async #pump(channel: Channel): Promise<void> {
    try {
      for (;;) {
        const messages = await channel.receive()
        if (this.#channel !== channel) return
        if (messages === undefined) break
        this.#lastHeard = Date.now()
        for (const message of messages) this.#onMessage(message)
      }
      this.#interrupted(channel, true)
    } catch (error) {
      if (isTalosError(error, 'TUNNEL_PROTOCOL')) {
        channel.abort(error)
        this.#finish(error)
        return
      }
      this.#interrupted(channel, true, error as Error)
    } finally {
      channel.wipe()
    }
  }

  #onMessage(message: TunnelMessage): void {
    if (this.#ended !== undefined) return
    if (message.consumed > 0) this.#release(message.consumed)
    if (message.lines.length > 0) this.#accept(message.first, message.lines)
    if (message.ping) this.#answerPing()
    if (message.end !== undefined) {
      this.#finish(message.end.code === '' ? undefined : endedBy(message.end))
      void this.#channel?.finish(AbortSignal.timeout(LINGER)).catch(() => {})
    }
  }

  /** One answer on its way is enough: pings that come while nobody takes the answers must not pile them up. */
  #answerPing(): void {
    if (this.#answering === this.#channel) return
    const channel = this.#channel
    this.#answering = channel
    void this.#post({ pong: true })?.then(() => {
      if (this.#answering === channel) this.#answering = undefined
    })
  }

  #accept(first: number, lines: Uint8Array[]): void {
    if (first < 1) throw new TalosError('TUNNEL_PROTOCOL', 'lines are counted from 1')
    if (first > this.#received + 1) {
      throw new TalosError(
        'TUNNEL_PROTOCOL',
        `line ${this.#received + 1} is missing: the other side went on with ${first}`
      )
    }
    const fresh = lines.slice(this.#received + 1 - first)
    for (const line of fresh) {
      if (this.#queue.length > 0 && this.#queueLength > 2 * WINDOW) {
        throw new TalosError('TUNNEL_PROTOCOL', 'the other side sent more than its window allows')
      }
      this.#queue.push(line)
      this.#queueLength += costOf(line)
    }
    this.#received += fresh.length
    this.#arrived?.()
    this.#arrived = undefined
  }

  #release(consumed: number): void {
    if (consumed > this.#lastNumber) {
      throw new TalosError('TUNNEL_PROTOCOL', 'the other side acknowledged a line that was never sent')
    }
    let taken = 0
    while (taken < this.#unacknowledged.length && this.#unacknowledged[taken]!.number <= consumed) {
      this.#unacknowledgedLength -= costOf(this.#unacknowledged[taken]!.bytes)
      taken++
    }
    if (taken === 0) return
    this.#unacknowledged.splice(0, taken)
    this.#wakeSenders()
  }

  #acknowledge(batch: Uint8Array[]): void {
    const length = batch.reduce((sum, line) => sum + costOf(line), 0)
    if (length > WINDOW / 8) void this.#post({})
    else
      this.#ackTimer ??= setTimeout(() => {
        if (this.#acknowledged < this.#consumed) void this.#post({})
      }, ACK_DELAY).unref()
  }

  #sendLines(lines: Line[]): void {
    for (let start = 0; start < lines.length; ) {
      let end = start
      let length = 0
      while (end < lines.length && (end === start || length + costOf(lines[end]!.bytes) <= BATCH_LENGTH)) {
        length += costOf(lines[end++]!.bytes)
      }
      void this.#post({ first: lines[start]!.number, lines: lines.slice(start, end).map(line => line.bytes) })
      start = end
    }
  }

  /** Sends without waiting: WINDOW bounds what can be on its way, and each message carries the newest acknowledgement. */
  #post(message: OutgoingMessage): Promise<void> | undefined {
    const channel = this.#channel
    if (channel === undefined || this.#ended !== undefined) return undefined
    clearTimeout(this.#ackTimer)
    this.#ackTimer = undefined
    this.#acknowledged = this.#consumed
    return channel
      .send({ ...message, consumed: this.#consumed })
      .catch(error => this.#interrupted(channel, true, error as Error))
  }

  #beat(): void {
    const channel = this.#channel
    if (channel === undefined) return
    const silence = Date.now() - this.#lastHeard
    if (silence > SILENT_AFTER)
      this.#interrupted(channel, false, new TalosError('TUNNEL_SILENT', 'the other side fell silent'))
    else if (silence >= PING_AFTER) void this.#post({ ping: true })
  }

  #interrupted(channel: Channel | undefined, closed: boolean, reason?: Error): void {
    if (channel === undefined || this.#channel !== channel || this.#ended !== undefined) return
    this.#channel = undefined
    this.#stopTimers()
    channel.abort(reason ?? new TalosError('NETWORK_STREAM_CLOSED', 'the other side closed the stream'))
    // a connection that was given up because nothing came tells nothing of the process at its other end
    const wasHeard = Date.now() - this.#lastHeard < 2 * PING_AFTER
    this.safeDispatchEvent('interrupted', { detail: { closed: closed && wasHeard } })
  }

  #finish(error: TalosError | undefined): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#stopTimers()
    this.#unacknowledged.length = 0
    this.#wakeSenders()
    this.#arrived?.()
    this.#arrived = undefined
    this.#over.abort(error)
    this.safeDispatchEvent('ended', { detail: error })
  }

  #stopTimers(): void {
    clearInterval(this.#heartbeat)
    this.#heartbeat = undefined
    clearTimeout(this.#ackTimer)
    this.#ackTimer = undefined
  }

  #wakeSenders(): void {
    const waiters = this.#roomWaiters
    this.#roomWaiters = []
    for (const wake of waiters) wake()
  }
}
