import { Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { interruption } from '../cli/interrupt.ts'
import { promptPassphrase } from '../cli/passphrase.ts'
import { clock } from '../cli/time.ts'
import { type RegisterReport, registerAgent } from '../index.ts'

export default class Register extends BaseCommand {
  static override summary = 'Register this agent with a bootstrap server, so that others find it by name'
  static override description =
    `The server is remembered, with its identity. If another identity answers at its address later, that is an error
until it is accepted. A registration lasts an hour; a node that serves refreshes it, and so does this command.`
  static override examples = [
    '<%= config.bin %> register --server talos.example:8765',
    '<%= config.bin %> register --server /dns4/talos.example/tcp/8765/p2p/12D3KooW… --name alice'
  ]
  static override flags = {
    'accept-new-identity': Flags.boolean({
      description: 'Take the server although its identity has changed',
      dependsOn: ['server']
    }),
    name: Flags.string({ description: "Name to register (default: the one used there before, else the wallet's)" }),
    server: Flags.string({
      description: 'host, host:port (default port 8765) or multiaddr (default: every server that is known)'
    })
  }

  async run(): Promise<RegisterReport> {
    const { flags } = await this.parse(Register)
    const report = await registerAgent({
      prompt: promptPassphrase,
      signal: interruption(),
      acceptNewIdentity: flags['accept-new-identity'],
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...(flags.server === undefined ? {} : { server: flags.server })
    })
    for (const { name, server, address, expiresAt, isNew } of report.registrations) {
      this.log(`registered as ${name} with ${address} until ${clock(expiresAt)}`)
      if (isNew) this.note(`  the server's identity, now remembered: ${server}`)
    }
    for (const { message } of report.failed) this.note(`warning: ${message}`)
    return report
  }
}
