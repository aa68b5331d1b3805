import { equalBytes } from '../bytes.ts'
import type { ChainParams } from '../params.ts'
import { reject, type Validator } from './context.ts'

/** Every author may write into the chain. What nodes know of an author besides decides what they put into blocks, not which blocks are valid. */
export const admission: Validator = {
  name: 'admission',
  layer: 'semantic',
  level: 'STRICT',
  run(context) {
    const { chain } = context
    let last: Uint8Array | undefined
    for (let i = 0; i < context.entries!.length; i++) {
      const { record } = context.entries![i]!
      if (last !== undefined && equalBytes(last, record.author)) continue
      last = record.author
      if (!isAdmitted(chain.params, record.author)) {
        return reject(context, 'AUTHOR_NOT_ADMITTED', 'the author may not write into this chain', i)
      }
    }
  }
}

export function isAdmitted({ admission, keys }: ChainParams, author: Uint8Array): boolean {
  return admission === 'open' || keys.some(key => equalBytes(key, author))
}
