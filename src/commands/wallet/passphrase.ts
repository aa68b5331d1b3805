import { BaseCommand } from '../../cli/base-command.ts'
import { newPassphrase, promptPassphrase } from '../../cli/passphrase.ts'
import { changePassphrase, resolveDataDir } from '../../index.ts'

export default class WalletPassphrase extends BaseCommand {
  static override summary = 'Seal the wallet with another passphrase'
  static override description =
    'The present passphrase comes from TALOS_PASSPHRASE, TALOS_PASSPHRASE_FILE or the terminal, the new one ' +
    'from TALOS_NEW_PASSPHRASE, TALOS_NEW_PASSPHRASE_FILE or the terminal. The keys stay. Copies of the file ' +
    'made before still open with the old passphrase.'
  static override examples = [
    '<%= config.bin %> wallet passphrase',
    'TALOS_PASSPHRASE_FILE=old TALOS_NEW_PASSPHRASE_FILE=new <%= config.bin %> wallet passphrase'
  ]

  async run(): Promise<{ dataDir: string }> {
    const { flags } = await this.parse(WalletPassphrase)
    await changePassphrase({
      dataDir: flags['data-dir'],
      prompt: promptPassphrase,
      next: () => newPassphrase('TALOS_NEW_PASSPHRASE', line => this.note(line))
    })
    this.log('The wallet is sealed with the new passphrase.')
    return { dataDir: resolveDataDir(flags['data-dir']) }
  }
}
