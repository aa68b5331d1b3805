import { Args } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { type AnchorReport, readProofFile } from '../../index.ts'

export default class AuditAnchor extends ChainCommand {
  static override summary = 'Record in the chain what somebody else has signed of an earlier state of it'
  static override description =
    'The file is a checkpoint of this chain ("talos audit root") with the signatures of a provider that audit.anchors of config.yaml names. "talos audit verify --level PARANOID" checks it from then on.'
  static override examples = ['<%= config.bin %> audit anchor notary signed-checkpoint.txt']
  static override args = {
    provider: Args.string({ description: 'Its name in audit.anchors', required: true }),
    file: Args.string({ description: 'The checkpoint that it signed', required: true })
  }

  async run(): Promise<AnchorReport> {
    const { args, flags } = await this.parse(AuditAnchor)
    const note = await readProofFile(args.file)
    await using talos = await this.openClient(flags)
    const report = await talos.audit.anchor(args.provider, note, { signal: this.interrupted })
    this.log(
      report.isNew
        ? `Recorded: ${report.provider} has signed the first ${report.size} blocks.`
        : `It was recorded before that ${report.provider} has signed the first ${report.size} blocks.`
    )
    this.log(`  record ${report.record}`)
    if (report.file !== undefined) this.log(`  signatures ${report.file}`)
    return report
  }
}
