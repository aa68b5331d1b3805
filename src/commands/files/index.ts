import { BaseCommand } from '../../cli/base-command.ts'
import { interruption } from '../../cli/interrupt.ts'
import { promptPassphrase } from '../../cli/passphrase.ts'
import { bytes } from '../../cli/size.ts'
import { table } from '../../cli/table.ts'
import { type FileOffer, listPeers, TalosClient, type Transfer } from '../../index.ts'

export default class Files extends BaseCommand {
  static override summary = 'Show the files that are offered, on their way, or done'
  static override description = 'An offer that waits is decided with "talos files accept" or "talos files refuse".'
  static override examples = ['<%= config.bin %> files', '<%= config.bin %> files --json']

  async run(): Promise<{ offers: FileOffer[]; transfers: Transfer[] }> {
    const { flags } = await this.parse(Files)
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    await using talos = await TalosClient.create({ ...location, role: 'client', prompt: promptPassphrase })
    const report = await talos.files({ signal: interruption() })
    const names = new Map((await listPeers(location)).map(({ name, peerId }) => [peerId, name]))
    const nameOf = (peer: string): string => names.get(peer) ?? peer
    if (report.offers.length > 0) {
      this.log(
        table(
          ['OFFERED', 'FROM', 'SIZE', 'ID'],
          report.offers.map(offer => [offer.name, nameOf(offer.peer), bytes(offer.size), offer.id])
        )
      )
      this.log('')
    }
    if (report.transfers.length === 0) this.note('no files')
    else
      this.log(
        table(
          ['FILE', 'PEER', 'SIZE', 'STATE', 'ID'],
          report.transfers.map(transfer => row(transfer, nameOf))
        )
      )
    return report
  }
}

function row(transfer: Transfer, nameOf: (peer: string) => string): string[] {
  const { name, peer, direction, size, doneBytes, state, reason, id } = transfer
  const part = state === 'active' && size > 0 ? ` ${Math.floor((doneBytes / size) * 100)} %` : ''
  const why = reason === undefined ? '' : `: ${reason.message}`
  return [name, `${direction === 'in' ? 'from' : 'to'} ${nameOf(peer)}`, bytes(size), `${state}${part}${why}`, id]
}
