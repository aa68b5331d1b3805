/**
 * `/talos/audit/1.0.0`: two agents compare what each has recorded of what passed between them. Wire form: docs/spec/reconcile.md.
 *
 * @example
 * const server = new AuditServer(components, { mayAsk, checkpoint, recordsWith })
 * const { checkpoint, entries, nonce } = await askPeer(connection, signal)
 */
export { askPeer } from './client.ts'
export { AuditServer, type AuditServerComponents, type SharedRecord } from './server.ts'
export { comparedFields, digestOf, mirrored } from './shared-fields.ts'
