import { verifyLocal } from '../../src/chain/index.ts'
import type { ChainReport } from '../../src/chain/validation/validate-chain.ts'
import { openStore } from '../../src/node/agent.ts'
import { AuditTrail } from '../../src/node/audit/audit-trail.ts'
import { openWallet } from '../../src/node/wallet/index.ts'

/** A record as a person would see it. */
export interface SeenRecord {
  kind: number
  sequence: number
  [field: string]: unknown
}

/** What an agent that does not run has recorded, and what is to be said about its chain. */
export async function readTrail({
  dataDir
}: {
  dataDir: string
}): Promise<{ records: SeenRecord[]; report: ChainReport }> {
  const wallet = await openWallet({ dataDir })
  await using store = await openStore(wallet, dataDir)
  await using trail = await AuditTrail.open(store, wallet)
  await trail.chain.sealAll()
  const records: SeenRecord[] = []
  const { sequence: last } = await trail.chain.head()
  for (let sequence = 1; sequence <= last; sequence++) {
    const found = (await trail.chain.recordAt(sequence))!
    const fields = found.payload?.fields.map(({ name, value }) => [name, value]) ?? []
    records.push({ ...Object.fromEntries(fields), kind: found.record.kind, sequence })
  }
  return { records, report: await verifyLocal(trail.chain, { contents: true, level: 'PARANOID' }) }
}
