import {
  type BlockHeader,
  blockHash,
  decodeHeader,
  encodeBlock,
  encodeBody,
  encodeHeader,
  sealBlock
} from '../../src/chain/block.ts'
import { toHex, ZERO_HASH } from '../../src/chain/bytes.ts'
import { searchNonce } from '../../src/chain/miner.ts'
import { type Chain, chainOf, localParams } from '../../src/chain/params.ts'
import { type ChainRecord, encodeRecord, KIND, recordId } from '../../src/chain/record.ts'
import { signRecord } from '../../src/chain/record-signature.ts'
import { merkleRoot } from '../../src/chain/tree.ts'
import { ChainState } from '../../src/chain/validation/state.ts'
import { type ValidationOptions, validateBlock } from '../../src/chain/validation/validate.ts'
import { ownerOf } from './keys.ts'

export const START = 1_790_000_000_000
type Signer = ReturnType<typeof ownerOf>

export interface BlockOptions {
  /** Encoded records instead of new ones. */
  records?: Uint8Array[]
  count?: number
  author?: Signer
  producer?: Signer
  /** Changes of the header before it is mined and signed. */
  header?: Partial<BlockHeader>
  /** Leave the nonce at 0. */
  unmined?: boolean
  signature?: Uint8Array
  /** Changes of each record. */
  record?: Partial<ChainRecord>
  /** Changes of each record's signature. */
  sign?: (signature: Uint8Array) => Uint8Array
}

/** A chain in memory, and blocks for it that are as wrong as a test wants them. */
export class ChainBuilder {
  readonly chain: Chain
  readonly owner: Signer
  state: ChainState
  readonly blocks: Uint8Array[] = []
  readonly hashes: Uint8Array[]

  constructor(chain?: Chain, owner = ownerOf(1)) {
    this.owner = owner
    this.chain = chain ?? chainOf(localParams(owner.publicKey, START, 1))
    this.state = new ChainState(this.chain)
    this.hashes = [this.chain.genesisHash]
  }

  /** The next `count` records of an author. */
  records(count: number, author = this.owner, changes: Partial<ChainRecord> = {}, stream = 7): Uint8Array[] {
    const head = this.state.headOf(author.publicKey, stream) ?? { sequence: 0, id: ZERO_HASH }
    let { sequence, id } = head
    return Array.from({ length: count }, () => {
      const bytes = encodeRecord({
        kind: KIND.MESSAGE,
        author: author.publicKey,
        stream,
        sequence: ++sequence,
        previous: id,
        time: START + sequence,
        commitment: new Uint8Array(32).fill(sequence),
        extensions: [],
        ...changes
      })
      id = recordId(bytes)
      return bytes
    })
  }

  block(options: BlockOptions = {}): Uint8Array {
    const { author = this.owner, producer = this.owner, sign = signature => signature } = options
    const records = options.records ?? this.records(options.count ?? 3, author, options.record)
    const signer = (record: Uint8Array) => sign(signRecord(author, this.chain.id, recordId(record)))
    const body = encodeBody(
      records.map(record => (this.chain.signedRecords ? { record, signature: signer(record) } : { record }))
    )
    const header = encodeHeader({
      height: this.state.height,
      time: START + 1_000 * this.state.height,
      previous: this.state.previousHash,
      recordsRoot: merkleRoot(records.map(recordId)),
      historyRoot: this.state.historyRoot(),
      producer: producer.publicKey,
      recordCount: records.length,
      bodyLength: body.length,
      bits: this.chain.params.bits,
      nonce: 0,
      signedRecords: this.chain.signedRecords,
      ...options.header
    })
    const decoded = decodeHeader(header)
    const nonce = options.unmined === true ? 0 : searchNonce(header, decoded.bits, 0, 1e6)!
    const mined = encodeHeader({ ...decoded, nonce })
    return encodeBlock(mined, options.signature ?? sealBlock(producer, blockHash(mined)), body)
  }

  validate(block: Uint8Array, options: ValidationOptions = {}) {
    return validateBlock(block, this.chain, this.state, { now: START + 1e9, ...options })
  }

  /** Makes a block and takes it in. */
  async add(options: BlockOptions = {}): Promise<Uint8Array> {
    const block = this.block(options)
    const { block: checked, errors } = await this.validate(block)
    if (checked === undefined) throw new Error(`not valid: ${JSON.stringify(errors)}`)
    this.state.advance(checked)
    this.blocks.push(block)
    this.hashes.push(checked.hash)
    return block
  }

  /** All that a validation could change. */
  snapshot(): string {
    return JSON.stringify(this.state.point(), (_, value) => (value instanceof Uint8Array ? toHex(value) : value))
  }
}
