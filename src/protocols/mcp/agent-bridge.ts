import { randomUUID } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@libp2p/interface'
import type { TypedEventTarget } from 'main-event'
import { TalosError } from '../../errors.ts'
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
import { LineWriter, readLines } from './lines.ts'
import type { Fault, Message } from './message.ts'
import { Opening } from './opening.ts'
import { LISTEN, type Pending, PendingTable } from './pending.ts'
import { isRecorded, type SessionRecords } from './records/session-records.ts'
import { Scanner } from './scanner.ts'
import { withId, withRequestId } from './splice.ts'
import type { TunnelLink, TunnelLinkEvents } from './tunnel/link.ts'

export interface AgentBridgeInit {
  /** Where the agent's messages come from (standard input). */
  input: Readable
  /** Where messages for the agent go (standard output): JSON-RPC lines and nothing else. */
  output: Writable
  /** PeerId of the host, as dialled. */
  peer: string
  service: string
  /** Decides on what the server asks of, or tells, the agent. @default allowAll */
  decide?: Decide
  log?: Logger
  /** Largest message either way, in bytes. @default 10 MiB */
  maxLine?: number
  /** Most requests in flight, each way. @default 1024 */
  maxInFlight?: number
  /**
   * How long a request waits while the link is lost before it is answered with an error, in ms. A link that only fell
   * silent has its own time, after which it ends. @default 4000
   */
  linkWait?: number
  /** The same while the first link is being made. @default 30_000 */
  firstLinkWait?: number
  /** How long answers may still come after the agent has closed its side, in ms. @default 4000 */
  lastAnswersWait?: number
}

/** A link that tells when it is interrupted and taken up again. */
export type ObservableLink = TunnelLink & TypedEventTarget<TunnelLinkEvents>

/** What the bridge is told of a link besides. */
export interface AttachedSession {
  /** Longest message that the host takes, in bytes: a longer one is not sent but answered with an error. @default no limit */
  maxLine?: number
  /** Requests, their ends and refusals are recorded, in the background. @default nothing is */
  recorded?: { recordsId: string; records: SessionRecords }
}

interface Outgoing {
  line: Uint8Array
  /** The request that the line is; it is not sent any more once that was answered. */
  request?: Pending
  /** The same, where it is recorded when it is sent. */
  recorded?: Message
  /** The id of the server's request that the line answers, as sent to the host. */
  answers?: string
}

/** Above this many bytes that wait to be sent, the agent's input is not read on. */
const HIGH_WATER = 1024 * 1024
/** While there is no link, input is read on, so that requests get their answer in time, up to this many bytes. */
const HELD_WITHOUT_LINK = 32 * 1024 * 1024
const REPEAT_TIMEOUT_MS = 10_000
const LAST_WRITE_MS = 1000

/**
 * The agent's end of a tunnel: its standard input and output on one side, on the other a link, or one after the other when
 * the host was started anew. Each request of the agent gets exactly one answer, whatever becomes of the link.
 */
export class AgentBridge {
  readonly #init: AgentBridgeInit
  readonly #decide: Decide
  readonly #log: Logger | undefined
  readonly #scanner: Scanner
  readonly #writer: LineWriter
  /** The agent's requests. */
  readonly #calls: PendingTable
  /** The server's requests. */
  readonly #asked: PendingTable
  readonly #opening = new Opening()
  readonly #over = Promise.withResolvers<void>()
  /** Nothing can be written any more, or nothing is left to be. */
  #finished = false
  /** close() was called. */
  #ended = false
  #resentInitialize = false
  #link: ObservableLink | undefined
  #recorded: AttachedSession['recorded']
  /** Lines that the link was given. */
  #lines = 0
  /** Lines may be sent: the link is there, not interrupted, and a new host knows the session. */
  #up = false
  #everUp = false
  #hostMaxLine = Number.POSITIVE_INFINITY
  #downSince = performance.now()
  #missed = 0
  /** The link fell silent and was not closed: the host is likely there still, and requests wait for the link's own end. */
  #silent = false
  #outgoing: Outgoing[] = []
  #outgoingBytes = 0
  #pumping = false
  /** Resolved when what waits to be sent got less, or the link went down. */
  #room = Promise.withResolvers<void>()
  #printed = Promise.withResolvers<void>()
  #repeated: { id: string; settle: (accepted: boolean) => void } | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(init: AgentBridgeInit) {
    this.#init = init
    this.#decide = init.decide ?? allowAll
    this.#log = init.log
    this.#scanner = new Scanner(init)
    this.#writer = new LineWriter(init.output)
    const max = init.maxInFlight ?? 1024
    const uniqueId = () => JSON.stringify(`talos-${randomUUID()}`)
    this.#calls = new PendingTable({ max, uniqueId })
    this.#asked = new PendingTable({ max, uniqueId })
    init.output.on('error', () => this.#finish())
    init.output.on('close', () => this.#finish())
    init.input.on('error', () => {}) // seen where it is read
  }

  /** Serves the agent until it closes its side, or close() is called. Never rejects. */
  async run(): Promise<void> {
    const agentDone = this.#readAgent().catch(error =>
      this.#log?.('reading from the agent: %s', (error as Error).message)
    )
    await Promise.race([agentDone.then(() => this.#lastAnswers()), this.#over.promise])
    await this.close('the agent has closed its side')
    this.#init.input.destroy()
  }

  /**
   * Takes a link that was just made. When the agent had a session on an earlier one, the new host is told of it first.
   * Resolves when that link has ended.
   */
  async attach(link: ObservableLink, session: AttachedSession = {}): Promise<void> {
    if (this.#ended) return link.end().catch(() => {})
    if (this.#link !== undefined) this.#lost(this.#link, 'another link took its place')
    this.#link = link
    this.#recorded = session.recorded
    this.#lines = 0
    this.#hostMaxLine = session.maxLine ?? Number.POSITIVE_INFINITY
    const interrupted = (event: TunnelLinkEvents['interrupted']) => this.#down(link, !event.detail.closed)
    const resumed = () => this.#goUp(link)
    link.addEventListener('interrupted', interrupted)
    link.addEventListener('resumed', resumed)
    const reading = this.#readLink(link)
    if (this.#opening.complete) void this.#repeatOpening(link)
    else this.#goUp(link)
    try {
      await reading
      this.#lost(link, 'the host has ended the session')
    } catch (error) {
      this.#log?.('the link ended: %s', (error as Error).message)
      this.#lost(link, (error as Error).message)
    } finally {
      link.removeEventListener('interrupted', interrupted)
      link.removeEventListener('resumed', resumed)
    }
  }

  /** True once the agent has closed its side, or close() was called: no other link is wanted. */
  get hasEnded(): boolean {
    return this.#ended
  }

  /** Messages of the agent that could not wait for the link since it was last interrupted; requests among them got an error. */
  get missed(): number {
    return this.#missed
  }

  /** Ends the bridge: everything in flight is answered with an error that gives the reason, one plain sentence. */
  async close(reason: string): Promise<void> {
    if (!this.#ended) {
      this.#ended = true
      clearTimeout(this.#timer)
      this.#outgoing = []
      const calls = this.#calls.drain()
      for (const { call } of calls) call?.ended('session-ended')
      const written = this.#answerAll(calls, unreachable(reason, 'closed'))
      // an agent that does not read must not keep us
      await Promise.race([written, delay(LAST_WRITE_MS, undefined, { ref: false })])
      await this.#link?.end().catch(() => {})
      this.#finish()
    }
    await this.#over.promise
  }

  #finish(): void {
    this.#finished = true
    this.#over.resolve()
    this.#room.resolve()
    this.#printed.resolve()
  }

  // --- from the agent ---

  #readAgent(): Promise<void> {
    const onTooLarge = (fault: Fault): void => {
      void this.#print(this.#faultFromAgent(fault))
      this.#pump()
    }
    return readLines(this.#init.input, { maxLine: this.#scanner.maxLine, onTooLarge }, batch => this.#takeBatch(batch))
  }

  #takeBatch(batch: Uint8Array[]): Promise<void> | undefined {
    if (this.#finished) return this.#over.promise
    const replies: Uint8Array[] = []
    for (const line of batch) this.#fromAgent(line, replies)
    this.#pump()
    this.#armTimer()
    const printed = this.#print(replies)
    return printed === undefined && !this.#isFull() ? undefined : this.#whenRoom(printed)
  }

  /** More waits to be sent than is worth reading on for. */
  #isFull(): boolean {
    return this.#up && this.#outgoingBytes > HIGH_WATER && !this.#finished
  }

  async #whenRoom(printed: Promise<void> | undefined): Promise<void> {
    await printed
    while (this.#isFull()) await this.#room.promise
  }

  #fromAgent(line: Uint8Array, replies: Uint8Array[]): void {
    const message = this.#scanner.scan(line)
    if (!message.ok) replies.push(...this.#faultFromAgent(message))
    else if (message.kind === 'request') {
      if (!this.#up && this.#outgoingBytes > HELD_WITHOUT_LINK) {
        this.#missed++
        replies.push(
          errorReply(message.id!, unreachable('there is no link to the host, and too much waits for it', 'no-link'))
        )
        return
      }
      const pending = this.#calls.add(message.id!, message.method, performance.now())
      if (typeof pending === 'string') {
        replies.push(errorReply(message.id!, notRegistered(pending)))
        return
      }
      this.#opening.sent(line, message)
      this.#send(isRecorded(message) ? { line, request: pending, recorded: message } : { line, request: pending })
    } else if (message.kind === 'notification') {
      if (message.method === 'notifications/cancelled' && message.requestId !== undefined) {
        const cancelled = this.#calls.cancel(message.requestId)
        if (cancelled === undefined) return
        cancelled.call?.ended('cancelled')
      }
      this.#opening.sent(line, message)
      if (this.#up || this.#outgoingBytes <= HELD_WITHOUT_LINK) this.#send({ line })
      else this.#missed++
    } else {
      const pending = message.id === undefined ? undefined : this.#asked.take(message.id)
      if (pending === undefined) this.#log?.('dropped an answer of the agent that nobody waits for')
      else this.#send({ line: withId(line, message, pending.id), answers: pending.id })
    }
  }

  /** What to tell the agent of a line that is no message; the server's request that it was to answer is answered. */
  #faultFromAgent(fault: Fault): Uint8Array[] {
    this.#log?.('refused a message of the agent: %s', fault.error.message)
    if (fault.response) {
      const pending = fault.id === undefined ? undefined : this.#asked.take(fault.id)
      if (pending !== undefined) this.#send({ line: errorReply(pending.id, badAnswer(fault)) })
      return []
    }
    return fault.notification ? [] : [errorReply(fault.id ?? 'null', fault.error)]
  }

  #send(outgoing: Outgoing): void {
    this.#outgoing.push(outgoing)
    this.#outgoingBytes += outgoing.line.length
  }

  /** Sends what waits, in order, while the link is up: everything there is as one batch. */
  #pump(): void {
    if (!this.#pumping) void this.#pumpAll()
  }

  async #pumpAll(): Promise<void> {
    this.#pumping = true
    while (this.#up && this.#outgoing.length > 0) {
      const log = this.#recorded?.records.log
      if (log?.isFull === true && !log.isFailing) {
        await log.room()
        continue
      }
      const link = this.#link!
      const batch = this.#outgoing
      this.#outgoing = []
      this.#outgoingBytes = 0
      const lines: Uint8Array[] = []
      for (const outgoing of batch) this.#addLine(outgoing, lines)
      try {
        if (lines.length > 0) await this.#give(link, lines)
      } catch {
        // the link has ended: attach() sees it and answers what was lost; a newer one may be there already
        if (link === this.#link) break
      } finally {
        this.#room.resolve()
        this.#room = Promise.withResolvers()
      }
    }
    this.#pumping = false
  }

  #give(link: ObservableLink, lines: Uint8Array[]): Promise<void> {
    if (link === this.#link) this.#lines += lines.length
    return link.send(lines)
  }

  /** Adds what is sent to `lines`, of which this link is given all. */
  #addLine(outgoing: Outgoing, lines: Uint8Array[]): void {
    const { line, request, recorded } = outgoing
    if (request !== undefined && !this.#calls.has(request)) return
    if (line.length > this.#hostMaxLine) {
      lines.push(...this.#tooLarge(outgoing))
      return
    }
    if (request !== undefined && recorded !== undefined && this.#recorded !== undefined) {
      const { records, recordsId } = this.#recorded
      if (records.log.isFull) {
        // it fails: nothing is asked that cannot be recorded
        this.#calls.remove(request)
        void this.#answerAll([request], notCarriedOut('agent'))
        return
      }
      request.call = records.invoked(recorded, line, recordsId, this.#lines + lines.length + 1, false)
    }
    lines.push(line)
  }

  /** What the host accepts instead of a line that is too long for it; the agent is told of its request. */
  #tooLarge({ line, request, answers }: Outgoing): Uint8Array[] {
    const error = tooLargeForHost(line.length, this.#hostMaxLine)
    if (request !== undefined) {
      this.#calls.remove(request)
      if (request.method === 'initialize') this.#opening.answered(false)
      void this.#answerAll([request], error)
    }
    return answers === undefined ? [] : [errorReply(answers, error)]
  }

  /** The agent writes no more, but may still read: answers that are on their way reach it. */
  async #lastAnswers(): Promise<void> {
    const timer = setTimeout(() => this.#finish(), this.#init.lastAnswersWait ?? 4000)
    while (!this.#finished && [...this.#calls.waiting()].some(({ method }) => method !== LISTEN)) {
      this.#printed = Promise.withResolvers()
      await this.#printed.promise
    }
    clearTimeout(timer)
  }

  // --- from the link ---

  async #readLink(link: ObservableLink): Promise<void> {
    const scanner = new Scanner(this.#init)
    for await (const batch of link.incoming()) {
      const toAgent: Uint8Array[] = []
      for (const line of batch) {
        const message = scanner.scan(line)
        if (!message.ok) this.#faultFromHost(message, toAgent)
        else if (message.kind === 'request') this.#requestFromHost(line, message, toAgent)
        else if (message.kind === 'notification') this.#notificationFromHost(line, message, toAgent)
        else this.#answerFromHost(line, message, toAgent)
      }
      this.#pump()
      const printed = this.#print(toAgent)
      if (printed !== undefined) await printed
    }
  }

  /** Our own no to a request of the host. A host that takes none of them gets no more, so that they do not pile up. */
  #refuse(line: Uint8Array): void {
    if (this.#outgoingBytes <= HELD_WITHOUT_LINK) this.#send({ line })
  }

  #answerFromHost(line: Uint8Array, message: Message, toAgent: Uint8Array[]): void {
    if (message.id !== undefined && message.id === this.#repeated?.id) {
      this.#repeated.settle(message.kind === 'result')
      return
    }
    const pending = message.id === undefined ? undefined : this.#calls.take(message.id)
    if (pending === undefined) {
      this.#log?.('dropped an answer of the host that nobody waits for')
      return
    }
    if (pending.method === 'initialize') this.#opening.answered(message.kind === 'result')
    pending.call?.ended(message.kind === 'result' ? 'result' : 'error', line)
    toAgent.push(withId(line, message, pending.id))
  }

  #refusal(message: Message): RpcError | undefined {
    const { peer, service } = this.#init
    const decision = this.#decide(callContext(message, { peer, service, direction: 'to-agent' }))
    return decision.allow ? undefined : decision.error
  }

  #requestFromHost(line: Uint8Array, message: Message, toAgent: Uint8Array[]): void {
    const refusal = this.#refusal(message)
    const pending = refusal ?? this.#asked.add(message.id!, message.method, performance.now())
    if (typeof pending === 'object' && 'wireId' in pending) toAgent.push(withId(line, message, pending.wireId))
    else {
      const error = typeof pending === 'object' ? pending : notRegistered(pending)
      this.#recordRefusal(error, message)
      this.#refuse(errorReply(message.id!, error))
    }
  }

  #recordRefusal(error: RpcError, message: Message): void {
    this.#recorded?.records.refused(error.data?.reason ?? 'refused', message)
  }

  #notificationFromHost(line: Uint8Array, message: Message, toAgent: Uint8Array[]): void {
    const refusal = this.#refusal(message)
    if (refusal !== undefined) {
      this.#recordRefusal(refusal, message)
      return
    }
    if (message.method !== 'notifications/cancelled' || message.requestId === undefined) {
      toAgent.push(line)
      return
    }
    const pending = this.#asked.cancel(message.requestId)
    if (pending !== undefined) toAgent.push(withRequestId(line, message, pending.wireId))
  }

  #faultFromHost(fault: Fault, toAgent: Uint8Array[]): void {
    this.#log?.('dropped a line of the host that is no message: %s', fault.error.message)
    this.#recorded?.records.refused(fault.reason)
    if (fault.id === undefined) return
    if (fault.response) {
      const pending = this.#calls.take(fault.id)
      if (pending !== undefined) toAgent.push(errorReply(pending.id, badAnswer(fault)))
    } else if (!fault.notification) this.#refuse(errorReply(fault.id, fault.error))
  }

  /** Undefined when it is written and there is room for more. */
  #print(lines: Uint8Array[]): Promise<void> | undefined {
    if (lines.length === 0) return undefined
    try {
      const room = this.#writer.write(lines)
      if (room !== undefined) {
        return room.then(
          () => this.#printed.resolve(),
          () => this.#finish()
        )
      }
      this.#printed.resolve()
      return undefined
    } catch {
      this.#finish() // the agent reads no more
      return undefined
    }
  }

  #answerAll(requests: Pending[], error: RpcError): Promise<void> | undefined {
    return this.#print(requests.map(pending => errorReply(pending.id, error)))
  }

  // --- the link's life ---

  #goUp(link: ObservableLink): void {
    if (this.#link !== link || this.#repeated !== undefined) return
    this.#up = true
    this.#everUp = true
    this.#silent = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#pump()
  }

  #down(link: ObservableLink, silent: boolean): void {
    if (this.#link !== link || !this.#up) return
    this.#up = false
    this.#missed = 0
    this.#silent = silent
    this.#downSince = performance.now()
    this.#room.resolve()
    this.#room = Promise.withResolvers()
    this.#armTimer()
  }

  #lost(link: ObservableLink, why: string): void {
    if (this.#link !== link) return
    this.#down(link, false)
    this.#link = undefined
    this.#silent = false
    this.#repeated?.settle(false)
    if (this.#ended) return
    const unsent = new Set(this.#outgoing.map(({ request }) => request))
    const lines: Uint8Array[] = []
    for (const pending of this.#calls.waiting()) {
      if (!unsent.has(pending)) this.#lostRequest(pending, why, lines)
    }
    for (const pending of this.#asked.abandon()) {
      lines.push(cancelledNotification(pending.wireId, 'the server that asked is gone'))
    }
    // answers and notifications were for a server that is gone
    this.#outgoing = this.#outgoing.filter(({ request }) => request !== undefined)
    this.#outgoingBytes = this.#outgoing.reduce((sum, { line }) => sum + line.length, 0)
    void this.#print(lines)
    this.#armTimer()
  }

  #lostRequest(pending: Pending, why: string, toAgent: Uint8Array[]): void {
    if (pending.method === 'initialize') {
      // without it the agent has no session at all, and it changes nothing: it is sent again, once
      const line = this.#opening.unanswered
      if (line !== undefined && !this.#resentInitialize) {
        this.#resentInitialize = true
        this.#outgoing.unshift({ line, request: pending })
        return
      }
      this.#opening.answered(false)
    }
    this.#calls.remove(pending)
    pending.call?.ended('link-lost')
    const message = `the link to the host was lost (${why}); whether the request was carried out is not known`
    toAgent.push(errorReply(pending.id, unreachable(message, 'link-lost')))
  }

  async #repeatOpening(link: ObservableLink): Promise<void> {
    const id = JSON.stringify(`talos-${randomUUID()}`)
    const { initialize, initialized } = this.#opening.repeat(id)
    const answer = Promise.withResolvers<boolean>()
    this.#repeated = { id, settle: answer.resolve }
    const timer = setTimeout(answer.resolve, REPEAT_TIMEOUT_MS, false)
    let accepted = false
    try {
      await this.#give(link, [initialize])
      accepted = await answer.promise
      if (accepted && initialized !== undefined) await this.#give(link, [initialized])
    } catch {
      accepted = false // the link has ended: attach() sees it
    } finally {
      clearTimeout(timer)
      this.#repeated = undefined
    }
    if (accepted) this.#goUp(link)
    else await link.end(notTakenUp()).catch(() => {})
  }

  // --- time ---

  /** While the link is down, the oldest request that waits has the earliest deadline. */
  #armTimer(): void {
    if (this.#up || this.#silent || this.#ended || this.#timer !== undefined) return
    const oldest = this.#calls.waiting().next().value
    if (oldest !== undefined)
      this.#timer = setTimeout(() => this.#expire(), Math.max(0, this.#deadline(oldest) - performance.now()))
  }

  #deadline(pending: Pending): number {
    if (!this.#everUp) return pending.since + (this.#init.firstLinkWait ?? 30_000)
    return Math.max(pending.since, this.#downSince) + (this.#init.linkWait ?? 4000)
  }

  #expire(): void {
    this.#timer = undefined
    if (this.#up || this.#ended) return
    const now = performance.now()
    const late = [...this.#calls.waiting()].filter(pending => this.#deadline(pending) <= now)
    this.#missed += late.length
    const unsent = new Set(this.#outgoing.map(({ request }) => request))
    for (const pending of late) {
      this.#calls.remove(pending)
      pending.call?.ended('link-lost')
      if (pending.method === 'initialize') this.#opening.answered(false)
      // what the host has already may still run there: it is told when the link is back
      if (this.#link !== undefined && !unsent.has(pending) && pending.method !== 'initialize') {
        this.#send({ line: cancelledNotification(pending.wireId, 'the link was interrupted for too long') })
      }
    }
    const why = this.#link === undefined ? 'there is no link to the host' : 'the link to the host is interrupted'
    void this.#answerAll(late, unreachable(why, 'no-link'))
    this.#armTimer()
  }
}

function unreachable(message: string, reason: string): RpcError {
  return { code: RPC_CODE.unreachable, message, data: { reason } }
}

function tooLargeForHost(bytes: number, limit: number): RpcError {
  const message = `the message has ${bytes} bytes and the host's limit is ${limit}`
  return { code: RPC_CODE.tooLarge, message, data: { reason: 'too-large' } }
}

function notTakenUp(): TalosError {
  return new TalosError('TUNNEL_NOT_TAKEN_UP', 'the host was started anew and did not take up the session')
}
