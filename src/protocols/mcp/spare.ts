import type { RunningServer } from './server.ts'

/** A server that nobody has used is given up after so long. Milliseconds. */
const KEPT_MS = 10_000

interface Spare {
  server: Promise<RunningServer>
  timer: NodeJS.Timeout
  /** False when it did not start, or has ended. */
  isUsable: boolean
}

/**
 * A server that is started before its session asks for it, because somebody who may use it has come: its own start, most of
 * what an agent waits for, goes on beside the handshake. Nothing is said to it before a session takes it, and each session
 * has one of its own.
 */
export class SpareServer {
  readonly #start: () => Promise<RunningServer>
  #spare: Spare | undefined
  #stopped = false

  constructor(start: () => Promise<RunningServer>) {
    this.#start = start
  }

  /** Starts one, if none waits. One that does not start, or ends by itself, is not started again before its time is over. */
  prepare(): void {
    if (this.#spare !== undefined || this.#stopped) return
    const timer = setTimeout(() => void this.#giveUp(), KEPT_MS).unref()
    const spare: Spare = { server: this.#start(), timer, isUsable: true }
    const ended = (): void => {
      spare.isUsable = false
    }
    spare.server.then(server => server.ended.then(ended), ended)
    this.#spare = spare
  }

  /** The one that waits, or a new one. @throws TalosError TUNNEL_SERVER_START */
  async take(): Promise<RunningServer> {
    const spare = this.#spare
    if (spare === undefined) return this.#start()
    this.#spare = undefined
    clearTimeout(spare.timer)
    await spare.server.catch(() => {}) // the start that follows tells why
    return spare.isUsable ? spare.server : this.#start()
  }

  /** Ends the one that waits, and starts no more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#giveUp()
  }

  async #giveUp(): Promise<void> {
    const spare = this.#spare
    this.#spare = undefined
    if (spare === undefined) return
    clearTimeout(spare.timer)
    await spare.server.then(
      server => server.stop(),
      () => {}
    )
  }
}
