// A process that does nothing but validate blocks of 100 records: a part of `npm run bench:chain`. It is told what, and says how long it took.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { chainOf, localParams } from '../../src/chain/params.ts'
import { validateInThreads } from '../../src/chain/validation/parallel.ts'
import { ChainState } from '../../src/chain/validation/state.ts'
import { validateBlock } from '../../src/chain/validation/validate.ts'
import { ChainBuilder, START } from '../../test/support/chain-builder.ts'
import { ownerOf } from '../../test/support/keys.ts'
import { type Taken, timed } from './timed.ts'

/** Blocks of a round on one thread. */
export const BLOCKS = 256
/** Blocks for the threads, which take 0.1 s to start: enough that it weighs little. */
export const MANY = 8_192

export type ValidationRun = 'cold' | 'known' | 'one thread' | 'two threads'

const NOW = START + 1e12

async function serve(): Promise<void> {
  const builder = new ChainBuilder(chainOf(localParams(ownerOf(1).publicKey, START, 1)))
  for (let i = 0; i < MANY; i++) await builder.add({ count: 100 })
  const { chain, blocks } = builder
  const some = blocks.slice(0, BLOCKS)
  const validated: Array<{ signedHeader: Uint8Array; entries: never }> = []

  async function validateAll(isKnown: boolean): Promise<void> {
    const state = new ChainState(chain)
    for (const [i, block] of some.entries()) {
      const options = isKnown ? { now: NOW, isHeaderChecked: true } : { now: NOW }
      const result = await validateBlock(isKnown ? validated[i]! : block, chain, state, options)
      if (result.block === undefined) throw new Error(result.errors[0]!.message)
      state.advance(result.block)
      if (!isKnown) validated[i] = result.block as never
    }
  }
  async function threads(count: number): Promise<void> {
    const report = await validateInThreads(blocks, chain, { threads: count, now: NOW })
    if (!report.valid) throw new Error(report.errors[0]!.message)
  }
  const runs: Record<ValidationRun, () => Promise<void>> = {
    cold: () => validateAll(false),
    known: () => validateAll(true),
    'one thread': () => threads(1),
    'two threads': () => threads(2)
  }
  process.on('message', (run: ValidationRun) => {
    timed(runs[run]).then(
      taken => process.send?.(taken),
      error => {
        console.error(error)
        process.exit(1)
      }
    )
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}

if (process.send !== undefined) await serve()

/** Starts it. */
export async function startValidation(): Promise<{ run(what: ValidationRun): Promise<Taken>; close(): void }> {
  const child = fork(fileURLToPath(import.meta.url))
  child.on('exit', code => {
    if (code !== 0) throw new Error('the process that validates has ended')
  })
  await once(child, 'message')
  return {
    run: async what => {
      child.send(what)
      return (await once(child, 'message'))[0] as Taken
    },
    close: () => child.disconnect()
  }
}
