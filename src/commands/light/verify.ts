import { Args } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { lightFlags, lightOptions, lightRecordJson, lightRecordText } from '../../cli/light-text.ts'
import { readProofFile } from '../../index.ts'

export default class LightVerify extends ChainCommand {
  static override summary = 'Check a proof with the headers that are here'
  static override description =
    'Nobody is asked. Says so when a reorganisation took the block out that the proof is from.'
  static override examples = ['<%= config.bin %> light verify proof.txt --network team.yaml']
  static override args = { file: Args.string({ description: 'The proof', required: true }) }
  static override flags = { network: lightFlags.network }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(LightVerify)
    const proof = await readProofFile(args.file)
    await using talos = await this.openClient(flags)
    const found = await talos.light.verify(proof, { ...lightOptions(flags), signal: this.interrupted })
    this.log(`PROVED\n${lightRecordText(found)}`)
    return lightRecordJson(found)
  }
}
