import { Args, Flags } from '@oclif/core'
import { fieldLines } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { fieldsJson } from '../../cli/proof-text.ts'
import { writeOutputFile } from '../../index.ts'

export default class ChainOpen extends ChainCommand {
  static override summary =
    'Make a proof in which others can read what you open of a record of yours in the shared chain'
  static override description =
    'Whoever has the headers of the chain checks it with "talos light verify". Fields that are not opened stay hidden. What was given away cannot be taken back.'
  static override examples = ['<%= config.bin %> chain open 3fa9…64 digits… --field name --output proof.txt']
  static override args = { record: Args.string({ description: 'Its id: 64 hexadecimal digits', required: true }) }
  static override flags = {
    field: Flags.string({ description: 'A field to open; can be given several times (default: all)', multiple: true }),
    output: Flags.string({ char: 'o', description: 'The file to write (default: standard output)' })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ChainOpen)
    await using talos = await this.openClient(flags)
    const { record, proof, fields } = await talos.network.open(args.record, flags.field, { signal: this.interrupted })
    if (flags.output === undefined) this.log(proof.trimEnd())
    else await writeOutputFile(flags.output, proof)
    this.note(`The proof of record ${record} shows:\n${fieldLines(fields).join('\n')}`)
    return { record, proof, fields: fieldsJson(fields) }
  }
}
