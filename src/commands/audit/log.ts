import { Flags } from '@oclif/core'
import { queryFlags, queryOf } from '../../cli/audit-flags.ts'
import { LOG_HEADING, logRow } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { table } from '../../cli/table.ts'
import { type AuditRecord, auditJson } from '../../index.ts'

export default class AuditLog extends ChainCommand {
  static override summary = 'Show what this agent did, and what was done to it'
  static override description =
    'The last records of the audit chain, the newest last. With --follow those that come after them too, each when it has its block, until Ctrl-C; with --json then one object per line.'
  static override examples = [
    '<%= config.bin %> audit log',
    '<%= config.bin %> audit log --peer alice --kind message --since 1d',
    '<%= config.bin %> audit log --follow --json'
  ]
  static override flags = {
    ...queryFlags,
    limit: Flags.integer({ description: 'How many', default: 50, min: 1, max: 100_000 }),
    follow: Flags.boolean({ char: 'f', description: 'Go on with those that come' })
  }

  async run(): Promise<object | undefined> {
    const { flags } = await this.parse(AuditLog)
    const query = queryOf(flags)
    await using talos = await this.openClient(flags)
    const nameOf = await this.peerNames(flags)
    const signal = this.interrupted
    const found = (await talos.audit.log({ ...query, limit: flags.limit, signal })).reverse()
    const isJson = this.jsonEnabled()
    if (!flags.follow) {
      if (found.length === 0) this.note('no records')
      else
        this.log(
          table(
            LOG_HEADING,
            found.map(record => logRow(record, nameOf))
          )
        )
      return { records: found.map(auditJson) }
    }
    const show = (record: AuditRecord): void => {
      process.stdout.write(`${isJson ? JSON.stringify(auditJson(record)) : logRow(record, nameOf).join('  ')}\n`)
    }
    const sealed = found.filter(({ block }) => block !== undefined)
    for (const record of sealed) show(record)
    const after = sealed.at(-1)?.sequence ?? 0
    for await (const record of talos.audit.follow({ ...query, after, signal })) show(record)
    return undefined
  }
}
