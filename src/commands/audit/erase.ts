import { Args, Flags } from '@oclif/core'
import { logRow } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { isConfirmed } from '../../cli/terminal.ts'
import { TalosError } from '../../errors.ts'
import type { EraseReport } from '../../index.ts'

export default class AuditErase extends ChainCommand {
  static override summary = 'Remove the contents of a record for good'
  static override description =
    'The record stays, with its time and kind, and the chain stays valid; what happened cannot be read or proved any more, by nobody. Proofs that were given away still show what they opened.'
  static override examples = ['<%= config.bin %> audit erase 3fa9c1d20b77']
  static override args = {
    record: Args.string({
      description: 'Its number, its id, the first digits of that, or what it is called',
      required: true
    })
  }
  static override flags = { yes: Flags.boolean({ char: 'y', description: 'Erase without asking' }) }

  async run(): Promise<EraseReport> {
    const { args, flags } = await this.parse(AuditErase)
    await using talos = await this.openClient(flags)
    const options = { signal: this.interrupted }
    const found = await talos.audit.show(args.record, options)
    if (!flags.yes) {
      this.note(logRow(found, await this.peerNames(flags)).join('  '))
      if (!(await isConfirmed('Remove its contents for good? [y/N] '))) {
        throw new TalosError('USAGE_NOT_CONFIRMED', 'nothing was erased', { hint: 'Answer y, or add --yes.' })
      }
    }
    const erased = await talos.audit.erase(found.id, options)
    this.log(`The contents of record ${erased.record} are gone.`)
    if (erased.message !== undefined)
      this.note('The message itself is still in the history here, and on the other side.')
    return erased
  }
}
