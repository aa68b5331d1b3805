import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import {
  EXTENSION,
  type FieldValue,
  formatNoteKey,
  type KindName,
  kindName,
  NOTE_KEY,
  type NoteKey,
  parseEvidence,
  parseNoteKey,
  parsePolicy,
  parseProof,
  type Quorum,
  type RecordProof,
  recordOf,
  signersFor,
  verifyEvidence as verifyChainEvidence,
  verifyProof as verifyRecordProof
} from '../chain/index.ts'
import { peerIdOf, publicKeyOf } from '../crypto/peer-key.ts'
import { TalosError } from '../errors.ts'

/** No proof is longer, as text: all fields of a record and two paths. Bytes. */
const MAX_FILE = 524_288

export interface VerifyProofOptions {
  /** Whose record it must be: PeerId, did:key or hex key. @default whose it says, which the result names */
  owner?: string
  /** C2SP verifier key of the chain, which names the chain too. */
  key?: string
  /** C2SP verifier keys of witnesses whose word counts. */
  witnesses?: readonly string[]
  /** How many of them must have signed the checkpoint. @default 0 */
  quorum?: number
  /** Text of a C2SP policy file (c2sp.org/tlog-policy), instead of these two: who must have signed. */
  policy?: string
}

/** What a proof proves: that this record is in this chain, which this agent signed. */
export interface VerifiedProof {
  /** 64 hexadecimal digits. */
  record: string
  kind: KindName
  /** Who wrote it: PeerId. Compare it with the one that you know. */
  author: string
  /** Number of the record in the author's order. */
  sequence: number
  /** By the author's clock. Milliseconds since 1970. */
  time: number
  /** What the owner opened, of so many; the rest stays hidden. Absent when nothing is opened. */
  fieldCount?: number
  fields: ReadonlyArray<{ name: string; value: FieldValue }>
  /** The other side's record of the same event, as the author says. */
  counterpart?: { chainId: string; record: string }
  block: { height: number; hash: string; time: number }
  checkpoint: {
    /** `talos/` and the chain's id in base64url. */
    origin: string
    /** Blocks that it covers. */
    size: number
    /** C2SP verifier key that signed it; absent when only witnesses were asked. */
    key?: string
    /** Names of the witnesses that signed it, of those that were asked. */
    witnesses: readonly string[]
  }
}

/**
 * Checks a proof by itself: no network, no wallet, no database. Without options it proves what its author says, and whose word that is; who
 * must have signed is for the caller to say.
 *
 * @param text of a c2sp.org/tlog-proof, as `talos proof export` writes it
 * @throws CHAIN_PROOF_INVALID when it does not hold, CHAIN_UNTRUSTED when others signed than were asked for, CHAIN_NOTE_INVALID,
 * CHAIN_CHECKPOINT_INVALID, CHAIN_POLICY_INVALID, PEER_INVALID
 */
export function verifyProof(text: string, options: VerifyProofOptions = {}): VerifiedProof {
  const proof = parseProof(text)
  const author = peerIdOf(recordOf(proof).record.author)
  if (options.owner !== undefined && author !== peerIdOf(keyOf(options.owner))) {
    throw new TalosError('CHAIN_UNTRUSTED', `the record is of ${author}, not of ${options.owner}`, {
      hint: 'Ask the one whose record it should be for the proof.'
    })
  }
  const { log, witnesses, quorum } = policyOf(proof, options)
  const policy = { ...(log === undefined ? {} : { log }), witnesses, quorum }
  const verified = verifyRecordProof(proof, policy)
  const { id, opened, origin, size } = verified
  return {
    ...describeProof(proof),
    record: hex(id),
    fields: opened.map(({ name, value }) => ({ name, value })),
    checkpoint: {
      origin,
      size,
      ...(log === undefined ? {} : { key: formatNoteKey(log) }),
      witnesses: verified.witnesses
    }
  }
}

/** Who signed two things for one place, of which there can be only one. */
export interface VerifiedEvidence {
  what: 'blocks' | 'records' | 'checkpoints' | 'histories'
  /** Who signed both: PeerId of its key. */
  culprit: string
  /** `talos/` and the chain's id in base64url. */
  origin: string
  /** A height, a number in a stream, or a size. */
  place: number
  /** Hashes of the blocks, ids of the records, or roots; of histories the root of that size, and what a larger state has for it: 64 hexadecimal digits each. */
  hashes: [string, string]
}

/**
 * Checks evidence that somebody signed two histories, by itself; undefined for a file of another kind.
 *
 * @param text as a witness or a node writes it: docs/spec/chain.md
 * @throws CHAIN_EVIDENCE_INVALID when it shows nothing of the kind
 */
export function verifyEvidence(text: string): VerifiedEvidence | undefined {
  const bytes = parseEvidence(text)
  if (bytes === undefined) return undefined
  const { what, culprit, origin, place, hashes } = verifyChainEvidence(bytes)
  return { what, culprit: peerIdOf(culprit), origin, place, hashes: [hex(hashes[0]), hex(hashes[1])] }
}

/** What a proof says, with nothing checked but its form. @throws CHAIN_PROOF_INVALID */
export function readProof(text: string): VerifiedProof {
  return describeProof(parseProof(text))
}

function describeProof(proof: RecordProof): VerifiedProof {
  const { record, id, header, hash, checkpoint } = recordOf(proof)
  const counterpart = record.extensions.find(({ type }) => type === EXTENSION.COUNTERPART)?.value
  return {
    record: hex(id),
    kind: kindName(record.kind)!,
    author: peerIdOf(record.author),
    sequence: record.sequence,
    time: record.time,
    ...(proof.opened[0] === undefined ? {} : { fieldCount: proof.opened[0].count }),
    fields: proof.opened.map(({ name, value }) => ({ name, value })),
    ...(counterpart?.length === 64
      ? { counterpart: { chainId: hex(counterpart.subarray(0, 32)), record: hex(counterpart.subarray(32)) } }
      : {}),
    block: { height: header.height, hash: hex(hash), time: header.time },
    checkpoint: { origin: checkpoint.origin, size: checkpoint.size, witnesses: [] }
  }
}

interface Policy {
  log: NoteKey | undefined
  witnesses: NoteKey[]
  quorum: number | Quorum
}

/** Who must have signed: those who were named, or else who made the block. */
function policyOf(proof: RecordProof, { owner, key, witnesses = [], quorum = 0, policy }: VerifyProofOptions): Policy {
  const { header, checkpoint } = recordOf(proof)
  const file = policy === undefined ? undefined : signersFor(parsePolicy(policy), checkpoint.origin)
  const asked = {
    witnesses: [...(file?.witnesses ?? witnesses.map(parseNoteKey))],
    quorum: file?.quorum ?? quorum
  }
  if (file?.log !== undefined && key === undefined && owner === undefined) return { ...asked, log: file.log }
  const named = key === undefined ? undefined : parseNoteKey(key)
  if (named !== undefined) return { ...asked, log: named }
  // on a chain of many writers no one key vouches for the checkpoint
  if (header.signedRecords) return { ...asked, log: undefined }
  const publicKey = owner === undefined ? header.producer : keyOf(owner)
  return { ...asked, log: { name: checkpoint.origin, type: NOTE_KEY.ed25519, publicKey } }
}

function keyOf(owner: string): Uint8Array {
  const key = publicKeyOf(owner)
  if (key !== undefined) return key
  throw new TalosError('PEER_INVALID', `${JSON.stringify(owner)} is no key of a peer`, {
    hint: 'Give a PeerId, did:key or hex key.'
  })
}

/**
 * The text of a proof in a file.
 *
 * @throws CHAIN_PROOF_INVALID for one that is too long or no text, STORAGE_READ_FAILED
 */
export async function readProofFile(path: string): Promise<string> {
  const bytes = await read(path)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw invalid('it is no text')
  }
}

async function read(path: string): Promise<Uint8Array> {
  try {
    // without O_NONBLOCK the open of a named pipe would wait for a writer
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const found = await file.stat()
    if (!found.isFile()) throw new Error('it is not a regular file')
    if (found.size > MAX_FILE) throw invalid('it is too long')
    return await readFile(file)
  } catch (cause) {
    if (cause instanceof TalosError) throw cause
    throw new TalosError('STORAGE_READ_FAILED', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function invalid(message: string): TalosError {
  return new TalosError('CHAIN_PROOF_INVALID', `the proof does not hold: ${message}`)
}
