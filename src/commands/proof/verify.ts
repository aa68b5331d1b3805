import { Args, Flags } from '@oclif/core'
import { ChainCommand } from '../../cli/chain-command.ts'
import { proofOf } from '../../cli/proof-source.ts'
import { evidenceText, proofJson, proofText } from '../../cli/proof-text.ts'
import { readProofFile, resolveKnownPeer, verifyEvidence, verifyProof } from '../../index.ts'

export default class ProofVerify extends ChainCommand {
  static override summary = 'Check a proof, or evidence of two histories, that somebody gave you'
  static override description =
    'Needs no wallet and no network. Says which agent recorded it: compare its PeerId with the one that you know, or give that as --owner. With --offline nothing of this machine is read but the file: no address book, no configuration. Exit status 7 when the proof does not hold.'
  static override examples = [
    '<%= config.bin %> proof verify --file proof.txt --offline',
    '<%= config.bin %> proof verify proof.txt --owner alice'
  ]
  static override args = { proof: Args.string({ description: 'A file, or a record of the own chain' }) }
  static override flags = {
    file: Flags.string({ description: 'A file' }),
    key: Flags.string({ description: 'C2SP verifier key that must have signed the checkpoint' }),
    offline: Flags.boolean({ description: 'Read nothing but the file' }),
    owner: Flags.string({
      description: 'Whose record it must be: a name of the address book, PeerId, did:key or hex key'
    }),
    policy: Flags.string({
      description: 'C2SP policy file (c2sp.org/tlog-policy) that says which witnesses must have signed',
      exclusive: ['witness', 'quorum']
    }),
    quorum: Flags.integer({
      description: 'How many of the witnesses must have signed',
      min: 0,
      max: 64,
      dependsOn: ['witness']
    }),
    witness: Flags.string({ description: 'C2SP verifier key of a witness; can be given several times', multiple: true })
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ProofVerify)
    const { file, key, offline, owner, policy, quorum, witness } = flags
    const prove = async (record: string): Promise<string> => {
      await using talos = await this.openClient(flags)
      return (await talos.proof.export(record, { signal: this.interrupted })).proof
    }
    const text = await proofOf({ source: args.proof, file }, offline ? undefined : prove)
    const evidence = verifyEvidence(text)
    if (evidence !== undefined) {
      this.log(evidenceText(evidence))
      return { valid: true, evidence }
    }
    const location = flags['data-dir'] === undefined ? {} : { dataDir: flags['data-dir'] }
    const of = owner === undefined || offline ? owner : await resolveKnownPeer(owner, location)
    const proof = verifyProof(text, {
      ...(of === undefined ? {} : { owner: of }),
      ...(key === undefined ? {} : { key }),
      ...(policy === undefined ? {} : { policy: await readProofFile(policy) }),
      ...(witness === undefined ? {} : { witnesses: witness, quorum: quorum ?? witness.length })
    })
    const names = offline ? (peer: string) => peer : await this.peerNames(flags)
    this.log('PROVED')
    this.log(proofText(proof, names))
    if (owner === undefined && key === undefined) {
      this.note('By the word of the agent above alone: is it the one that you know? --owner says so.')
    }
    return { valid: true, ...proofJson(proof) }
  }
}
