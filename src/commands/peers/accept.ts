import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { promptPassphrase } from '../../cli/passphrase.ts'
import { isConfirmed } from '../../cli/terminal.ts'
import { TalosError } from '../../errors.ts'
import { acceptPeerKey } from '../../index.ts'

export default class PeersAccept extends BaseCommand {
  static override summary = 'Accept the changed key of a peer'
  static override description =
    "A peer's key for agreeing on sessions is remembered at the first contact. When it comes with another one it is refused " +
    'until you accept that here. Ask its owner by another way first: somebody may have taken its place.'
  static override examples = ['<%= config.bin %> peers accept bob']
  static override args = {
    peer: Args.string({ description: 'A name of the address book, PeerId, did:key or hex key', required: true })
  }
  static override flags = {
    yes: Flags.boolean({ char: 'y', description: 'Accept without asking' })
  }

  async run(): Promise<{ peerId: string; key: string }> {
    const { args, flags } = await this.parse(PeersAccept)
    let accepted = { peerId: '', key: '' }
    const isAccepted = await acceptPeerKey({
      peer: args.peer,
      prompt: promptPassphrase,
      ...(flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }),
      confirm: async ({ peerId, pinned, offered }) => {
        accepted = { peerId, key: offered }
        this.note(`${peerId}\n  known until now  ${pinned}\n  now              ${offered}`)
        return flags.yes || (await isConfirmed('Did its owner confirm this by another way? [y/N] '))
      }
    })
    if (!isAccepted) {
      throw new TalosError('USAGE_NOT_CONFIRMED', 'the changed key was not accepted', {
        hint: 'Answer y, or add --yes.'
      })
    }
    this.log(`The key of ${accepted.peerId} is accepted.`)
    return accepted
  }
}
