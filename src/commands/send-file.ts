import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { promptPassphrase } from '../cli/passphrase.ts'
import { ProgressLine } from '../cli/progress.ts'
import { TalosClient, type Transfer } from '../index.ts'

export default class SendFile extends BaseCommand {
  static override description = `Send a file or a directory to an agent

Asks the receiver first, and is done when the whole of it is verified on the receiver's disk. Interrupted by Ctrl-C it goes on
when the same is sent to the same peer again, or at once when "talos daemon" runs; what has arrived is not sent twice.`
  static override examples = [
    '<%= config.bin %> send-file alice report.pdf',
    '<%= config.bin %> send-file 12D3KooW… ./results --no-wait --json'
  ]
  static override args = {
    peer: Args.string({ description: 'A name, PeerId, did:key or hex key', required: true }),
    path: Args.string({ description: 'A file or a directory', required: true })
  }
  static override flags = {
    wait: Flags.boolean({
      description: 'Wait until it is done; without it a running node sends it alone',
      default: true,
      allowNo: true
    })
  }

  async run(): Promise<Transfer> {
    const { args, flags } = await this.parse(SendFile)
    const signal = interruption()
    await using talos = await TalosClient.create({
      role: 'client',
      prompt: promptPassphrase,
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] })
    })
    const begun = await talos.sendFile(args.peer, args.path, { signal })
    if (!flags.wait && !(await talos.isNode())) {
      this.log(`queued for ${args.peer} (${begun.id}); "talos files" shows how far it is`)
      return begun
    }
    const line = new ProgressLine(this.interactive)
    talos.addEventListener('transfer', ({ detail: { transfer } }) => {
      if (transfer.id === begun.id) line.show(transfer)
    })
    try {
      const done = await talos.transferDone(begun.id, { signal })
      line.end()
      this.log(`${done.name}: ${done.size} bytes are with ${args.peer}`)
      for (const path of done.skipped) this.note(`left out, neither file nor directory: ${path}`)
      return done
    } finally {
      line.end()
    }
  }
}
