/**
 * The exit statuses of every `talos` command, as documented in docs/cli.md.
 * An error code is `<AREA>_<WHAT>`; its area decides the status.
 */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  wallet: 3,
  peer: 4,
  network: 5,
  refused: 6,
  chain: 7,
  interrupted: 130
} as const

const BY_AREA: Record<string, number> = {
  USAGE: EXIT.usage,
  CONFIG: EXIT.usage,
  WALLET: EXIT.wallet,
  PEER: EXIT.peer,
  NETWORK: EXIT.network,
  REGISTRY: EXIT.network,
  MAILBOX: EXIT.network,
  MESSAGE: EXIT.network,
  SESSION: EXIT.refused,
  TUNNEL: EXIT.refused,
  FILE: EXIT.refused,
  STREAM: EXIT.refused,
  BROADCAST: EXIT.network,
  AUDIT: EXIT.refused,
  CHAIN: EXIT.chain,
  INTERRUPTED: EXIT.interrupted
}

/** The exit status for an error code; `failure` for an area without one of its own. */
export function exitCodeOf(code: string): number {
  return BY_AREA[code.split('_', 1)[0] ?? ''] ?? EXIT.failure
}
