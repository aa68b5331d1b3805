import type { Connection, Libp2p } from '@libp2p/interface'
import type { KnownPeer } from '../address-book.ts'
import { rounded, roundTrip } from './round-trip.ts'
import type { ConnectionReport } from './types.ts'

/** How long each may take to answer, in milliseconds: who does not is shown without a time. */
const TIMEOUT = 2_000
/** How many are asked; the others are shown without a time. */
const MAX_ASKED = 64

/** The open connections of a node, each with the time of a ping over it. Throws the reason of the signal. */
export async function connectionReports(
  libp2p: Libp2p,
  peers: readonly KnownPeer[],
  signal?: AbortSignal
): Promise<ConnectionReport[]> {
  const names = new Map(peers.map(({ name, peerId }) => [peerId, name]))
  const timeout = AbortSignal.timeout(TIMEOUT)
  const stop = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  const open = libp2p.getConnections()
  // the streams that are there for a purpose, not that of the ping
  const reports = open.map(connection => reportOf(connection, names.get(connection.remotePeer.toString())))
  const times = await Promise.all(
    open.slice(0, MAX_ASKED).map(connection => roundTrip(connection, stop).catch(() => undefined))
  )
  signal?.throwIfAborted()
  return reports.map((report, i) => {
    const time = times[i]
    return time === undefined ? report : { ...report, roundTrip: rounded(time) }
  })
}

function reportOf({ remotePeer, remoteAddr, direct, timeline, streams }: Connection, name?: string): ConnectionReport {
  return {
    peerId: remotePeer.toString(),
    ...(name === undefined ? {} : { name }),
    address: remoteAddr.toString(),
    direct,
    since: timeline.open,
    protocols: [...new Set(streams.map(({ protocol }) => protocol).filter(Boolean))]
  }
}
