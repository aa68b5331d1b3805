/**
 * `/talos/registry/1.0.0`: agents register a name and their addresses with a server, signed by themselves; others look them
 * up. A registry stores and returns the signer's exact bytes, and readers verify them. Wire form: docs/spec/registry.md.
 *
 * @example
 * const server = await createNode({ …, services: { registry: registryServer({ database }) } })
 * const client = await createNode({ …, services: { registry: registryClient() } })
 * await client.services.registry.register(server.peerId, { name: 'alice', addresses }, identity)
 */
import { RegistryClient, type RegistryClientComponents, type RegistryClientInit } from './client.ts'
import { RegistryServer, type RegistryServerComponents, type RegistryServerInit } from './server.ts'

export type { RegistryClient } from './client.ts'
export { isRegistrableName, nameKey, type Registration, type RegistrationSigner } from './registration.ts'
export type { RegistryServer } from './server.ts'

export function registryServer(init: RegistryServerInit): (components: RegistryServerComponents) => RegistryServer {
  return components => new RegistryServer(components, init)
}

export function registryClient(
  init: RegistryClientInit = {}
): (components: RegistryClientComponents) => RegistryClient {
  return components => new RegistryClient(components, init)
}
