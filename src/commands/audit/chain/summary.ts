import { lines } from '../../../cli/audit-text.ts'
import { ChainCommand } from '../../../cli/chain-command.ts'
import { countText, ProgressLine } from '../../../cli/progress.ts'
import { bytes } from '../../../cli/size.ts'
import type { ChainStatus, KindName } from '../../../index.ts'

export default class AuditChainSummary extends ChainCommand {
  static override summary = 'Show how much is in the audit chain'
  static override description =
    'Blocks, records of each kind and with how many peers, from when to when. Reads every record that was not pruned.'
  static override examples = ['<%= config.bin %> audit chain summary', '<%= config.bin %> audit chain summary --json']

  async run(): Promise<object> {
    const { flags } = await this.parse(AuditChainSummary)
    await using talos = await this.openClient(flags)
    const status = await talos.chain.status({ signal: this.interrupted })
    const counted = await this.#count(talos, status.records - status.prunedRecords)
    this.log(lines(rowsOf(status, counted)))
    return { ...status, ...counted }
  }

  async #count(talos: Awaited<ReturnType<AuditChainSummary['openClient']>>, all: number): Promise<Counted> {
    const progress = new ProgressLine(this.interactive)
    let done = 0
    const kinds: Partial<Record<KindName, number>> = {}
    const peers = new Set<string>()
    let [erased, first, last]: [number, number | undefined, number | undefined] = [0, undefined, undefined]
    try {
      for await (const { kind, time, fields } of talos.audit.records({ signal: this.interrupted })) {
        kinds[kind] = (kinds[kind] ?? 0) + 1
        const peer = fields?.find(({ name }) => name === 'peer')?.value
        if (typeof peer === 'string') peers.add(peer)
        if (fields === undefined) erased++
        first ??= time
        last = time
        progress.show(countText(Math.min(++done, all), all, 'records'))
      }
    } finally {
      progress.end()
    }
    return { kinds, peers: peers.size, erased, ...(first === undefined ? {} : { first, last: last! }) }
  }
}

interface Counted {
  kinds: Partial<Record<KindName, number>>
  peers: number
  erased: number
  first?: number
  last?: number
}

function rowsOf(status: ChainStatus, { kinds, peers, erased, first, last }: Counted): Array<[string, string]> {
  const time = (at: number | undefined): string => (at === undefined ? '-' : new Date(at).toISOString())
  return [
    ['chain', status.chainId],
    ['owner', status.owner],
    ['blocks', `${status.height} (${bytes(status.bytes)})`],
    ['records', `${status.records}${status.pending > 0 ? `, ${status.pending} of them in no block yet` : ''}`],
    ['pruned', status.prunedRecords === 0 ? 'none' : `${status.prunedRecords} records, up to block ${status.prunedTo}`],
    ['erased', String(erased)],
    ['from', time(first)],
    ['to', time(last)],
    ['peers', String(peers)],
    ...Object.entries(kinds)
      .sort(([, a], [, b]) => b - a)
      .map(([kind, count]): [string, string] => [kind, String(count)])
  ]
}
