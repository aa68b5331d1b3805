import { Args, Flags } from '@oclif/core'
import { lines } from '../../cli/audit-text.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import type { LightCheckpoint as Report } from '../../index.ts'

export default class LightCheckpoint extends ChainCommand {
  static override summary = "Follow an agent's own chain by what witnesses signed of it"
  static override description =
    'Asks the witnesses of the policy for the newest state that they signed, and keeps it: some hundred bytes, however long the chain is. It never goes back, and two histories of one size are told of. Proofs with a signed checkpoint are checked by the same policy: "talos proof verify --policy".'
  static override examples = ['<%= config.bin %> light checkpoint talos/q1Zk… --witness-policy policy.txt']
  static override args = {
    chain: Args.string({
      description: 'What the chain is called in checkpoints ("talos audit root"), or its id in hexadecimal',
      required: true
    })
  }
  static override flags = {
    'witness-policy': Flags.string({ description: 'The policy file (default: that of this agent)' })
  }

  async run(): Promise<Report> {
    const { args, flags } = await this.parse(LightCheckpoint)
    await using talos = await this.openClient(flags)
    const policy = flags['witness-policy']
    const found = await talos.light.checkpoint(args.chain, {
      signal: this.interrupted,
      ...(policy === undefined ? {} : { policy })
    })
    this.log(
      lines([
        ['chain', found.origin],
        ['blocks', String(found.size)],
        ['root', found.root],
        ['witnessed', `${found.witnesses.length}/${found.total}: ${found.witnesses.join(', ')}`]
      ])
    )
    return found
  }
}
