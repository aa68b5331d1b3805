import { LocalChain } from '../../chain/index.ts'
import { crypto } from '../../crypto/index.ts'
import { isTalosError } from '../../errors.ts'
import type { Recorder, SessionStore } from '../../protocols/sessions/index.ts'
import type { Wallet } from '../wallet/index.ts'

/**
 * The agent's own chain, in its store, as long as this process is the node. Everything that is recorded is recorded through it,
 * in the transaction of what it records: the one is on disk when the other is.
 */
export class AuditTrail implements AsyncDisposable {
  readonly chain: LocalChain

  private constructor(chain: LocalChain) {
    this.chain = chain
  }

  /** Throws CHAIN_STORE_NEWER, CHAIN_OTHER_OWNER, CHAIN_STORE_DAMAGED, STORAGE_*. */
  static async open(store: SessionStore, wallet: Wallet): Promise<AuditTrail> {
    return new AuditTrail(await LocalChain.open({ store, owner: wallet.identity, randomBytes: crypto.randomBytes }))
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
