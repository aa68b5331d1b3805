import { Args, Flags } from '@oclif/core'
import { shortId } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { EXIT } from '../../cli/exit-codes.ts'
import { oneLine } from '../../cli/printable.ts'
import { table } from '../../cli/table.ts'
import { clock, instant } from '../../cli/time.ts'
import type { ReconciledRecord, ReconcileReport } from '../../index.ts'

export default class AuditReconcile extends ChainCommand {
  static override summary = 'Compare your records with those of a peer'
  static override description =
    'Asks the peer for what it has recorded of what passed between you, if its owner allows that (audit.reconcileWith in its configuration), or reads a file that it exported. Says what is missing on your side, what on theirs, and what differs. Exit status 7 when anything does.'
  static override examples = [
    '<%= config.bin %> audit reconcile alice',
    '<%= config.bin %> audit reconcile alice --file from-alice.ndjson --since 30d'
  ]
  static override args = { peer: Args.string({ description: 'A name, PeerId, did:key or hex key', required: true }) }
  static override flags = {
    file: Flags.string({ description: 'What the peer wrote with "talos audit export --format ndjson --peer <you>"' }),
    since: Flags.string({ description: 'Only what is not older than this: a duration such as 7d, or a date' }),
    until: Flags.string({ description: 'Only what is not newer than this' })
  }

  async run(): Promise<ReconcileReport> {
    const { args, flags } = await this.parse(AuditReconcile)
    const { file, since, until } = flags
    await using talos = await this.openClient(flags)
    const report = await talos.audit.reconcile(args.peer, {
      signal: this.interrupted,
      ...(file === undefined ? {} : { file }),
      ...(since === undefined ? {} : { since: instant(since) }),
      ...(until === undefined ? {} : { until: instant(until) })
    })
    const { counts, compared, matching, checkpoint, proved } = report
    const words = [`${compared} operations are recorded by both sides, ${matching} of them alike.`]
    if (checkpoint !== undefined) words.push(`Their chain has ${checkpoint.size} blocks.`)
    if (proved !== undefined) words.push(`${proved} of their records came with a proof that holds.`)
    this.log(words.join(' '))
    this.#list('Missing here', report.missingHere, counts.missingHere)
    this.#list('Missing on their side', report.missingThere, counts.missingThere)
    if (counts.differing > 0) {
      this.log(`\nDifferent (${counts.differing}):`)
      const rows = report.differing.map(({ operation, ours, theirs, fields }) => [
        oneLine(operation, 80),
        shortId(ours),
        shortId(theirs),
        fields.join(', ')
      ])
      this.log(table(['OPERATION', 'OURS', 'THEIRS', 'IN'], rows))
    }
    if (counts.missingHere + counts.missingThere + counts.differing > 0) process.exitCode = EXIT.chain
    return report
  }

  #list(title: string, records: readonly ReconciledRecord[], count: number): void {
    if (count === 0) return
    this.log(`\n${title} (${count}):`)
    const rows = records.map(({ operation, kind, record, time }) => [
      oneLine(operation, 80),
      kind,
      clock(time),
      shortId(record)
    ])
    this.log(table(['OPERATION', 'KIND', 'TIME', 'RECORD'], rows))
  }
}
