/** The muxer asks the other side for a sign of life this often. Milliseconds. */
export const SIGN_EACH = 5_000
/** After so many of these times without a byte from there the connection is given up. */
const SIGNS_MISSED = 4

interface Watched extends Pick<EventTarget, 'addEventListener'> {
  abort(error: Error): void
}

/**
 * Gives up a connection on which nothing comes any more, not even the answers to the muxer's pings: the link was cut, or this
 * machine has another address now. TCP alone would go on with it for a quarter of an hour, and meanwhile nobody reaches this node,
 * since it looks connected. Anything that comes counts, so a slow link with much on it is not silent; and times are counted,
 * not measured, so that a process that slept does not take its own sleep for silence.
 */
export function giveUpWhenSilent(connection: Watched): void {
  let missed = 0
  const timer = setInterval(() => {
    missed++
    if (missed >= SIGNS_MISSED)
      connection.abort(new Error(`no sign of life for ${(SIGNS_MISSED * SIGN_EACH) / 1000} s`))
  }, SIGN_EACH)
  timer.unref()
  connection.addEventListener('message', () => {
    missed = 0
  })
  connection.addEventListener('close', () => clearInterval(timer))
}
