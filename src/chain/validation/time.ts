import { reject, type Validator, warn } from './context.ts'

/** How far ahead of ours a clock may be. Milliseconds. */
const MAX_AHEAD = 120_000

/** Time does not go back; on a chain of many writers nor does it run ahead. */
export const time: Validator = {
  name: 'time',
  layer: 'consensus',
  level: 'STANDARD',
  run(context) {
    const { header, view, chain, now } = context
    const isOwned = chain.params.admission === 'owner'
    if (isOwned ? header!.time < view.previousTime : header!.time <= view.medianTime) {
      return reject(context, 'TIMESTAMP_INVALID', 'the block is older than it may be after those before it')
    }
    if (header!.time <= now + MAX_AHEAD) return
    const message = `the block is ${Math.round((header!.time - now) / 1000)} s ahead of this clock`
    // nobody gains anything by it on a chain of one's own, whose clock may have been wrong once
    if (isOwned) warn(context, 'TIMESTAMP_INVALID', message)
    else reject(context, 'TIMESTAMP_INVALID', message)
  }
}
