import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'

/** How long a ticket waits for its connection. Milliseconds. */
const TAKEN_WITHIN = 10_000

/** A connection of the control socket that carries a tunnel's channel, or a stream, begins with this word, a ticket and a line feed. */
export const LINK_WORD = 'LINK '
export const TICKET_LENGTH = 32

interface Waiting {
  use: (socket: Socket) => void
  timer: NodeJS.Timeout
}

/** Which connection of the control socket is for which channel. Each ticket is good for one. */
export class Tickets {
  readonly #waiting = new Map<string, Waiting>()

  /** 32 hexadecimal digits. `expire` is called when nobody comes with it in time. */
  issue(use: (socket: Socket) => void, expire: () => void): string {
    const ticket = randomBytes(TICKET_LENGTH / 2).toString('hex')
    const timer = setTimeout(() => {
      this.#waiting.delete(ticket)
      expire()
    }, TAKEN_WITHIN).unref()
    this.#waiting.set(ticket, { use, timer })
    return ticket
  }

  /** Gives the socket to whom the ticket was issued for, or ends it. */
  redeem(ticket: string, socket: Socket): void {
    const waiting = this.#waiting.get(ticket)
    if (waiting === undefined) {
      socket.destroy()
      return
    }
    this.#waiting.delete(ticket)
    clearTimeout(waiting.timer)
    waiting.use(socket)
  }
}
