import { BaseCommand } from '../../cli/base-command.ts'
import { identityLines, warnOfPlaintext } from '../../cli/identity.ts'
import { readWalletSummary, type WalletSummary } from '../../index.ts'

export default class WalletShow extends BaseCommand {
  static override summary = 'Print the identity of the wallet; no passphrase is needed'
  static override description =
    'This is the public part of the wallet file. That nobody has changed it is known once the wallet has been ' +
    'opened with its passphrase.'
  static override examples = ['<%= config.bin %> wallet show', '<%= config.bin %> wallet show --json']

  async run(): Promise<WalletSummary> {
    const { flags } = await this.parse(WalletShow)
    const summary = await readWalletSummary({ dataDir: flags['data-dir'] })
    const made = new Date(summary.created).toISOString().slice(0, 10)
    this.log([summary.name, ...identityLines(summary), `  Made            ${made}`].join('\n'))
    if (!summary.sealed) warnOfPlaintext()
    return summary
  }
}
