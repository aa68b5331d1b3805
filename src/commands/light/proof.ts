import { Args, Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { lightFlags, lightOptions, lightRecordJson, lightRecordText } from '../../cli/light-text.ts'
import { writeOutputFile } from '../../index.ts'

export default class LightProof extends ChainCommand {
  static override summary = 'Have a full node prove that a record is in a shared chain, and check that'
  static override description =
    'With --output the proof is kept: "talos light verify" checks it later, without asking anybody.'
  static override examples = ['<%= config.bin %> light proof 3fa9…64 digits… --network team.yaml --output proof.txt']
  static override args = { record: Args.string({ description: 'Its id: 64 hexadecimal digits', required: true }) }
  static override flags = {
    ...lightFlags,
    output: Flags.string({ char: 'o', description: 'A file to keep the proof in' })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(LightProof)
    await using talos = await this.openClient(flags)
    const found = await talos.light.proof(args.record, { ...lightOptions(flags), signal: this.interrupted })
    if (flags.output !== undefined) await writeOutputFile(flags.output, found.proof)
    this.log(`PROVED\n${lightRecordText(found)}`)
    return lightRecordJson(found)
  }
}
