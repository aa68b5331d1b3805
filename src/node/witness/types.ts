import type { WitnessTrouble } from './memory.ts'

/** One witness of the policy. */
export interface WitnessState {
  /** What the policy calls it. */
  name: string
  /** Its key as C2SP tools write it. */
  key: string
  /** Blocks of the checkpoint that it cosigned last; 0 for none. */
  size: number
  /** When it did. Milliseconds since the epoch. */
  at?: number
  /** What went wrong the last time it was asked. */
  trouble?: WitnessTrouble
}

/** How far others have seen the chain of this agent, so that it cannot be made anew. */
export interface WitnessReport {
  /** `witnessed`: witnesses that are enough for the policy have signed. `probabilistic`: nobody could prove another history wrong. */
  state: 'witnessed' | 'probabilistic'
  /** Witnesses that signed the newest checkpoint that is `witnessed`, else the newest that they were asked for. */
  signed: number
  /** Witnesses of the policy; 0 where there is none. */
  total: number
  /** Signatures that the policy asks for at the least. */
  needed: number
  /** Blocks that this checkpoint covers. */
  size: number
  /** Blocks of the chain. */
  blocks: number
  /** What is wrong with the policy, so that nobody counts. */
  trouble?: WitnessTrouble
  witnesses: WitnessState[]
}
