import { TalosError } from '../../errors.ts'
import { decodeBody, decodeHeader, HEADER_LENGTH, SIGNED_HEADER_LENGTH } from '../block.ts'
import { toHex } from '../bytes.ts'
import { checkpointText, originOf } from '../checkpoint.ts'
import { type OpenedField, openField } from '../commitment.ts'
import { formatNote, signNote } from '../note.ts'
import type { RecordProof } from '../proof.ts'
import { recordId } from '../record.ts'
import { MerkleTree } from '../tree.ts'
import { consistencyPath, historyPath, historyRootAt } from './history-nodes.ts'
import { decodeKept } from './kept.ts'
import type { LocalChain } from './local-chain.ts'
import { blockAt, type LocalBlock } from './lookup.ts'
import { type ChainTransaction, KEYS } from './store.ts'

/** The checkpoint of a chain as it is now, or was when it had `size` blocks, signed by its owner: a C2SP note. */
export async function signCheckpoint({ chain, owner, store, tip }: LocalChain, size = tip.height + 1): Promise<string> {
  const origin = originOf(chain.id)
  const root = await store.transact(transaction => historyRootAt(transaction, size))
  const text = checkpointText({ origin, size, root })
  return formatNote({ text, signatures: [signNote(text, origin, owner)] })
}

/** Proof that the chain with `to` blocks continues the one with `from`: hashes as in RFC 6962 §2.1.2. */
export function proveConsistency({ store }: LocalChain, from: number, to: number): Promise<Uint8Array[]> {
  return store.transact(transaction => consistencyPath(transaction, from, to))
}

export interface ProofOptions {
  /** Names of the fields to open. @default none */
  open?: readonly string[]
  /** A checkpoint with the signatures of witnesses. @default one that is signed now */
  checkpoint?: { note: string; size: number }
}

/**
 * Proof that a record is in the chain. Pruning keeps what is needed to make it again.
 *
 * @throws CHAIN_RECORD_UNKNOWN, CHAIN_RECORD_UNSEALED while it is in no block or in none of the checkpoint, CHAIN_FIELD_UNKNOWN
 */
export async function proveRecord(local: LocalChain, id: Uint8Array, options: ProofOptions = {}): Promise<RecordProof> {
  const size = options.checkpoint?.size ?? local.tip.height + 1
  const checkpoint = options.checkpoint?.note ?? (await signCheckpoint(local, size))
  return local.store.transact(async transaction => {
    const { height, opened, ...part } = await partOf(local, transaction, id, options.open ?? [])
    if (height >= size) throw unsealed()
    return { ...part, size, historyPath: await historyPath(transaction, height, size), checkpoint, opened }
  })
}

/**
 * Proofs of several records of one checkpoint, each with all its fields opened; undefined for those that are in none of its blocks. Made block by
 * block: one after the other they would cost as much for each as for the block.
 */
export function proveRecords(
  local: LocalChain,
  sequences: readonly number[],
  { note, size }: { note: string; size: number }
): Promise<Array<RecordProof | undefined>> {
  return local.store.transact(async transaction => {
    let last: { block: LocalBlock; tree: MerkleTree; path: Uint8Array[] } | undefined
    const reader = local.reader(transaction)
    const proofs: Array<RecordProof | undefined> = []
    for (const sequence of sequences) {
      const found = await reader.at(sequence)
      const height = found?.height
      if (found === undefined || height === undefined || height >= size) {
        proofs.push(undefined)
        continue
      }
      if (last?.block.height !== height) {
        const block = (await blockAt(transaction, height))!
        last = { block, tree: treeOf(block.bytes), path: await historyPath(transaction, height, size) }
      }
      transaction.put(KEYS.pinned(sequence), new Uint8Array())
      const { block, tree, path } = last
      const index = sequence - block.first
      const opened = open(
        found.payload,
        (found.payload?.fields ?? []).map(({ name }) => name)
      )
      const part = { record: found.bytes, index, blockPath: tree.inclusionPath(index), ...headOf(block.bytes), opened }
      proofs.push({ ...part, size, historyPath: path, checkpoint: note })
    }
    return proofs
  })
}

type Part = Omit<RecordProof, 'size' | 'historyPath' | 'checkpoint'> & { height: number }

async function partOf(
  local: LocalChain,
  transaction: ChainTransaction,
  id: Uint8Array,
  fields: readonly string[]
): Promise<Part> {
  const kept = await transaction.get(KEYS.kept(id))
  if (kept !== undefined) {
    const { payload, height, index, blockPath, bytes: record } = decodeKept(kept)
    const block = (await blockAt(transaction, height))!
    return { record, index, blockPath, height, ...headOf(block.bytes), opened: open(payload, fields) }
  }
  const [found] = await local.reader(transaction).like(toHex(id))
  if (found === undefined) throw new TalosError('CHAIN_RECORD_UNKNOWN', 'there is no such record in the audit chain')
  const { height } = found
  if (height === undefined) throw unsealed()
  transaction.put(KEYS.pinned(found.sequence), new Uint8Array())
  const block = (await blockAt(transaction, height))!
  const index = found.sequence - block.first
  const blockPath = treeOf(block.bytes).inclusionPath(index)
  return { record: found.bytes, index, blockPath, height, ...headOf(block.bytes), opened: open(found.payload, fields) }
}

function treeOf(block: Uint8Array): MerkleTree {
  const entries = decodeBody(block.subarray(SIGNED_HEADER_LENGTH), decodeHeader(block))
  return new MerkleTree(entries.map(({ record }) => recordId(record)))
}

const headOf = (block: Uint8Array) => ({
  header: block.slice(0, HEADER_LENGTH),
  signature: block.slice(HEADER_LENGTH, SIGNED_HEADER_LENGTH)
})

function open(payload: Parameters<typeof openField>[0] | undefined, names: readonly string[]): OpenedField[] {
  return names.map(name => {
    const opened = payload && openField(payload, name)
    if (opened !== undefined) return opened
    throw new TalosError('CHAIN_FIELD_UNKNOWN', `the record has no field '${name}', or its contents were erased`)
  })
}

function unsealed(): TalosError {
  return new TalosError('CHAIN_RECORD_UNSEALED', 'the record is not in a block yet, or in none of the checkpoint', {
    hint: 'Try again in a second.'
  })
}
