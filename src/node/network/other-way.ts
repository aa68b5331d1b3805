import { once } from 'node:events'
import type { Connection, DialTransportOptions, MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { SIGN_EACH } from './silence.ts'

/** How often a connection is looked at. Milliseconds. */
const TICK = 1_000
/** A connection is suspected when nothing came for so many ticks: a sign of life was due, and time enough to come late. */
const SUSPECTED_AFTER = SIGN_EACH / TICK + 3
/** One attempt at another connection; the system sends its first packet twice in that time. Milliseconds. */
const ATTEMPT_TIMEOUT = 1_500
/** What both sides of a libp2p connection say first: its length, and multistream-select's own name. */
const GREETING = new TextEncoder().encode('\x13/multistream/1.0.0\n')

type Watched = Pick<MultiaddrConnection, 'addEventListener' | 'abort'>

/**
 * A transport that notices when a connection which it dialled is dead although the way is not: the link was cut for a while, or this
 * machine has another address. TCP repeats what was lost after ever longer pauses, and goes on doing so when everything else works again. So, when a connection
 * has been silent for longer than its pings allow, its address is dialled beside it, again and again; as soon as somebody there answers, and still nothing has come
 * on the old connection, that is given up, and whoever needs one makes another. A process there that is too busy for the one is too busy for the other.
 */
export function seekingOtherWay<C>(create: (components: C) => Transport): (components: C) => Transport {
  return components => {
    const transport = create(components)
    const dial = transport.dial.bind(transport)
    transport.dial = (address, options) => dial(address, { ...options, upgrader: watching(options.upgrader, address) })

    function watching(upgrader: Upgrader, address: Multiaddr): Upgrader {
      const upgradeOutbound: Upgrader['upgradeOutbound'] = async (wire, options) => {
        const connection = await upgrader.upgradeOutbound(wire, options)
        giveUpWhenAnswered(wire, signal => isAnswered(dial, address, signal))
        return connection
      }
      return Object.create(upgrader, { upgradeOutbound: { value: upgradeOutbound } })
    }
    return transport
  }
}

/** Aborts a connection that is silent while `answered` says that another one would not be. */
export function giveUpWhenAnswered(wire: Watched, answered: (signal: AbortSignal) => Promise<boolean>): void {
  const closed = new AbortController()
  let silent = 0
  let isTrying = false
  const timer = setInterval(() => {
    silent++
    if (silent >= SUSPECTED_AFTER && !isTrying) void seek()
  }, TICK)
  timer.unref()
  wire.addEventListener('message', () => {
    silent = 0
  })
  wire.addEventListener('close', () => {
    clearInterval(timer)
    closed.abort()
  })

  async function seek(): Promise<void> {
    isTrying = true
    while (silent >= SUSPECTED_AFTER && !closed.signal.aborted) {
      const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(ATTEMPT_TIMEOUT)])
      const isThere = await answered(signal)
      if (isThere && silent >= SUSPECTED_AFTER) {
        wire.abort(new Error('nothing comes on it, and another connection to the same address is answered'))
        return
      }
      if (!signal.aborted) await once(signal, 'abort')
    }
    isTrying = false
  }
}

/** Whether a process answers at `address`. What it is shows the connection that is made afterwards. */
async function isAnswered(dial: Transport['dial'], address: Multiaddr, signal: AbortSignal): Promise<boolean> {
  const answered = Promise.withResolvers<boolean>()
  const upgrader: Pick<Upgrader, 'upgradeOutbound'> = {
    upgradeOutbound: async wire => {
      wire.addEventListener('message', () => answered.resolve(true))
      wire.addEventListener('close', () => answered.resolve(false))
      wire.send(GREETING)
      signal.addEventListener('abort', () => answered.resolve(false))
      await answered.promise
      wire.abort(new Error('it was only to see whether somebody answers'))
      return undefined as unknown as Connection
    }
  }
  try {
    await dial(address, { signal, upgrader } as DialTransportOptions)
    return await answered.promise
  } catch {
    return false
  }
}
