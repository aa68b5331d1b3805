import { Flags } from '@oclif/core'
import type { LightOptions, LightRecord, LightStatus } from '../index.ts'
import { fieldLines, lines } from './audit-text.ts'
import { fieldsJson } from './proof-text.ts'
import { table } from './table.ts'

/** Of all commands of `talos light`. */
export const lightFlags = {
  network: Flags.string({ description: 'The file of the network (default: chain.network of the configuration)' }),
  peer: Flags.string({
    description: 'A node that keeps the chain, besides those that are known: a name, PeerId, or multiaddr with /p2p/…',
    multiple: true,
    multipleNonGreedy: true
  })
}

export function lightOptions(flags: { network?: string | undefined; peer?: string[] | undefined }): LightOptions {
  return {
    ...(flags.network === undefined ? {} : { network: flags.network }),
    ...(flags.peer === undefined ? {} : { peers: flags.peer })
  }
}

/** A chain by its headers, for a person. */
export function lightText({ name, chainId, height, tip, tipTime, syncedAt, peers, deep }: LightStatus): string {
  const text = lines([
    ['network', `${name} (${chainId})`],
    ['height', String(height)],
    ['last block', height === 0 ? 'none yet' : `${tip}, ${new Date(tipTime).toISOString()}`],
    ['asked', syncedAt === undefined ? 'not since the node runs' : new Date(syncedAt).toISOString()],
    ...(deep === undefined
      ? []
      : [['deep', `a chain with more work would take back ${deep} blocks: --consent follows it`] as [string, string]])
  ])
  if (peers.length === 0) return text
  const rows = peers.map(peer => [peer.peerId, String(peer.height), peer.problem ?? '-'])
  return `${text}\n\n${table(['NODE', 'HEIGHT', 'PROBLEM'], rows)}`
}

/** A record that was proved, for a program. */
export const lightRecordJson = ({ fields, ...record }: LightRecord): object => ({
  ...record,
  fields: fieldsJson(fields)
})

/** A record that was proved, for a person. */
export function lightRecordText({
  record,
  kind,
  author,
  sequence,
  time,
  height,
  blockHash,
  confirmations,
  fields
}: LightRecord): string {
  const text = lines([
    ['record', `${record}, number ${sequence} of its author`],
    ['kind', kind],
    ['author', author],
    ['time', new Date(time).toISOString()],
    ['block', `${height}, ${blockHash}`],
    ['since then', `${confirmations - 1} blocks more`]
  ])
  return fields.length === 0 ? text : [text, 'Opened by its author:', ...fieldLines(fields)].join('\n')
}
