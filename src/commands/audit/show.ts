import { Args } from '@oclif/core'
import { fieldLines, lines } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { auditJson } from '../../index.ts'

export default class AuditShow extends ChainCommand {
  static override summary = 'Show a record of the audit chain with all that is kept of it'
  static override examples = [
    '<%= config.bin %> audit show 3fa9c1d20b77',
    '<%= config.bin %> audit show 17',
    '<%= config.bin %> audit show message/<id> --json'
  ]
  static override args = {
    record: Args.string({
      description:
        'Its number, its id, the first digits of that (four or more), or what it is called, such as message/<id>',
      required: true
    })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(AuditShow)
    await using talos = await this.openClient(flags)
    const record = await talos.audit.show(args.record, { signal: this.interrupted })
    const { id, sequence, kind, time, block, fields, counterpart } = record
    const rows: Array<[string, string]> = [
      ['record', id],
      ['number', String(sequence)],
      ['kind', kind],
      ['time', new Date(time).toISOString()],
      ['block', block === undefined ? 'none yet' : String(block)]
    ]
    if (counterpart !== undefined)
      rows.push(['answers', `record ${counterpart.record} of the chain ${counterpart.chainId}`])
    this.log(lines(rows))
    this.log(fields === undefined ? 'Its contents were erased.' : fieldLines(fields).join('\n'))
    return auditJson(record)
  }
}
