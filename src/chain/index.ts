/** Records, blocks, trees, validation and proofs. No network in here, and no file: a store and keys come from outside. */

export { openCheckpoint, originOf } from './checkpoint.ts'
export type { Field } from './commitment.ts'
export { archiveLocal, importArchive, verifyArchive } from './local/archive.ts'
export { type Entry, LocalChain, type LocalChainInit } from './local/local-chain.ts'
export { proveConsistency, proveRecord, signCheckpoint } from './local/proofs.ts'
export { pruneLocal } from './local/prune.ts'
export { verifyLocal } from './local/verify.ts'
export { decodeProof, encodeProof, formatProof, parseProof, verifyProof } from './proof.ts'
export { verifyConsistency } from './tree.ts'
