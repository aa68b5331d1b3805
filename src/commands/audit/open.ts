import { Args, Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { putProof } from '../../cli/proof-output.ts'
import type { ProofReport } from '../../index.ts'

export default class AuditOpen extends ChainCommand {
  static override summary = 'Make a proof in which others can read what you open of a record'
  static override description =
    'Whoever gets it can check the opened fields, and when and by whom they were recorded, with nothing else: no network, no account. The fields that are not opened stay hidden. What was given away cannot be taken back.'
  static override examples = [
    '<%= config.bin %> audit open 3fa9c1d20b77 --field event --field peer --output proof.txt',
    '<%= config.bin %> audit open message/<id> --all'
  ]
  static override args = {
    record: Args.string({
      description: 'Its number, its id, the first digits of that, or what it is called',
      required: true
    })
  }
  static override flags = {
    all: Flags.boolean({ description: 'Open every field', exclusive: ['field'] }),
    field: Flags.string({ description: 'A field to open; can be given several times', multiple: true }),
    output: Flags.string({ char: 'o', description: 'The file to write (default: standard output)' })
  }

  async run(): Promise<ProofReport> {
    const { args, flags } = await this.parse(AuditOpen)
    await using talos = await this.openClient(flags)
    const options = { signal: this.interrupted }
    const names = async (): Promise<string[]> =>
      ((await talos.audit.show(args.record, options)).fields ?? []).map(({ name }) => name)
    const proof = await talos.audit.open(args.record, flags.all ? await names() : (flags.field ?? []), options)
    await putProof(proof, flags.output, { log: text => this.log(text), note: text => this.note(text) })
    return proof
  }
}
