import { ChainCommand } from '../../cli/chain-command.ts'
import { lightFlags, lightOptions, lightText } from '../../cli/light-text.ts'
import type { LightStatus as Report } from '../../index.ts'

export default class LightStatus extends ChainCommand {
  static override summary = 'Show how far the headers of a shared chain are known here'
  static override examples = ['<%= config.bin %> light status --network team.yaml']
  static override flags = { network: lightFlags.network }

  async run(): Promise<Report> {
    const { flags } = await this.parse(LightStatus)
    await using talos = await this.openClient(flags)
    const status = await talos.light.status({ ...lightOptions(flags), signal: this.interrupted })
    this.log(lightText(status))
    return status
  }
}
