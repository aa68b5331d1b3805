import { BaseCommand } from '../cli/base-command.ts'
import { makeWallet, NEW_WALLET_FLAGS, type NewWallet } from '../cli/new-wallet.ts'

export default class Init extends BaseCommand {
  static override summary = 'Make the identity of an agent: a wallet with its keys'
  static override description =
    'The wallet is sealed with a passphrase: from TALOS_PASSPHRASE, from the file that TALOS_PASSPHRASE_FILE ' +
    'names, or asked for on the terminal. A wallet that is there is kept, unless --force is given; then a ' +
    'backup of it stays beside the new one.'
  static override examples = [
    '<%= config.bin %> init --name Alice',
    'TALOS_PASSPHRASE_FILE=/run/secrets/talos <%= config.bin %> init --name tools --json'
  ]
  static override flags = NEW_WALLET_FLAGS

  async run(): Promise<NewWallet> {
    const { flags } = await this.parse(Init)
    const made = await makeWallet(flags, 'ready', { log: text => this.log(text), note: line => this.note(line) })
    this.note('Keep the recovery phrase in a safe place: talos wallet export')
    return made
  }
}
