import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { equalBytes } from '../../../chain/bytes.ts'
import { parseCheckpoint } from '../../../chain/checkpoint.ts'
import { sha256 } from '../../../chain/hash.ts'
import { originOf, WITNESS_ANCHOR } from '../../../chain/index.ts'
import { historyRootAt } from '../../../chain/local/history-nodes.ts'
import { parseNote, signatureLine } from '../../../chain/note.ts'
import { TalosError } from '../../../errors.ts'
import type { AgentNode } from '../../agent-node.ts'
import { writeOutputFile } from '../../output-file.ts'
import { anchorEntry } from '../../witness/anchor-entry.ts'
import { signersOf } from './anchor-providers.ts'
import { hex } from './records.ts'
import type { AnchorReport } from './types.ts'

/**
 * Records what a configured provider has signed of an earlier state of the chain, so that it is checked with the chain. What would not be
 * confirmed then is not recorded: the chain would not be valid at PARANOID any more.
 *
 * @throws CHAIN_ANCHOR_UNKNOWN, CHAIN_ANCHOR_INVALID, CHAIN_NOTE_INVALID, CHAIN_CHECKPOINT_INVALID, CHAIN_RECORD_TOO_LONG, CONFIG_INVALID, STORAGE_*
 */
export async function recordAnchor(node: AgentNode, provider: string, note: string): Promise<AnchorReport> {
  const { chain } = node.audit
  const { config, dataDir, store } = node
  const configured = config.audit.anchors.find(({ name }) => name === provider)
  if (configured === undefined) {
    throw new TalosError('CHAIN_ANCHOR_UNKNOWN', `no provider ${JSON.stringify(provider)} is configured`, {
      hint:
        provider === WITNESS_ANCHOR
          ? 'What witnesses sign is recorded by "talos witness submit --anchor".'
          : 'Name it, with its keys, in audit.anchors of config.yaml: docs/audit.md shows how.'
    })
  }
  const { text, signatures } = parseNote(note)
  const checkpoint = parseCheckpoint(text)
  const { origin, size, root } = checkpoint
  if (origin !== originOf(chain.chain.id)) throw invalid('the checkpoint is of another chain')
  if (size < 1 || size > chain.tip.height + 1) throw invalid(`the chain has no state of ${size} blocks`)
  const known = await store.transact(transaction => historyRootAt(transaction, size))
  if (!equalBytes(known, root)) throw invalid('the checkpoint is of another history')
  // the owner's own says nothing to the owner
  const lines = signatures.filter(({ name }) => name !== origin).map(signatureLine)
  const proof = new TextEncoder().encode(lines.join(''))
  const signers = await signersOf(configured, dataDir)
  if ((await signers.verify(proof, checkpoint)) !== true) {
    throw invalid(`the signatures are not those that ${JSON.stringify(provider)} stands for`)
  }
  const file = configured.files === undefined ? undefined : await keep(resolve(dataDir, configured.files), proof)
  const entry = anchorEntry('anchored', { provider, size, root, proof: file === undefined ? proof : sha256(proof) })
  const { record, isNew } = await store.transact(async transaction => {
    const { sequence, isNew } = await chain.append(transaction, entry)
    return { record: (await chain.reader(transaction).at(sequence))!, isNew }
  })
  return { provider, size, record: hex(record.id), isNew, ...(file === undefined ? {} : { file }) }
}

/** On the disk before it is recorded. */
async function keep(folder: string, proof: Uint8Array): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(cause => {
    throw new TalosError('STORAGE_WRITE_FAILED', `cannot make ${folder}: ${(cause as Error).message}`, { cause })
  })
  const file = join(folder, hex(sha256(proof)))
  await writeOutputFile(file, new TextDecoder().decode(proof))
  return file
}

function invalid(why: string): TalosError {
  return new TalosError('CHAIN_ANCHOR_INVALID', `this anchors nothing: ${why}`, {
    hint: 'Have a checkpoint of this chain signed ("talos audit root" prints one), by the keys that audit.anchors names.'
  })
}
