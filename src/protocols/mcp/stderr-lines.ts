import { printable } from './printable.ts'

const LONGEST = 4096
const LINES_A_SECOND = 200

/** Turns a server's standard error into safe lines: cut at 4 KiB, at most 200 a second, what is left out is counted. */
export class StderrLines {
  readonly #emit: (line: string) => void
  readonly #now: () => number
  #held = Buffer.alloc(0)
  #cut = 0
  #second = 0
  #lines = 0
  #suppressed = 0

  constructor(emit: (line: string) => void, now: () => number = () => performance.now()) {
    this.#emit = emit
    this.#now = now
  }

  push(chunk: Uint8Array): void {
    let from = 0
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, from)) {
      this.#hold(chunk.subarray(from, at))
      this.#line()
      from = at + 1
    }
    this.#hold(chunk.subarray(from))
  }

  #hold(piece: Uint8Array): void {
    const room = LONGEST - this.#held.length
    if (room > 0 && piece.length > 0) this.#held = Buffer.concat([this.#held, piece.subarray(0, room)])
    this.#cut += Math.max(0, piece.length - room)
  }

  #line(): void {
    const held = this.#held.at(-1) === 0x0d ? this.#held.subarray(0, -1) : this.#held
    const cut = this.#cut
    this.#held = Buffer.alloc(0)
    this.#cut = 0
    if (held.length === 0) return
    const second = Math.floor(this.#now() / 1000)
    if (second !== this.#second) {
      if (this.#suppressed > 0) this.#emit(`(${this.#suppressed} more lines left out)`)
      this.#second = second
      this.#lines = 0
      this.#suppressed = 0
    }
    if (++this.#lines > LINES_A_SECOND) this.#suppressed++
    else this.#emit(printable(held, LONGEST) + (cut > 0 ? `… (${cut} bytes left out)` : ''))
  }
}
