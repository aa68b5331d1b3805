import { shake128 } from '@noble/hashes/sha3.js'
import { SIGNED_HEADER_LENGTH } from '../../src/chain/block.ts'
import { ZERO_HASH } from '../../src/chain/bytes.ts'
import { checkpointText, originOf } from '../../src/chain/checkpoint.ts'
import { type Evidence, encodeEvidence, formatEvidence } from '../../src/chain/evidence.ts'
import { cosignNote, formatNote, formatNoteKey, NOTE_KEY, signatureLine, signNote } from '../../src/chain/note.ts'
import { chainOf, localParams } from '../../src/chain/params.ts'
import { encodeRecord, KIND, recordId } from '../../src/chain/record.ts'
import { signRecord } from '../../src/chain/record-signature.ts'
import { hashLeaf, MerkleTree } from '../../src/chain/tree.ts'
import { formatAddCheckpoint } from '../../src/chain/witness.ts'
import { noble } from '../../src/crypto/noble.ts'
import { STATUS } from '../../src/protocols/witness/constants.ts'
import { WitnessRequest, WitnessResponse } from '../../src/protocols/witness/pb/witness.ts'
import { ChainBuilder } from './chain-builder.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const utf8 = (text: string) => new TextEncoder().encode(text)
const TIME = 1_790_000_000

/**
 * Exchanges with a witness, and evidence of each kind: what test/vectors/witness.json holds. Everything random comes from SHAKE128 of
 * the ASCII bytes "talos/witness-vectors", in the order of use.
 */
export async function makeWitnessVectors(): Promise<Record<string, unknown>> {
  const source = shake128.create({}).update(Buffer.from('talos/witness-vectors'))
  const draw = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from(source.xof(length))
  const [owner, signer, author] = [draw(32), draw(32), draw(32)].map(seed => noble.ed25519.fromSeed(seed)) as [
    Signer,
    Signer,
    Signer
  ]
  const chain = chainOf(localParams(owner.publicKey, TIME * 1000, 1))
  const origin = originOf(chain.id)
  const log = { name: origin, type: NOTE_KEY.ed25519, publicKey: owner.publicKey }
  const witness = { name: 'witness.example', type: NOTE_KEY.cosignature, publicKey: signer.publicKey }
  const leaves = Array.from({ length: 11 }, () => draw(32))
  const [tree, fork] = [leaves, [...leaves.slice(0, 6), ...leaves.slice(7), draw(32)]].map(
    list => new MerkleTree(list.map(hashLeaf))
  ) as [MerkleTree, MerkleTree]

  const noteOf = (size: number, of = tree) => {
    const text = checkpointText({ origin, size, root: of.root(size) })
    return { text, note: formatNote({ text, signatures: [signNote(text, origin, owner)] }) }
  }
  const twice = encodeEvidence({
    what: 'checkpoints',
    key: log,
    pair: [noteOf(9).note, noteOf(9, fork).note]
  })
  const exchange = (from: number, to: number, answer: Partial<WitnessResponse>, of = tree) => {
    const body = utf8(formatAddCheckpoint(from, from <= to ? of.consistencyPath(from, to) : [], noteOf(to, of).note))
    const request = { addCheckpoint: body, ...(from === 0 ? { params: Uint8Array.from(chain.encodedParams) } : {}) }
    return { request: hex(WitnessRequest.encode(request)), response: hex(WitnessResponse.encode(answer)) }
  }
  const cosigned = (size: number, time: number) => {
    const { text } = noteOf(size)
    return { status: STATUS.ok, body: utf8(signatureLine(cosignNote(text, witness.name, signer, time))) }
  }
  const latest = () => {
    const { text } = noteOf(9)
    const signatures = [signNote(text, origin, owner), cosignNote(text, witness.name, signer, TIME + 2)]
    return {
      request: hex(WitnessRequest.encode({ latest: Uint8Array.from(chain.id) })),
      response: hex(WitnessResponse.encode({ status: STATUS.ok, body: utf8(formatNote({ text, signatures })) }))
    }
  }

  const [one, other] = [new ChainBuilder(chain, owner), new ChainBuilder(chain, owner)]
  for (let i = 0; i < 4; i++) {
    await one.add({ count: 1 })
    await other.add({ count: 2 })
  }
  const block = (builder: ChainBuilder) => ({
    block: builder.block({ count: 1 }).slice(0, SIGNED_HEADER_LENGTH),
    path: new MerkleTree(builder.hashes.map(hashLeaf)).inclusionPath(0)
  })
  const record = () => {
    const bytes = encodeRecord({
      kind: KIND.IDENTITY,
      author: author.publicKey,
      stream: 0x01020304,
      sequence: 5,
      previous: ZERO_HASH,
      time: TIME * 1000,
      commitment: draw(32),
      extensions: []
    })
    return { record: bytes, signature: signRecord(author, chain.id, recordId(bytes)) }
  }
  const cosignedNote = (of: MerkleTree, time: number) => {
    const { text } = noteOf(10, of)
    return formatNote({ text, signatures: [cosignNote(text, witness.name, signer, time)] })
  }
  const described = (evidence: Evidence, culprit: Uint8Array, place: number) => ({
    bytes: hex(encodeEvidence(evidence)),
    text: formatEvidence(encodeEvidence(evidence)),
    culprit: hex(culprit),
    place
  })
  return {
    about: 'Known answers for docs/spec/witness.md, and for evidence in docs/spec/chain.md. Byte strings are hex.',
    params: hex(chain.encodedParams),
    logKey: formatNoteKey(log),
    witnessKey: formatNoteKey(witness),
    exchanges: [
      exchange(0, 4, cosigned(4, TIME)),
      exchange(0, 9, { status: STATUS.conflict, body: utf8('4\n') }),
      exchange(4, 9, cosigned(9, TIME + 1)),
      exchange(9, 9, cosigned(9, TIME + 2)),
      latest(),
      exchange(9, 9, { status: STATUS.inconsistent, evidence: Uint8Array.from(twice) }, fork),
      exchange(9, 11, { status: STATUS.forbidden, evidence: Uint8Array.from(twice) })
    ],
    evidence: [
      described({ what: 'blocks', params: chain.encodedParams, pair: [block(one), block(other)] }, owner.publicKey, 5),
      described({ what: 'records', chainId: chain.id, pair: [record(), record()] }, author.publicKey, 5),
      described({ what: 'checkpoints', key: log, pair: [noteOf(9).note, noteOf(9, fork).note] }, owner.publicKey, 9),
      described(
        { what: 'checkpoints', key: witness, pair: [cosignedNote(tree, TIME), cosignedNote(fork, TIME + 9)] },
        signer.publicKey,
        10
      ),
      described(
        {
          what: 'histories',
          key: log,
          pair: [noteOf(9).note, noteOf(11, fork).note],
          path: fork.consistencyPath(9, 11)
        },
        owner.publicKey,
        9
      )
    ]
  }
}

type Signer = ReturnType<typeof noble.ed25519.fromSeed>
