import { Flags } from '@oclif/core'
import { TalosError } from '../errors.ts'
import { type AuditQuery, KIND, type KindName } from '../index.ts'
import { instant } from './time.ts'

/** Which records of the chain a command is about. */
export const queryFlags = {
  peer: Flags.string({ description: 'Only with this peer: a name, PeerId, did:key or hex key' }),
  kind: Flags.string({
    description: `Only of this kind: ${Object.keys(KIND).join(', ')}; can be given several times`,
    multiple: true
  }),
  since: Flags.string({
    description: 'Not older than this: a duration such as 1h or 7d, or a date such as 2026-11-23'
  }),
  until: Flags.string({ description: 'Not newer than this: a duration before now, or a date' })
}

export interface QueryFlags {
  peer: string | undefined
  kind: string[] | undefined
  since: string | undefined
  until: string | undefined
}

/** Throws USAGE_INVALID. */
export function queryOf({ peer, kind, since, until }: QueryFlags): AuditQuery {
  return {
    ...(peer === undefined ? {} : { peer }),
    ...(kind === undefined ? {} : { kinds: kind.map(kindOf) }),
    ...(since === undefined ? {} : { since: instant(since) }),
    ...(until === undefined ? {} : { until: instant(until) })
  }
}

function kindOf(text: string): KindName {
  const name = text.toUpperCase().replaceAll('-', '_')
  if (name in KIND) return name as KindName
  throw new TalosError('USAGE_INVALID', `${JSON.stringify(text)} is no kind of record`, {
    hint: `The kinds are ${Object.keys(KIND).join(', ')}.`
  })
}
