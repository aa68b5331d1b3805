import { Args, Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { proofOf } from '../../cli/proof-source.ts'
import { proofJson, proofText } from '../../cli/proof-text.ts'
import { readProof } from '../../index.ts'

export default class ProofShow extends ChainCommand {
  static override summary = 'Show what a proof says, without checking it'
  static override examples = ['<%= config.bin %> proof show proof.txt', '<%= config.bin %> proof show 3fa9c1d20b77']
  static override args = { proof: Args.string({ description: 'A file, or a record of the own chain' }) }
  static override flags = { file: Flags.string({ description: 'A file' }) }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ProofShow)
    const text = await proofOf({ source: args.proof, file: flags.file }, async record => {
      await using talos = await this.openClient(flags)
      return (await talos.proof.export(record, { signal: this.interrupted })).proof
    })
    const proof = readProof(text)
    this.log(proofText(proof, await this.peerNames(flags)))
    this.note('Not checked: "talos proof verify" does that.')
    return proofJson(proof)
  }
}
