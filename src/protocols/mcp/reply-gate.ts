import { errorReply, notRecorded } from './json-rpc-errors.ts'
import type { Outcome } from './records/call-record.ts'
import type { RecordedCall } from './records/session-records.ts'

/** A line on its way to the agent. */
export interface Reply {
  line: Uint8Array
  /** The recorded request that it answers: raw JSON of its id, and how it ended. */
  answers?: { call: RecordedCall; id: string; outcome: Outcome }
}

/** More than this waits for records: the server's output is not read on meanwhile. Bytes. */
const HIGH_WATER = 1024 * 1024

/**
 * Lets an answer go when its request has been recorded, and what comes after it after it. Mostly it has been, while the tool
 * worked. The answer to a request that could not be recorded is withheld, and the agent gets an error instead.
 */
export class ReplyGate {
  readonly #send: (lines: Uint8Array[]) => Promise<void>
  readonly #held: Reply[] = []
  #heldBytes = 0
  #letting: Promise<void> | undefined

  constructor(send: (lines: Uint8Array[]) => Promise<void>) {
    this.#send = send
  }

  /** Resolves when there is room for more. */
  async pass(replies: readonly Reply[]): Promise<void> {
    if (replies.length === 0) return
    if (this.#held.length === 0 && replies.every(mayGo)) return this.#let(replies)
    for (const reply of replies) {
      this.#held.push(reply)
      this.#heldBytes += reply.line.byteLength
    }
    this.#letting ??= this.#letAll()
    if (this.#heldBytes > HIGH_WATER) await this.#letting
  }

  /** Resolves when nothing is held any more. */
  async done(): Promise<void> {
    await this.#letting
  }

  async #letAll(): Promise<void> {
    while (this.#held.length > 0) {
      const firm = this.#held.findIndex(reply => !mayGo(reply))
      if (firm === 0) {
        await this.#held[0]!.answers!.call.batch.settled
        continue
      }
      const free = this.#held.splice(0, firm < 0 ? this.#held.length : firm)
      for (const { line } of free) this.#heldBytes -= line.byteLength
      await this.#let(free)
    }
    this.#letting = undefined
  }

  #let(replies: readonly Reply[]): Promise<void> {
    return this.#send(replies.map(finalLine))
  }
}

/** The line as it leaves; what is recorded of the answer is what the agent gets. */
function finalLine({ line, answers }: Reply): Uint8Array {
  if (answers === undefined) return line
  const { call, id, outcome } = answers
  const isWithheld = call.batch.state === 'failed'
  const final = isWithheld ? errorReply(id, notRecorded()) : line
  call.ended(isWithheld ? 'withheld' : outcome, final)
  return final
}

const mayGo = ({ answers }: Reply): boolean => answers === undefined || answers.call.batch.state !== 'pending'
