import { Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { lightFlags, lightOptions, lightText } from '../../cli/light-text.ts'
import type { LightStatus } from '../../index.ts'

export default class LightSync extends ChainCommand {
  static override summary = 'Fetch the headers of a shared chain, and check them'
  static override description =
    'Asks the nodes that keep the chain and follows the one with most work; nothing of what they say is believed. A node whose role is light (node.role in the configuration) does so by itself.'
  static override examples = [
    '<%= config.bin %> light sync --network team.yaml --peer alice',
    '<%= config.bin %> light sync --json'
  ]
  static override flags = {
    consent: Flags.boolean({ description: 'Follow a chain with more work even if it takes back more than 100 blocks' }),
    ...lightFlags
  }

  async run(): Promise<LightStatus> {
    const { flags } = await this.parse(LightSync)
    await using talos = await this.openClient(flags)
    const status = await talos.light.sync({
      ...lightOptions(flags),
      consent: flags.consent,
      signal: this.interrupted
    })
    this.log(lightText(status))
    return status
  }
}
