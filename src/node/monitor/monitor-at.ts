import type { AgentMonitor, AgentState } from './agent.ts'
import type { MonitorAddress } from './http.ts'

/** A monitor where one is wanted. HTTP and Prometheus are loaded only then. Throws as AgentMonitor.start(). */
export async function monitorAt(at: MonitorAddress | undefined, state: AgentState): Promise<AgentMonitor | undefined> {
  if (at === undefined) return undefined
  const { AgentMonitor } = await import('./agent.ts')
  return AgentMonitor.start(at, state)
}
