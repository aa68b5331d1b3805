/** How often it is looked whether they are connected. Milliseconds. */
const INTERVAL = 10_000
/** How long an attempt may take. Milliseconds. */
const TIMEOUT = 15_000

/**
 * Keeps connections to peers, by whatever they are called. What fails is tried again.
 *
 * @param connect a connection to the peer, new or open already
 * @param interval milliseconds
 */
export function keepConnected(
  references: readonly string[],
  connect: (reference: string, signal: AbortSignal) => Promise<unknown>,
  interval = INTERVAL
): { stop(): void } {
  const stopping = new AbortController()
  const attempt = (): void => {
    for (const reference of references) {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(TIMEOUT)])
      connect(reference, signal).catch(() => {})
    }
  }
  const timer = setInterval(attempt, interval).unref()
  attempt()
  return {
    stop() {
      clearInterval(timer)
      stopping.abort(new Error('the node is stopping'))
    }
  }
}
