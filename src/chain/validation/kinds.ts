import { KIND, kindName } from '../record.ts'
import { reject, type Validator } from './context.ts'

/** The chain takes records of these kinds. */
export const kinds: Validator = {
  name: 'kinds',
  layer: 'semantic',
  level: 'STRICT',
  run(context) {
    const allowed = new Set<number>(context.chain.params.kinds.map(kind => KIND[kind]))
    for (const [i, { record }] of context.entries!.entries()) {
      if (!allowed.has(record.kind)) {
        return reject(context, 'KIND_NOT_ALLOWED', `the chain takes no ${kindName(record.kind)} records`, i)
      }
    }
  }
}
