import { createReadStream } from 'node:fs'
import { Flags } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { makeWallet, NEW_WALLET_FLAGS, type NewWallet } from '../../cli/new-wallet.ts'
import { withTerminal } from '../../cli/terminal.ts'
import { TalosError } from '../../errors.ts'

const MAX_PHRASE_BYTES = 4096

export default class WalletImport extends BaseCommand {
  static override summary = 'Restore an identity from its recovery phrase'
  static override description =
    'The phrase is asked for on the terminal, or read from --phrase-file or standard input; never from the ' +
    "command line, where other users and the shell's history see it. Sessions are not restored: peers make new " +
    'ones by themselves.'
  static override examples = [
    '<%= config.bin %> wallet import --name Alice',
    '<%= config.bin %> wallet import --name Alice --phrase-file /media/safe/alice.txt',
    '<%= config.bin %> wallet import --name Alice < /media/safe/alice.txt'
  ]
  static override flags = {
    ...NEW_WALLET_FLAGS,
    'phrase-file': Flags.string({ description: 'A file that holds the 24 words' })
  }

  async run(): Promise<NewWallet> {
    const { flags } = await this.parse(WalletImport)
    const say = { log: (text: string) => this.log(text), note: (line: string) => this.note(line) }
    return await makeWallet(flags, 'restored', say, () => recoveryPhrase(flags['phrase-file']))
  }
}

async function recoveryPhrase(file: string | undefined): Promise<string> {
  if (file !== undefined) return await readAll(createReadStream(file), file)
  if (process.stdin.isTTY !== true) return await readAll(process.stdin, 'standard input')
  const phrase = await withTerminal(terminal => terminal.ask('Recovery phrase (it is not shown): ', { hidden: true }))
  return phrase ?? ''
}

async function readAll(stream: AsyncIterable<Buffer>, what: string): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of stream) {
      chunks.push(chunk)
      length += chunk.length
      if (length > MAX_PHRASE_BYTES) throw new Error(`it is longer than ${MAX_PHRASE_BYTES} bytes`)
    }
  } catch (cause) {
    throw new TalosError('WALLET_PHRASE_FILE', `cannot read the phrase from ${what}: ${(cause as Error).message}`, {
      cause
    })
  }
  return Buffer.concat(chunks).toString('utf8')
}
