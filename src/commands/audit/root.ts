import { ChainCommand } from '../../cli/chain-command.ts'
import type { CheckpointReport } from '../../index.ts'

export default class AuditRoot extends ChainCommand {
  static override summary = 'Print the state of the audit chain, signed'
  static override description =
    'A checkpoint (C2SP signed note): how many blocks there are, and the root over them. Whoever keeps it can tell later whether the chain was changed. Standard error says the key that verifies it.'
  static override examples = ['<%= config.bin %> audit root > checkpoint.txt', '<%= config.bin %> audit root --json']

  async run(): Promise<CheckpointReport> {
    const { flags } = await this.parse(AuditRoot)
    await using talos = await this.openClient(flags)
    const root = await talos.audit.root({ signal: this.interrupted })
    this.log(root.note.trimEnd())
    this.note(`\nverifier key: ${root.key}`)
    return root
  }
}
