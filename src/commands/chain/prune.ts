import { Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { isConfirmed } from '../../cli/terminal.ts'
import { TalosError } from '../../errors.ts'
import type { PruneReport } from '../../index.ts'

export default class ChainPrune extends ChainCommand {
  static override summary = 'Remove old records of the audit chain, with their contents'
  static override description =
    'The headers stay, so that the chain stays valid; of records of which a proof was given away what proves them stays too. Make an archive first if the rest may be wanted again.'
  static override examples = [
    '<%= config.bin %> chain archive chain.talos && <%= config.bin %> chain prune --below 1000',
    '<%= config.bin %> chain prune --keep 500 --yes'
  ]
  static override flags = {
    below: Flags.integer({
      description: 'Remove the records of the blocks below this height',
      min: 0,
      exclusive: ['keep']
    }),
    keep: Flags.integer({ description: 'Keep those of so many of the last blocks', min: 1 }),
    yes: Flags.boolean({ char: 'y', description: 'Remove without asking' })
  }

  async run(): Promise<PruneReport> {
    const { flags } = await this.parse(ChainPrune)
    await using talos = await this.openClient(flags)
    const options = { signal: this.interrupted }
    const { height, prunedTo } = await talos.chain.status(options)
    const below = flags.below ?? (flags.keep === undefined ? undefined : Math.max(0, height + 1 - flags.keep))
    if (below === undefined) {
      throw new TalosError('USAGE_INVALID', 'say what is to go', { hint: 'Give --below <height> or --keep <blocks>.' })
    }
    const question = `Remove the records of blocks ${prunedTo + 1} to ${below - 1} for good? [y/N] `
    if (below > prunedTo + 1 && !flags.yes && !(await isConfirmed(question))) {
      throw new TalosError('USAGE_NOT_CONFIRMED', 'nothing was removed', { hint: 'Answer y, or add --yes.' })
    }
    const report = await talos.chain.prune(below, options)
    this.log(`${report.records} records of ${report.blocks} blocks are gone; of ${report.kept} a proof was kept.`)
    return report
  }
}
