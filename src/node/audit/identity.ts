import type { Entry } from '../../chain/index.ts'
import type { Recorder, SessionStore } from '../../protocols/sessions/index.ts'
import type { RegistrationState } from '../directory/keep-registered.ts'
import type { Wallet } from '../wallet/index.ts'

/** The first record of a chain: whose it is. A wallet that was restored begins another chain with another such record. */
export function identityEntry({ peerId, did, name, identity }: Wallet): Entry {
  return {
    kind: 'IDENTITY',
    fields: [
      { name: 'event', value: 'begun' },
      { name: 'agent', value: peerId },
      { name: 'did', value: did },
      { name: 'agreement-key', value: identity.agreement.publicKey.slice() },
      { name: 'name', value: name }
    ]
  }
}

/** The name that a server had when that was last recorded. */
const registeredKey = (server: string): string => `registered/${server}`

/** Records under which name this agent is registered: each change at a server once, however often it is refreshed. */
export class RegistrationRecords {
  readonly #store: SessionStore
  readonly #record: Recorder
  readonly #onTrouble: (error: unknown) => void
  #writing: Promise<void> = Promise.resolve()

  /** `onTrouble` is told when it cannot be written: it is tried again with the next refresh. */
  constructor({ store, record }: { store: SessionStore; record: Recorder }, onTrouble: (error: unknown) => void) {
    this.#store = store
    this.#record = record
    this.#onTrouble = onTrouble
  }

  note({ server, name }: RegistrationState): void {
    if (name === undefined) return
    this.#writing = this.#writing.then(() => this.#write(server.peerId, name)).catch(this.#onTrouble)
  }

  /** Resolves when all is written. */
  async stop(): Promise<void> {
    await this.#writing
  }

  async #write(server: string, name: string): Promise<void> {
    await this.#store.transact(async transaction => {
      const before = await transaction.get(registeredKey(server))
      if (before !== undefined && Buffer.from(before).toString() === name) return
      transaction.put(registeredKey(server), new Uint8Array(Buffer.from(name)))
      await this.#record(transaction, [registrationEntry(server, name)])
    })
  }
}

const registrationEntry = (server: string, name: string): Entry => ({
  kind: 'IDENTITY',
  fields: [
    { name: 'event', value: 'registered' },
    { name: 'peer', value: server },
    { name: 'name', value: name }
  ]
})
