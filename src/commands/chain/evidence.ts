import { Args, Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { table } from '../../cli/table.ts'
import { type Conviction, readProofFile, writeOutputFile } from '../../index.ts'

export default class ChainEvidence extends ChainCommand {
  static override summary = 'Show which authors of the shared chain were caught with two histories, and the evidence'
  static override description =
    'With an author it writes the evidence against that one, a file that anybody checks offline with "talos proof verify". With --add it hands such a file in: if it convicts an author of the chain, all nodes of it freeze that author.'
  static override examples = [
    '<%= config.bin %> chain evidence',
    '<%= config.bin %> chain evidence mallory --output evidence.txt',
    '<%= config.bin %> chain evidence --add evidence.txt'
  ]
  static override args = {
    author: Args.string({ description: 'A name of the address book, PeerId, did:key or hex key' })
  }
  static override flags = {
    add: Flags.string({ description: 'A file with evidence to hand in' }),
    output: Flags.string({ char: 'o', description: 'The file to write (default: standard output)' })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ChainEvidence)
    const { add, output } = flags
    const signal = this.interrupted
    const text = add === undefined ? undefined : await readProofFile(add)
    await using talos = await this.openClient(flags)
    if (text !== undefined) {
      const found = await talos.network.convict(text, { signal })
      this.log(`${found.isNew ? 'Convicted' : 'Known already'}: ${found.peerId}, of two ${found.what}.`)
      return found
    }
    if (args.author !== undefined) {
      const { evidence, ...conviction } = await talos.network.evidence(args.author, { signal })
      if (output === undefined) this.log(evidence.trimEnd())
      else await writeOutputFile(output, evidence)
      return { ...conviction, evidence }
    }
    const convicted = await talos.network.convicted({ signal })
    if (convicted.length === 0) this.log('Nobody.')
    else {
      const nameOf = await this.peerNames(flags)
      this.log(table(['AUTHOR', 'TWO', 'AT', 'CHAIN'], convicted.map(rowOf(nameOf))))
    }
    return { convicted }
  }
}

const rowOf =
  (nameOf: (peer: string) => string) =>
  ({ peerId, what, place, origin }: Conviction): string[] => [nameOf(peerId), what, String(place), origin]
