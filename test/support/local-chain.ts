import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Entry, LocalChain, type LocalChainInit } from '../../src/chain/index.ts'
import { crypto } from '../../src/crypto/index.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { ownerOf } from './keys.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** What a message would be recorded as. */
export const message = (number: number, peer = 'bob'): Entry => ({
  kind: 'MESSAGE',
  operation: `message/${number}`,
  fields: [
    { name: 'peer', value: peer },
    { name: 'direction', value: 'sent' },
    { name: 'id', value: `id-${number}` },
    { name: 'size', value: 1000 + number },
    { name: 'bytes', value: Uint8Array.of(number % 256, 2, 3) }
  ]
})

/** A chain in a database on disk, that can be closed and opened again. */
export async function localChain(options: Partial<LocalChainInit> = {}) {
  const folder = temporaryFolder()
  const key = randomBytes(32)
  const owner = options.owner ?? ownerOf(1)
  let store!: DurableStore
  let chain!: LocalChain
  const open = async () => {
    store = await DurableStore.open(join(folder, 'store'), key, crypto)
    chain = await LocalChain.open({ store, owner, randomBytes: crypto.randomBytes, ...options })
    return chain
  }
  const close = async () => {
    await chain.close()
    await store.close()
  }
  await open()
  onTestFinished(close)
  return {
    owner,
    folder,
    get store() {
      return store
    },
    get chain() {
      return chain
    },
    open,
    close,
    append: (entry: Entry) => store.transact(transaction => chain.append(transaction, entry)),
    /** `count` records in blocks of `each`. */
    async fill(count: number, each = count) {
      for (let at = 0; at < count; at += each) {
        await Promise.all(
          Array.from({ length: Math.min(each, count - at) }, (_, i) =>
            store.transact(transaction => chain.append(transaction, message(at + i)))
          )
        )
        await chain.sealAll()
      }
    }
  }
}
