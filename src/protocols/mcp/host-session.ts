import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../errors.ts'
import { allowAll, callContext, type Decide } from './decision.ts'
import {
  badAnswer,
  cancelledNotification,
  errorReply,
  notCarriedOut,
  notRegistered,
  RPC_CODE,
  type RpcError
} from './json-rpc-errors.ts'
import { readLines } from './lines.ts'
import type { Fault, Message } from './message.ts'
import { Opening } from './opening.ts'
import { LISTEN, type Pending, PendingTable } from './pending.ts'
import { printable } from './printable.ts'
import { isRecorded, type RecordedCall, type Recording, SessionRecords } from './records/session-records.ts'
import { type Reply, ReplyGate } from './reply-gate.ts'
import { Scanner } from './scanner.ts'
import type { RunningServer, ServerEnd, ServerSource } from './server.ts'
import { withId, withRequestId } from './splice.ts'
import type { TunnelLink } from './tunnel/link.ts'

/**
 * How a request of the agent ended: the server's result or error, refused by the host before the server saw it, cancelled by the
 * agent, late, or without an answer since the server ended or could not be started.
 */
export type CallOutcome = 'result' | 'error' | 'refused' | 'cancelled' | 'timed-out' | 'server-failed'

export interface HostSessionInit {
  link: TunnelLink
  /** Aborted once the link has ended for good, even while it holds lines that nobody has taken yet. */
  signal: AbortSignal
  /** PeerId of the agent's machine, from the authenticated stream. */
  peer: string
  service: string
  /** What the records of both sides call the tunnel. */
  recordsId: string
  /** Where its MCP server comes from. */
  server: ServerSource
  /** @default allowAll */
  decide?: Decide
  /** Told how each request of the agent ended, and how many milliseconds after it came. */
  onCall?: (outcome: CallOutcome, milliseconds: number) => void
  /** Where requests, their ends and refusals are recorded: no answer leaves before its request is. @default nowhere */
  recording?: Recording
  log?: Logger
  /** Largest message either way, in bytes. @default 10 MiB */
  maxLine?: number
  /** Largest message that the agent's side takes; the server's longer ones are answered for. @default no limit */
  agentMaxLine?: number
  /** Most requests in flight, each way. @default 1024 */
  maxInFlight?: number
  /**
   * How long one request may take, in milliseconds; 0 for no limit. The agent has a limit of its own and cancels then, so
   * there is none here unless it is asked for. `subscriptions/listen` is exempt: it lasts as long as its session.
   *
   * @default 0
   */
  callTimeout?: number
}

/** After how many ends within the window a server is not started again until the window has moved on. */
const MAX_ENDS = 5
const ENDS_WINDOW_MS = 60_000
/** Wait before the next start after the n-th end within the window. */
const BACK_OFF_MS = [0, 0, 250, 500, 1000]
/** How long a server that was started anew may take to answer the repeated `initialize`. */
const REPEAT_TIMEOUT_MS = 10_000

/**
 * The host's end of one tunnel session: checks what the agent sends, hands the very bytes to an MCP server of the session's
 * own, and answers for it when it cannot. The server starts with the first request that needs one, and ends with the session.
 */
export class HostSession {
  readonly #init: HostSessionInit
  readonly #decide: Decide
  readonly #scanner: Scanner
  readonly #log: Logger | undefined
  readonly #records: SessionRecords | undefined
  readonly #replies: ReplyGate
  /** Lines of the agent so far. */
  #lines = 0
  /** The agent's requests. */
  readonly #calls: PendingTable
  /** The server's requests (sampling, elicitation, roots, ping). */
  readonly #asked: PendingTable
  readonly #opening = new Opening()
  readonly #ending = new AbortController()
  readonly #serving = new Set<Promise<void>>()
  #child: RunningServer | undefined
  #starting: Promise<RunningServer> | undefined
  #ends: number[] = []
  #repeated: { id: string; settle: (accepted: boolean) => void } | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(init: HostSessionInit) {
    this.#init = init
    this.#decide = init.decide ?? allowAll
    this.#log = init.log
    this.#scanner = new Scanner(init)
    const { recording, peer, service } = init
    this.#records = recording && new SessionRecords(recording, { side: 'served', peer, service })
    this.#replies = new ReplyGate(lines => this.#toLink(lines))
    const max = init.maxInFlight ?? 1024
    const uniqueId = () => JSON.stringify(`talos-${randomUUID()}`)
    this.#calls = new PendingTable({ max, uniqueId })
    this.#asked = new PendingTable({ max, uniqueId })
  }

  /** Serves the session until its link has ended and no process of it is left. Never rejects. */
  async run(): Promise<void> {
    const { link, signal } = this.#init
    const end = () => this.#end()
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    try {
      for await (const batch of link.incoming()) await this.#fromAgent(batch)
    } catch (error) {
      this.#log?.('session of %s ended: %s', this.#init.peer, (error as Error).message)
    } finally {
      signal.removeEventListener('abort', end)
      this.#end()
      await this.#starting?.catch(() => {})
      await Promise.all(this.#serving)
      await this.#replies.done()
    }
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#ending.abort()
    for (const { call } of this.#calls.waiting()) call?.ended('session-ended')
  }

  // --- from the agent ---

  async #fromAgent(batch: readonly Uint8Array[]): Promise<void> {
    let toServer: Uint8Array[] = []
    const toAgent: Reply[] = []
    for (const line of batch) {
      const number = ++this.#lines
      const message = this.#scanner.scan(line)
      if (!message.ok) this.#faultFromAgent(message, toServer, toAgent)
      else if (message.kind === 'request') {
        const waiting =
          this.#records !== undefined && isRecorded(message)
            ? this.#recorded(line, message, number, toServer, toAgent)
            : this.#request(line, message, undefined, toServer, toAgent)
        // mostly there is nothing to wait for: the records of a batch are written together
        if (waiting !== undefined) await waiting
      } else if (message.kind === 'notification') this.#notificationFromAgent(line, message, toServer)
      else this.#answerFromAgent(line, message, toServer)
      // nobody is there to hear a notification or an answer
      if (this.#child === undefined) toServer = []
    }
    const sending = [this.#replies.pass(toAgent)]
    if (toServer.length > 0 && this.#child !== undefined) sending.push(this.#child.send(toServer))
    await Promise.all(sending)
  }

  #recorded(
    line: Uint8Array,
    message: Message,
    number: number,
    toServer: Uint8Array[],
    toAgent: Reply[]
  ): Promise<void> | undefined {
    const { log } = this.#records!
    if (log.isFull || log.isFailing) return this.#carefully(line, message, number, toServer, toAgent)
    const call = this.#records!.invoked(message, line, this.#init.recordsId, number, true)
    return this.#request(line, message, call, toServer, toAgent)
  }

  /** While records fail to be written the server gets only what has been recorded. */
  async #carefully(line: Uint8Array, message: Message, number: number, toServer: Uint8Array[], toAgent: Reply[]) {
    const records = this.#records!
    await records.log.room()
    if (!records.log.isFull) {
      const isFailing = records.log.isFailing
      const call = records.invoked(message, line, this.#init.recordsId, number, true)
      if (isFailing) await call.batch.settled
      if (call.batch.state !== 'failed') return this.#request(line, message, call, toServer, toAgent)
      call.ended('refused')
    }
    this.#init.onCall?.('refused', 0)
    toAgent.push({ line: errorReply(message.id!, notCarriedOut('host')) })
  }

  /** Undefined when there is nothing to wait for. */
  #request(
    line: Uint8Array,
    message: Message,
    call: RecordedCall | undefined,
    toServer: Uint8Array[],
    toAgent: Reply[]
  ): Promise<void> | undefined {
    const refusal = this.#refusal(message)
    if (refusal !== undefined) this.#refuse(message, refusal, call, toAgent)
    else if (message.method === 'server/discover') this.#discover(line, message, toAgent)
    else if (this.#child === undefined) return this.#callFirst(line, message, call, toServer, toAgent)
    else this.#call(line, message, call, toServer, toAgent)
    return undefined
  }

  async #callFirst(
    line: Uint8Array,
    message: Message,
    call: RecordedCall | undefined,
    toServer: Uint8Array[],
    toAgent: Reply[]
  ): Promise<void> {
    const failure = await this.#ensureChild()
    if (failure === undefined) return this.#call(line, message, call, toServer, toAgent)
    this.#init.onCall?.('server-failed', 0)
    toAgent.push(this.#reply(message.id!, errorReply(message.id!, failure), call, 'server-failed'))
  }

  #refuse(message: Message, error: RpcError, call: RecordedCall | undefined, toAgent: Reply[]): void {
    this.#init.onCall?.('refused', 0)
    this.#records?.refused(error.data?.reason ?? 'refused', message)
    toAgent.push(this.#reply(message.id!, errorReply(message.id!, error), call, 'refused'))
  }

  #reply(id: string, line: Uint8Array, call: RecordedCall | undefined, outcome: CallOutcome): Reply {
    return call === undefined ? { line } : { line, answers: { call, id, outcome } }
  }

  #call(
    line: Uint8Array,
    message: Message,
    call: RecordedCall | undefined,
    toServer: Uint8Array[],
    toAgent: Reply[]
  ): void {
    const pending = this.#register(message, call, toAgent)
    if (pending === undefined) return
    this.#opening.sent(line, message)
    toServer.push(line)
    this.#armTimeout()
  }

  #register(message: Message, call: RecordedCall | undefined, toAgent: Reply[]): Pending | undefined {
    const pending = this.#calls.add(message.id!, message.method, performance.now())
    if (typeof pending === 'object') {
      pending.call = call
      return pending
    }
    this.#refuse(message, notRegistered(pending), call, toAgent)
    return undefined
  }

  #ended(pending: Pending, outcome: CallOutcome): void {
    this.#init.onCall?.(outcome, performance.now() - pending.since)
  }

  #refusal(message: Message): RpcError | undefined {
    const { peer, service } = this.#init
    const decision = this.#decide(callContext(message, { peer, service, direction: 'to-server' }))
    return decision.allow ? undefined : decision.error
  }

  #notificationFromAgent(line: Uint8Array, message: Message, toServer: Uint8Array[]): void {
    const refusal = this.#refusal(message)
    if (refusal !== undefined) {
      this.#records?.refused(refusal.data?.reason ?? 'refused', message)
      return
    }
    if (message.method === 'notifications/cancelled') {
      const cancelled = message.requestId === undefined ? undefined : this.#calls.cancel(message.requestId)
      if (cancelled === undefined) return
      this.#ended(cancelled, 'cancelled')
      cancelled.call?.ended('cancelled')
    }
    this.#opening.sent(line, message)
    toServer.push(line)
  }

  #answerFromAgent(line: Uint8Array, message: Message, toServer: Uint8Array[]): void {
    const pending = message.id === undefined ? undefined : this.#asked.take(message.id)
    if (pending === undefined) this.#log?.('dropped an answer of %s that nobody waits for', this.#init.peer)
    else toServer.push(withId(line, message, pending.id))
  }

  #faultFromAgent(fault: Fault, toServer: Uint8Array[], toAgent: Reply[]): void {
    this.#log?.('refused a message of %s: %s', this.#init.peer, fault.error.message)
    this.#records?.refused(fault.reason)
    if (fault.response) {
      const pending = fault.id === undefined ? undefined : this.#asked.take(fault.id)
      if (pending !== undefined) toServer.push(errorReply(pending.id, badAnswer(fault)))
    } else if (!fault.notification) toAgent.push({ line: errorReply(fault.id ?? 'null', fault.error) })
  }

  async #toLink(lines: Uint8Array[]): Promise<void> {
    try {
      await this.#init.link.send(lines)
    } catch {
      // the link has ended, and with it the session: run() sees it
    }
  }

  /** `server/discover` asks which era the server is of; it must not start, nor reach, a server of the older one. */
  #discover(line: Uint8Array, message: Message, toAgent: Reply[]): void {
    const pending = this.#register(message, undefined, toAgent)
    if (pending === undefined) return
    const own = Uint8Array.from(line)
    const answer = async () => {
      try {
        const era = await this.#init.server.era()
        if (!era.modern) return errorReply(pending.id, { code: RPC_CODE.methodNotFound, message: 'Method not found' })
        if (this.#child === undefined && era.versions.includes(message.protocolVersion ?? ''))
          return era.discoverReply(pending.id)
      } catch (error) {
        return errorReply(pending.id, this.#startFailure(error))
      }
      const failure = await this.#ensureChild()
      if (failure !== undefined) return errorReply(pending.id, failure)
      if (this.#calls.has(pending)) await this.#child?.send([own])
      return undefined
    }
    const answered = answer().then(async reply => {
      if (reply === undefined || !this.#calls.has(pending)) return
      this.#calls.remove(pending)
      this.#ended(pending, 'result')
      await this.#replies.pass([{ line: reply }])
    })
    this.#track(answered)
  }

  #track(work: Promise<void>): void {
    this.#serving.add(work)
    void work.finally(() => this.#serving.delete(work))
  }

  // --- from the server ---

  async #fromServer(child: RunningServer): Promise<void> {
    const { agentMaxLine = Number.POSITIVE_INFINITY } = this.#init
    const scanner = new Scanner({ ...this.#init, maxLine: Math.min(this.#scanner.maxLine, agentMaxLine) })
    const onTooLarge = (fault: Fault): void => {
      const toAgent: Reply[] = []
      this.#faultFromServer(fault, undefined, child, toAgent)
      void this.#replies.pass(toAgent)
    }
    await readLines(child.output, { maxLine: scanner.maxLine, onTooLarge }, batch => {
      const toAgent: Reply[] = []
      for (const line of batch) {
        const message = scanner.scan(line)
        if (!message.ok) this.#faultFromServer(message, line, child, toAgent)
        else if (message.kind === 'request') this.#requestFromServer(line, message, child, toAgent)
        else if (message.kind === 'notification') this.#notificationFromServer(line, message, toAgent)
        else this.#answerFromServer(line, message, toAgent)
      }
      return toAgent.length > 0 ? this.#replies.pass(toAgent) : undefined
    })
  }

  #answerFromServer(line: Uint8Array, message: Message, toAgent: Reply[]): void {
    if (message.id !== undefined && message.id === this.#repeated?.id) {
      this.#repeated.settle(message.kind === 'result')
      return
    }
    const pending = message.id === undefined ? undefined : this.#calls.take(message.id)
    if (pending === undefined) {
      this.#log?.('dropped an answer of the server that nobody waits for: %s', printable(line))
      return
    }
    if (pending.method === 'initialize') this.#opening.answered(message.kind === 'result')
    const outcome = message.kind === 'result' ? 'result' : 'error'
    this.#ended(pending, outcome)
    toAgent.push(this.#reply(pending.id, withId(line, message, pending.id), pending.call, outcome))
  }

  #requestFromServer(line: Uint8Array, message: Message, child: RunningServer, toAgent: Reply[]): void {
    const pending = this.#asked.add(message.id!, message.method, performance.now())
    if (typeof pending === 'object') toAgent.push({ line: withId(line, message, pending.wireId) })
    else void child.send([errorReply(message.id!, notRegistered(pending))])
  }

  #notificationFromServer(line: Uint8Array, message: Message, toAgent: Reply[]): void {
    if (message.method !== 'notifications/cancelled' || message.requestId === undefined) {
      toAgent.push({ line })
      return
    }
    const pending = this.#asked.cancel(message.requestId)
    if (pending === undefined) return
    toAgent.push({ line: withRequestId(line, message, pending.wireId) })
  }

  #faultFromServer(fault: Fault, line: Uint8Array | undefined, child: RunningServer, toAgent: Reply[]): void {
    this.#log?.('the server wrote a line that is no message (%s): %s', fault.error.message, printable(line ?? NOTHING))
    if (fault.id === undefined) return
    if (fault.response) {
      const pending = this.#calls.take(fault.id)
      if (pending === undefined) return
      this.#ended(pending, 'error')
      toAgent.push(this.#reply(pending.id, errorReply(pending.id, badAnswer(fault)), pending.call, 'error'))
    } else if (!fault.notification) void child.send([errorReply(fault.id, fault.error)])
  }

  // --- the server's life ---

  /** Makes sure that a server runs; what to answer when none can be had. */
  async #ensureChild(): Promise<RpcError | undefined> {
    try {
      this.#starting ??= this.#start().finally(() => {
        this.#starting = undefined
      })
      await (this.#child ?? this.#starting)
      if (this.#child === undefined) throw down('the MCP server ended at once')
      return undefined
    } catch (error) {
      return this.#startFailure(error)
    }
  }

  #startFailure(error: unknown): RpcError {
    this.#log?.error('no server for %s: %s', this.#init.peer, (error as Error).message)
    // which program it is, and where, is no business of the peer's
    const message = isTalosError(error, 'TUNNEL_SERVER_DOWN')
      ? error.message
      : 'the host cannot start its MCP server; its log says why'
    return { code: RPC_CODE.serverFailed, message, data: { reason: 'server-not-running' } }
  }

  async #start(): Promise<RunningServer> {
    if (this.#child !== undefined) return this.#child
    const { signal } = this.#ending
    const now = performance.now()
    this.#ends = this.#ends.filter(at => now - at < ENDS_WINDOW_MS)
    if (this.#ends.length >= MAX_ENDS) {
      throw down(`the MCP server ended ${this.#ends.length} times within a minute and is left alone for a while`)
    }
    const wait = BACK_OFF_MS[this.#ends.length]! - (now - (this.#ends.at(-1) ?? 0))
    if (wait > 0) await delay(wait, undefined, { signal })
    signal.throwIfAborted()
    const child = await this.#init.server.start().catch(error => {
      this.#ends.push(performance.now())
      throw error
    })
    this.#track(this.#serve(child))
    if (this.#opening.complete) await this.#repeatOpening(child)
    this.#child = child
    return child
  }

  async #serve(child: RunningServer): Promise<void> {
    const stop = () => void child.stop()
    const { signal } = this.#ending
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    // output that breaks off is the server's end, which is told next
    await this.#fromServer(child).catch(() => {})
    const end = await child.ended
    this.#childEnded(child, end)
    await child.stop()
    signal.removeEventListener('abort', stop)
  }

  #childEnded(child: RunningServer, end: ServerEnd): void {
    if (this.#child === child) this.#child = undefined
    this.#repeated?.settle(false)
    if (this.#ending.signal.aborted) return
    const how = end.signal ?? (end.code === null ? 'it closed its output' : `exit status ${end.code}`)
    this.#log?.error('the server of %s ended (%s)', this.#init.peer, how)
    this.#ends.push(performance.now())
    const error: RpcError = {
      code: RPC_CODE.serverFailed,
      message: `the MCP server ended (${how}) before it answered; whether the request was carried out is not known`,
      data: { reason: 'server-ended' }
    }
    const toAgent: Reply[] = []
    for (const pending of this.#calls.drain()) {
      if (pending.method === 'initialize') this.#opening.answered(false)
      this.#ended(pending, 'server-failed')
      toAgent.push(this.#reply(pending.id, errorReply(pending.id, error), pending.call, 'server-failed'))
    }
    for (const pending of this.#asked.abandon()) {
      toAgent.push({ line: cancelledNotification(pending.wireId, 'the server that asked has ended') })
    }
    void this.#replies.pass(toAgent)
  }

  async #repeatOpening(child: RunningServer): Promise<void> {
    const id = JSON.stringify(`talos-${randomUUID()}`)
    const { initialize, initialized } = this.#opening.repeat(id)
    let timer: NodeJS.Timeout | undefined
    const accepted = await new Promise<boolean>(resolve => {
      this.#repeated = { id, settle: resolve }
      timer = setTimeout(resolve, REPEAT_TIMEOUT_MS, false)
      void child.send([initialize])
    })
    clearTimeout(timer)
    this.#repeated = undefined
    if (!accepted) {
      void child.stop()
      throw down('the MCP server was started anew and does not take up the session')
    }
    if (initialized !== undefined) void child.send([initialized])
  }

  // --- time ---

  #armTimeout(): void {
    const limit = this.#init.callTimeout ?? 0
    if (limit === 0 || this.#timer !== undefined) return
    for (const pending of this.#calls.waiting()) {
      if (pending.method === LISTEN) continue
      const wait = Math.max(0, pending.since + limit - performance.now())
      this.#timer = setTimeout(() => this.#expire(limit), wait)
      return
    }
  }

  #expire(limit: number): void {
    this.#timer = undefined
    const now = performance.now()
    const error = {
      code: RPC_CODE.timedOut,
      message: `no answer within ${limit / 1000} s, the host's limit for one call`,
      data: { reason: 'timed-out' }
    }
    const late = [...this.#calls.waiting()].filter(({ method, since }) => method !== LISTEN && now - since >= limit)
    for (const pending of late) {
      this.#calls.remove(pending)
      this.#ended(pending, 'timed-out')
    }
    const replies = late.map(({ id, call }) => this.#reply(id, errorReply(id, error), call, 'timed-out'))
    void this.#replies.pass(replies)
    void this.#child?.send(late.map(pending => cancelledNotification(pending.id, "the host's time limit")))
    this.#armTimeout()
  }
}

const NOTHING = new Uint8Array(0)

function down(message: string): TalosError {
  return new TalosError('TUNNEL_SERVER_DOWN', message)
}
