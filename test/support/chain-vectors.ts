import { shake128 } from '@noble/hashes/sha3.js'
import { encodeAnchor } from '../../src/chain/anchor.ts'
import {
  blockHash,
  decodeBody,
  decodeHeader,
  encodeBlock,
  encodeBody,
  encodeHeader,
  sealBlock
} from '../../src/chain/block.ts'
import { ZERO_HASH } from '../../src/chain/bytes.ts'
import { checkpointText, originOf } from '../../src/chain/checkpoint.ts'
import { encodeClaim } from '../../src/chain/claim.ts'
import { commit, encodePayload, type Field, openField } from '../../src/chain/commitment.ts'
import { searchNonce } from '../../src/chain/miner.ts'
import { cosignNote, formatNote, formatNoteKey, NOTE_KEY, signNote } from '../../src/chain/note.ts'
import { type Chain, chainOf, localParams } from '../../src/chain/params.ts'
import { encodeProof, formatProof, type RecordProof } from '../../src/chain/proof.ts'
import { EXTENSION, type Extension, encodeCounterpart, encodeRecord, KIND, recordId } from '../../src/chain/record.ts'
import { signRecord } from '../../src/chain/record-signature.ts'
import { hashLeaf, MerkleTree, merkleRoot } from '../../src/chain/tree.ts'
import { bitsOfDifficulty, targetOf, workOf } from '../../src/chain/work.ts'
import { noble } from '../../src/crypto/noble.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const TIME = 1_790_000_000_000

type Signer = ReturnType<typeof noble.ed25519.fromSeed>

/**
 * Every form of docs/spec/chain.md with fixed contents: what test/vectors/chain.json holds. Everything random comes from SHAKE128 of the
 * ASCII bytes "talos/chain-vectors", in the order of use.
 */
export function makeChainVectors(): Record<string, unknown> {
  const source = shake128.create({}).update(Buffer.from('talos/chain-vectors'))
  const draw = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from(source.xof(length))
  const person = () => noble.ed25519.fromSeed(draw(32))
  const [owner, author, witness] = [person(), person(), person()]

  const fields: Field[] = [
    { name: 'peer', value: '12D3KooWExample' },
    { name: 'text', value: 'grüße' },
    { name: 'size', value: 2 ** 53 - 1 },
    { name: 'sha-256', value: draw(32) },
    { name: 'empty', value: '' }
  ]
  const payload = { secret: draw(32), fields }
  /** What records commit to, by their numbers; others to nothing that anybody has. */
  let payloads = new Map([[1, payload]])
  const recordOf = (key: Signer, sequence: number, previous: Uint8Array, kind: number, extensions: Extension[] = []) =>
    encodeRecord({
      kind,
      author: key.publicKey,
      stream: 0xfedcba98,
      sequence,
      previous,
      time: TIME + sequence,
      commitment: payloads.has(sequence) ? commit(payloads.get(sequence)!) : draw(32),
      extensions
    })

  /** A chain of blocks with the given records in each. CHECKPOINT records say how another one grows, by a block each. */
  const build = (
    chain: Chain,
    producer: Signer,
    sizes: number[],
    kinds: number[],
    claimed?: { chain: Chain; hashes: Uint8Array[] }
  ) => {
    const history = new MerkleTree((claimed?.hashes ?? []).map(hashLeaf))
    const hashes = [chain.genesisHash]
    const blocks: Uint8Array[] = []
    let [previous, sequence]: [Uint8Array, number] = [ZERO_HASH, 0]
    for (const size of sizes) {
      const records = Array.from({ length: size }, () => {
        sequence++
        const extensions: Extension[] =
          sequence === 2 ? [{ type: EXTENSION.COUNTERPART, value: encodeCounterpart(draw(32), draw(32)) }] : []
        const kind = kinds[sequence % kinds.length]!
        if (kind === KIND.CHECKPOINT) {
          const [size, previousSize] = [sequence, Math.max(0, sequence - kinds.length)]
          const value = encodeClaim({
            chain: claimed!.chain.id,
            size,
            root: history.root(size),
            previousSize,
            path: history.consistencyPath(previousSize, size)
          })
          extensions.push({ type: EXTENSION.CHECKPOINT, value })
        }
        const anchor = { provider: 'oracle', size: 1, root: merkleRoot(hashes.map(hashLeaf)), proof: draw(5) }
        if (sequence === 3) extensions.push({ type: EXTENSION.ANCHOR, value: encodeAnchor(anchor) })
        const record = recordOf(producer, sequence, previous, kind, extensions)
        previous = recordId(record)
        return chain.signedRecords ? { record, signature: signRecord(producer, chain.id, previous) } : { record }
      })
      const body = encodeBody(records)
      const header = encodeHeader({
        height: hashes.length,
        time: TIME + 1_000 * hashes.length,
        previous: hashes.at(-1)!,
        recordsRoot: merkleRoot(records.map(({ record }) => recordId(record))),
        historyRoot: merkleRoot(hashes.map(hashLeaf)),
        producer: producer.publicKey,
        recordCount: size,
        bodyLength: body.length,
        bits: chain.params.bits,
        nonce: 0,
        signedRecords: chain.signedRecords
      })
      const mined = encodeHeader({ ...decodeHeader(header), nonce: searchNonce(header, chain.params.bits, 0, 1e6)! })
      hashes.push(blockHash(mined))
      blocks.push(encodeBlock(mined, sealBlock(producer, hashes.at(-1)!), body))
    }
    return { chain, hashes, blocks }
  }

  const describe = ({ chain, hashes, blocks }: ReturnType<typeof build>) => ({
    params: hex(chain.encodedParams),
    id: hex(chain.id),
    genesis: hex(chain.genesis),
    hashes: hashes.map(hex),
    blocks: blocks.map(hex),
    historyRoot: hex(merkleRoot(hashes.map(hashLeaf)))
  })
  const local = build(
    chainOf(localParams(owner.publicKey, TIME)),
    owner,
    [3, 1, 7, 2, 5],
    [KIND.MESSAGE, KIND.INVOCATION, KIND.EXECUTION, KIND.ANCHOR, KIND.DENIAL]
  )
  const keys = [owner.publicKey, author.publicKey].sort((a, b) => Buffer.compare(a, b))
  const shared = build(
    chainOf({
      ...localParams(owner.publicKey, TIME, 1),
      name: 'team·1',
      admission: 'list',
      keys,
      spacing: 5_000,
      kinds: ['CAP_REVOKE', 'KEY_ROTATE', 'IDENTITY', 'ANCHOR', 'CHECKPOINT']
    }),
    author,
    [2, 4],
    [KIND.IDENTITY, KIND.CHECKPOINT],
    local
  )

  const proofOf = (
    { chain, hashes, blocks }: ReturnType<typeof build>,
    producer: Signer,
    at: { height: number; index: number; opened: string[] }
  ) => {
    const block = blocks[at.height - 1]!
    const entries = decodeBody(block.subarray(228), decodeHeader(block))
    const origin = originOf(chain.id)
    const history = new MerkleTree(hashes.map(hashLeaf))
    const text = checkpointText({ origin, size: hashes.length, root: history.root() })
    const entry = entries[at.index]!
    const proof: RecordProof = {
      record: entry.record,
      ...(entry.signature === undefined ? {} : { recordSignature: entry.signature }),
      index: at.index,
      blockPath: new MerkleTree(entries.map(({ record }) => recordId(record))).inclusionPath(at.index),
      header: block.subarray(0, 164),
      signature: block.subarray(164, 228),
      size: hashes.length,
      historyPath: history.inclusionPath(at.height),
      checkpoint: formatNote({
        text,
        signatures: [signNote(text, origin, producer), cosignNote(text, 'witness.example/w1', witness, 1_790_000_001)]
      }),
      opened: at.opened.map(name => openField(payload, name)!)
    }
    return {
      text: formatProof(proof),
      bytes: hex(encodeProof(proof)),
      logKey: formatNoteKey({ name: origin, type: NOTE_KEY.ed25519, publicKey: producer.publicKey }),
      opened: at.opened
    }
  }

  /** A chain with all that is private of it: what is kept beside its first record, one that was erased, one with fields alone. */
  const makeArchive = () => {
    const seed = draw(32)
    const keeper = noble.ed25519.fromSeed(seed)
    const content = draw(50)
    const first = { secret: draw(32), fields: [...fields, { name: 'content', value: noble.sha256(content) }] }
    payloads = new Map([
      [1, first],
      [3, payload]
    ])
    const kinds = [KIND.MESSAGE, KIND.FILE, KIND.SESSION, KIND.ANCHOR]
    const { chain, hashes, blocks } = build(chainOf(localParams(keeper.publicKey, TIME, 1)), keeper, [2, 1], kinds)
    const origin = originOf(chain.id)
    const text = checkpointText({ origin, size: hashes.length, root: merkleRoot(hashes.map(hashLeaf)) })
    const checkpoint = formatNote({ text, signatures: [signNote(text, origin, keeper)] })
    const nothing = new Uint8Array()
    const parts = [
      chain.encodedParams,
      ...[blocks[0]!, encodePayload(first), content, nothing, nothing],
      ...[blocks[1]!, encodePayload(payload), nothing],
      nothing,
      new TextEncoder().encode(checkpoint)
    ]
    const head = new TextEncoder().encode('talos-chain-archive/1\n')
    const archive = Buffer.concat([head, ...parts.flatMap(part => [lengthOf(part), part])])
    const long = Uint8Array.from({ length: 140_000 }, (_, i) => i % 251)
    return {
      seed: hex(seed),
      owner: hex(keeper.publicKey),
      content: hex(content),
      archive: hex(archive),
      sealed: hex(seal(archive, seed, draw(32))),
      long: {
        length: long.length,
        salt: hex(long.subarray(0, 32)),
        sha256: hex(noble.sha256(seal(long, seed, long.subarray(0, 32))))
      }
    }
  }
  const seal = (plain: Uint8Array, seed: Uint8Array, salt: Uint8Array): Uint8Array => {
    const text = (value: string) => new TextEncoder().encode(value)
    const head = Buffer.concat([text('talos-chain-archive-sealed/1\n'), salt])
    const key = noble.hkdf(seed, salt, text('talos/chain-archive/v1'), 32)
    const boxes: Uint8Array[] = []
    for (let at = 0; at < plain.length; at += 65_536) {
      const nonce = new Uint8Array(12)
      nonce[10] = boxes.length
      nonce[11] = at + 65_536 >= plain.length ? 1 : 0
      boxes.push(noble.seal(key, nonce, plain.subarray(at, at + 65_536), head))
    }
    return Buffer.concat([head, ...boxes])
  }
  const lengthOf = ({ length }: Uint8Array): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(length)
    return bytes
  }

  const leaves = Array.from({ length: 9 }, (_, i) => Uint8Array.of(i))
  const tree = new MerkleTree(leaves.map(hashLeaf))
  return {
    about: 'Known answers for docs/spec/chain.md. Byte strings are hex.',
    tree: {
      leaves: leaves.map(hex),
      roots: Array.from({ length: 10 }, (_, size) => hex(tree.root(size))),
      inclusion: [0, 3, 8].map(index => ({ index, path: tree.inclusionPath(index).map(hex) })),
      consistency: [1, 4, 6, 9].map(from => ({ from, path: tree.consistencyPath(from).map(hex) }))
    },
    payload: {
      secret: hex(payload.secret),
      fields: fields.map(({ name, value }) => ({
        name,
        value: value instanceof Uint8Array ? { hex: hex(value) } : value
      })),
      commitment: hex(commit(payload))
    },
    work: [0, 1, 2, 5, 16].map(difficulty => {
      const bits = bitsOfDifficulty(difficulty)
      return { difficulty, bits, target: targetOf(bits).toString(16), work: workOf(bits).toString() }
    }),
    local: describe(local),
    shared: describe(shared),
    witnessKey: formatNoteKey({ name: 'witness.example/w1', type: NOTE_KEY.cosignature, publicKey: witness.publicKey }),
    proofs: [
      proofOf(local, owner, { height: 1, index: 0, opened: ['peer', 'size', 'empty'] }),
      proofOf(local, owner, { height: 3, index: 6, opened: [] }),
      proofOf(shared, author, { height: 2, index: 1, opened: [] })
    ],
    archive: makeArchive()
  }
}
