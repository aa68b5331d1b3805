import { Flags } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { promptPassphrase } from '../../cli/passphrase.ts'
import { withTerminal } from '../../cli/terminal.ts'
import { TalosError } from '../../errors.ts'
import { exportPhrase } from '../../index.ts'

export default class WalletExport extends BaseCommand {
  static override summary = 'Print the recovery phrase: 24 words that are the identity'
  static override description =
    'The phrase goes to standard output, so that it can be redirected. Before it is shown on a terminal you ' +
    'are asked, unless --yes is given. It restores the identity (talos wallet import), not the sessions and ' +
    'not the stored messages.'
  static override examples = [
    '<%= config.bin %> wallet export',
    '<%= config.bin %> wallet export > /media/safe/alice.txt',
    '<%= config.bin %> wallet export --yes --json'
  ]
  static override flags = {
    yes: Flags.boolean({ char: 'y', description: 'Show it on the terminal without asking' })
  }

  async run(): Promise<{ phrase: string }> {
    const { flags } = await this.parse(WalletExport)
    if (process.stdout.isTTY === true && !flags.yes) await confirm()
    const phrase = await exportPhrase({ dataDir: flags['data-dir'], prompt: promptPassphrase })
    this.log(phrase)
    this.note('Whoever has these words is this agent. Keep them where nobody else reads them.')
    return { phrase }
  }
}

async function confirm(): Promise<void> {
  const answer = await withTerminal(terminal =>
    terminal.ask('This shows the recovery phrase on the screen. Go on? [y/N] ')
  )
  if (answer !== undefined && /^\s*y(es)?\s*$/i.test(answer)) return
  throw new TalosError('USAGE_NOT_CONFIRMED', 'the recovery phrase was not shown', {
    hint: 'Answer y, add --yes, or redirect the output to a file.'
  })
}
