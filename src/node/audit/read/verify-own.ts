import { availableParallelism } from 'node:os'
import { setImmediate as others } from 'node:timers/promises'
import { type AnchorProvider, type ChainReport, type Level, type Validator, verifyLocal } from '../../../chain/index.ts'
import type { AgentNode } from '../../agent-node.ts'
import { anchorProviders } from './anchor-providers.ts'

/** How long checking may keep the node from everything else. Milliseconds. */
const TURN = 20
/** Threads that check a long chain, at most: each has a copy of the code in memory. */
const MAX_THREADS = 4

export interface VerifyOwnOptions {
  level: Level
  contents: boolean
  signal: AbortSignal
  /** A few times a second. */
  onProgress: (done: number, of: number) => void
  /** Rules of a program, besides. */
  validators?: readonly Validator[] | undefined
  /** Providers of a program, before those of the configuration. */
  anchors?: readonly AnchorProvider[] | undefined
  /** Of how many providers the chain must have an anchor at PARANOID. @default as configured */
  quorum?: number | undefined
}

/** Checks the chain of a node in this process. Throws CONFIG_INVALID, CHAIN_POLICY_INVALID, WITNESS_POLICY_MISSING, and the reason of the signal. */
export async function verifyOwn(node: AgentNode, options: VerifyOwnOptions): Promise<ChainReport> {
  const { level, contents, signal, onProgress, validators = [], anchors = [] } = options
  const { audit } = node.config
  const configured =
    level === 'PARANOID'
      ? await anchorProviders(audit.anchors, await node.services.witnessing.policy(), node.dataDir)
      : []
  let turn = performance.now()
  return verifyLocal(node.audit.chain, {
    level,
    contents,
    signal,
    threads: Math.min(availableParallelism(), MAX_THREADS),
    custom: validators,
    anchors: { providers: [...anchors, ...configured], quorum: options.quorum ?? audit.anchorQuorum ?? 0 },
    // all of it is read from memory or disk in one go otherwise: neither the network nor Ctrl-C would be heard
    onProgress: async (done, of) => {
      if (performance.now() - turn < TURN) return
      onProgress(done, of)
      await others()
      turn = performance.now()
    }
  })
}
