import * as z from 'zod/mini'
import type { LightCheckpoint, LightRecord, LightStatus } from '../light/types.ts'

const network = z.optional(z.string().check(z.minLength(1), z.maxLength(4096)))
const peers = z.optional(z.array(z.string().check(z.minLength(1), z.maxLength(512))).check(z.maxLength(32)))

/** What a node is asked about shared chains of which it keeps the headers: see docs/spec/control.md. */
export const LIGHT_METHODS = {
  lightStatus: z.object({ network }),
  /** Asks all peers for headers; `consent` to take back any number of blocks. */
  lightSync: z.object({ network, peers, consent: z.optional(z.boolean()) }),
  /** Has a record proved by a peer, and checks that. */
  lightProof: z.object({ network, peers, record: z.string().check(z.regex(/^[0-9a-f]{64}$/)) }),
  /** The newest state of somebody's own chain that enough witnesses of a policy file signed. */
  lightCheckpoint: z.object({
    chain: z.string().check(z.maxLength(100)),
    policy: z.optional(z.string().check(z.minLength(1), z.maxLength(4096)))
  }),
  /** Checks a proof with the headers that are here. */
  lightVerify: z.object({ network, proof: z.string().check(z.maxLength(524_288)) })
}

export interface LightResults {
  lightStatus: LightStatus
  lightSync: LightStatus
  lightProof: LightRecord & { proof: string }
  lightCheckpoint: LightCheckpoint
  lightVerify: LightRecord
}
