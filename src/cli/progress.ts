import type { Transfer } from '../index.ts'
import { bytes } from './size.ts'

const BAR = 24
/** Between two drawings. Milliseconds. */
const INTERVAL = 100

/** One line on a terminal that shows how far something is. Silent elsewhere. */
export class ProgressLine {
  readonly #isShown: boolean
  #last = 0
  #isOpen = false

  constructor(isShown: boolean) {
    this.#isShown = isShown
  }

  show(progress: Transfer | string): void {
    const now = performance.now()
    if (!this.#isShown || now - this.#last < INTERVAL) return
    this.#last = now
    this.#isOpen = true
    process.stderr.write(`\r\x1b[K${typeof progress === 'string' ? progress : progressText(progress)}`)
  }

  end(): void {
    if (this.#isOpen) process.stderr.write('\r\x1b[K')
    this.#isOpen = false
  }
}

/** `[#####     ]  42 %`, of something that is counted. */
export function countText(done: number, of: number, what: string): string {
  const part = of === 0 ? 1 : done / of
  return `[${barOf(part)}] ${String(Math.floor(part * 100)).padStart(3)} %  ${done} of ${of} ${what}`
}

const barOf = (part: number): string => '#'.repeat(Math.round(part * BAR)).padEnd(BAR)

/** `[#####     ]  42 %  1.2 of 3.0 GB  85 MB/s  0:21` */
export function progressText({ state, doneBytes, size, rate, reason }: Transfer): string {
  if (state !== 'active') return reason === undefined ? 'waiting for the receiver' : `waiting: ${reason.message}`
  const part = size === 0 ? 1 : doneBytes / size
  const left = rate > 0 ? timeLeft((size - doneBytes) / rate) : '-:--'
  return `[${barOf(part)}] ${String(Math.floor(part * 100)).padStart(3)} %  ${bytes(doneBytes)} of ${bytes(size)}  ${bytes(rate)}/s  ${left}`
}

function timeLeft(seconds: number): string {
  const whole = Math.ceil(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}:${String(whole % 60).padStart(2, '0')}`
  return hours > 0 ? `${hours}:${tail}` : tail
}
