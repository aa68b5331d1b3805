import { signCheckpoint } from '../../../chain/index.ts'
import { AuditServer, type AuditServerComponents } from '../../../protocols/audit/index.ts'
import type { AgentNode } from '../../agent-node.ts'
import { isAmong } from '../../known-peer.ts'
import { recordsWith } from './reconcile.ts'

/** Lets the peers that the configuration names compare their records with ours: each those with itself. */
export function serveComparisons(node: AgentNode, components: AuditServerComponents): AuditServer {
  const { chain } = node.audit
  return new AuditServer(components, {
    mayAsk: peer => isAmong(node.config.audit.reconcileWith, peer.toString(), node),
    checkpoint: () => signCheckpoint(chain),
    recordsWith: peer => recordsWith(chain, peer.toString())
  })
}
