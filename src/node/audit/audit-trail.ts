import { LocalChain } from '../../chain/index.ts'
import { crypto } from '../../crypto/index.ts'
import { isTalosError } from '../../errors.ts'
import type { Recorder, SessionStore } from '../../protocols/sessions/index.ts'
import type { Wallet } from '../wallet/index.ts'
import { identityEntry } from './identity.ts'

export interface AuditTrailOptions {
  /** Zero digits that hashes of blocks begin with, where the chain begins now. @default 2 */
  difficulty?: number
  /** Why records get no block for now; told once for each block and reason, while it is tried again every second. */
  onTrouble?: (trouble: { code: string; message: string }) => void
}

/**
 * The agent's own chain, in its store, as long as this process is the node. Everything that is recorded is recorded through it,
 * in the transaction of what it records: the one is on disk when the other is.
 */
export class AuditTrail implements AsyncDisposable {
  readonly chain: LocalChain
  /** Times that a block could not be made since the start; each is tried again. */
  sealFailures = 0

  private constructor(chain: LocalChain) {
    this.chain = chain
  }

  /**
   * Opens the chain, or begins it with a record of whose it is. Throws CHAIN_STORE_NEWER, CHAIN_OTHER_OWNER, CHAIN_STORE_DAMAGED,
   * STORAGE_*.
   */
  static async open(
    store: SessionStore,
    wallet: Wallet,
    { difficulty, onTrouble = () => {} }: AuditTrailOptions = {}
  ): Promise<AuditTrail> {
    let told = ''
    let trail: AuditTrail | undefined
    const chain = await LocalChain.open({
      store,
      owner: wallet.identity,
      randomBytes: crypto.randomBytes,
      ...(difficulty === undefined ? {} : { difficulty }),
      onError: error => {
        if (trail !== undefined) trail.sealFailures++
        const trouble = troubleOf(error)
        const about = `${trouble.code} ${chain.tip.height}`
        if (about === told) return
        told = about
        onTrouble(trouble)
      }
    })
    trail = new AuditTrail(chain)
    const { record } = trail
    if ((await chain.head()).sequence === 0) {
      await store.transact(transaction => record(transaction, [identityEntry(wallet)]))
    }
    return trail
  }

  readonly record: Recorder = async (transaction, entries) => {
    await this.chain.appendAll(transaction, entries)
  }

  /** What is recorded and in no block gets one, if that takes no longer than a second; else at the next start. */
  async close(): Promise<void> {
    try {
      await this.chain.close()
    } catch (error) {
      // the disk is full: nothing is lost, and the node is to end all the same
      if (!isTalosError(error) || !error.code.startsWith('STORAGE_')) throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** What a failure is told as. */
export function troubleOf(error: unknown): { code: string; message: string } {
  return { code: isTalosError(error) ? error.code : 'INTERNAL', message: (error as Error).message }
}
