import type { NetworkStatus } from '../index.ts'
import { lines } from './audit-text.ts'
import { table } from './table.ts'
import { clock } from './time.ts'

/** What is told of the chain that is shared. */
export function networkText(status: NetworkStatus): string {
  const { name, chainId, height, tip, tipTime, waiting, admitted, convicted, dropped, peers, sync, deep, claimed } =
    status
  const text = lines([
    ['network', `${name} (${chainId})`],
    ['height', String(height)],
    ['last block', height === 0 ? 'none yet' : `${tip}, ${new Date(tipTime).toISOString()}`],
    ['waiting', `${waiting} records`],
    ...(convicted > 0 ? [['frozen', `${convicted} authors of two histories`] as [string, string]] : []),
    ['may write', admitted ? 'yes' : 'no: the network file does not list this key'],
    ['certainty', 'probabilistic: each block that follows makes it harder to take one back'],
    ...(claimed === undefined ? [] : [['own chain', `claimed up to block ${claimed.size - 1}`] as [string, string]]),
    ...(sync === undefined ? [] : [['fetching', `block ${sync.height} of ${sync.target}`] as [string, string]]),
    ...(dropped === 0 ? [] : [['dropped', `${dropped} peers, for what they did`] as [string, string]])
  ])
  const rows = peers.map(peer => [peer.peerId, String(peer.height), peer.faults === 0 ? '-' : `${peer.faults} of 100`])
  const known =
    rows.length === 0
      ? 'No node that keeps this chain is connected.'
      : table(['NODE', 'HEIGHT', 'HELD AGAINST IT'], rows)
  return [text, '', known, ...(deep === undefined ? [] : ['', deepText(deep)])].join('\n')
}

function deepText({ first, fork, depth, height }: NonNullable<NetworkStatus['deep']>): string {
  return (
    `Another chain has more work. It differs from block ${fork + 1} on, reaches block ${height}, and would take back ${depth} blocks of this one:\n` +
    'more than is done unasked. Find out from the others of the network why. To follow it:\n' +
    `  talos chain sync --consent ${first}`
  )
}

export const blockRow = ({ height, hash, time, records, producer }: import('../index.ts').NetworkBlock): string[] => [
  String(height),
  hash.slice(0, 16),
  clock(time),
  String(records),
  producer || '-'
]
