import { Args, Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { putProof } from '../../cli/proof-output.ts'
import type { ProofReport } from '../../index.ts'

export default class ProofExport extends ChainCommand {
  static override summary = 'Write a proof that a record is in the audit chain'
  static override description =
    'It shows when the record was made, by whom and of which kind, and nothing of its contents: "talos audit open" makes one that does. A c2sp.org/tlog-proof, that anybody verifies offline.'
  static override examples = ['<%= config.bin %> proof export 3fa9c1d20b77 --output proof.txt']
  static override args = {
    record: Args.string({
      description: 'Its number, its id, the first digits of that, or what it is called',
      required: true
    })
  }
  static override flags = {
    output: Flags.string({ char: 'o', description: 'The file to write (default: standard output)' })
  }

  async run(): Promise<ProofReport> {
    const { args, flags } = await this.parse(ProofExport)
    await using talos = await this.openClient(flags)
    const proof = await talos.proof.export(args.record, { signal: this.interrupted })
    await putProof(proof, flags.output, { log: text => this.log(text), note: text => this.note(text) })
    return proof
  }
}
