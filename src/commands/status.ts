import { BaseCommand } from '../cli/base-command.ts'
import { identityLines } from '../cli/identity.ts'
import { interruption } from '../cli/interrupt.ts'
import { printable } from '../cli/printable.ts'
import { table } from '../cli/table.ts'
import { clock, milliseconds } from '../cli/time.ts'
import { witnessedText } from '../cli/witness-text.ts'
import {
  type NodeStatus,
  nodeStatus,
  type PeerStatus,
  type RunningNode,
  type ServerStatus,
  type SessionSummary
} from '../index.ts'

export default class Status extends BaseCommand {
  static override summary = 'Show the identity, and which servers and peers can be reached from here'
  static override description =
    'Shows the node that runs here with its connections, asks every known server what this agent has registered there, and tries every peer of the address book. Needs no passphrase.'
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status --json']

  async run(): Promise<NodeStatus> {
    const { flags } = await this.parse(Status)
    const report = await nodeStatus({
      signal: interruption(),
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] })
    })
    this.#print(report)
    return report
  }

  #print({ identity, dataDir, servers, peers, sessions, chain, witness, node }: NodeStatus): void {
    if (identity === undefined) this.log(`No wallet in ${dataDir}: talos init --name <name>`)
    else this.log([identity.name, ...identityLines({ ...identity, dataDir })].join('\n'))
    this.log('')
    if (node === undefined) this.log('No node runs here: talos daemon')
    else this.#printNode(node)
    const audit = [witness && witnessedText(witness), chain && chainText(chain)].filter(text => text !== undefined)
    if (audit.length > 0) this.log(`Audit chain: ${audit.join('; ')}`)
    if (chain?.network !== undefined) this.log(`Shared chain: ${networkText(chain.network)}`)
    this.log('')
    if (servers.length === 0) this.log('No server is known: talos register --server <host:port>')
    else this.log(table(['SERVER', 'ROUND TRIP', 'REGISTERED AS', 'UNTIL', 'ADDRESSES'], servers.map(serverRow)))
    if (peers.length > 0) {
      this.log('')
      this.log(table(['PEER', 'ROUND TRIP', 'CONNECTION'], peers.map(peerRow)))
    }
    if (sessions === undefined)
      this.note('\nThe sessions are sealed: TALOS_PASSPHRASE or TALOS_PASSPHRASE_FILE shows them.')
    else if (sessions.length > 0) {
      this.log('')
      this.log(table(['SESSION WITH', 'CONFIRMED', 'LAST USED'], sessions.map(sessionRow)))
    }
  }

  #printNode({ pid, role, startedAt, addresses, connections }: RunningNode): void {
    const what = role === 'client' ? 'serves one command' : 'runs'
    this.log(`The node ${what} (process ${pid}, since ${clock(startedAt)})`)
    for (const address of addresses) this.log(`  ${address}`)
    if (connections.length > 0) {
      this.log('')
      this.log(
        table(['CONNECTED TO', 'ROUND TRIP', 'HOW', 'SINCE', 'PROTOCOLS', 'ADDRESS'], connections.map(connectionRow))
      )
    }
  }
}

function chainText({ height, records, pending }: NonNullable<NodeStatus['chain']>): string {
  const waiting = pending === 0 ? '' : ` (${pending} without a block yet)`
  return `${records} records${waiting}, ${height} blocks`
}

function networkText({ name, height, peers }: NonNullable<NonNullable<NodeStatus['chain']>['network']>): string {
  return `${printable(name)}, block ${height}, ${peers} others connected`
}

function connectionRow({
  peerId,
  name,
  direct,
  since,
  protocols,
  address,
  roundTrip
}: RunningNode['connections'][number]): string[] {
  const talos = protocols.filter(protocol => protocol.startsWith('/talos/')).map(protocol => protocol.split('/')[2]!)
  const time = roundTrip === undefined ? '-' : milliseconds(roundTrip)
  return [name ?? peerId, time, direct ? 'direct' : 'relayed', clock(since), talos.join(' ') || '-', address]
}

function serverRow({ addresses, peerId, reachable, roundTrip, registered, error }: ServerStatus): string[] {
  const where = addresses[0] ?? peerId
  if (!reachable) return [where, '-', error === undefined ? '-' : error.message]
  if (registered === undefined) return [where, milliseconds(roundTrip!), '-']
  const { name, expiresAt } = registered
  return [where, milliseconds(roundTrip!), name, clock(expiresAt), String(registered.addresses.length)]
}

function sessionRow({ peer, confirmed, lastUsed, keyChanged }: SessionSummary): string[] {
  return [peer, keyChanged ? 'its key has changed: talos peers accept' : confirmed ? 'yes' : 'not yet', clock(lastUsed)]
}

function peerRow({ name, reachable, direct, roundTrip, error }: PeerStatus): string[] {
  if (!reachable)
    return [name, '-', error?.code === 'NETWORK_PEER_UNREACHABLE' ? 'cannot be reached' : (error?.message ?? '-')]
  return [name, milliseconds(roundTrip!), direct === true ? 'direct' : 'relayed']
}
