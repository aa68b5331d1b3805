import type { SessionStore, Transaction } from '../../protocols/sessions/index.ts'

/** What went wrong with a witness the last time. */
export interface WitnessTrouble {
  code: string
  message: string
}

/** What is known of one witness. */
export interface KnownWitness {
  /** Blocks of the checkpoint that it cosigned last, 0 for none, and when, in seconds since 1970. */
  size: number
  time: number
  trouble?: WitnessTrouble
}

/** What the witnesses have signed of this agent's chain. */
export interface WitnessMemory {
  /** The checkpoint that they were asked for last, with the signatures that came. */
  latest?: string
  /** The newest one that had signatures enough. */
  enough?: string
  /** By key, in hexadecimal digits. */
  witnesses: Record<string, KnownWitness>
}

const KEY = 'witnessed'

export function readMemory(store: SessionStore): Promise<WitnessMemory> {
  return store.transact(read)
}

/** Stores what `change` makes of it. */
export function changeMemory(store: SessionStore, change: (memory: WitnessMemory) => WitnessMemory): Promise<void> {
  return store.transact(async transaction => {
    const memory = change(await read(transaction))
    transaction.put(KEY, new TextEncoder().encode(JSON.stringify(memory)))
  })
}

async function read(transaction: Transaction): Promise<WitnessMemory> {
  const bytes = await transaction.get(KEY)
  return bytes === undefined ? { witnesses: {} } : (JSON.parse(new TextDecoder().decode(bytes)) as WitnessMemory)
}
