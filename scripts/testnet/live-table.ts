import { table } from '../../src/cli/table.ts'
import type { TestNet } from './net.ts'

/** One look at every node. */
export async function look(net: TestNet): Promise<string> {
  const rows = await Promise.all(
    net.all.map(async node => {
      const metrics = await node.metrics()
      const read = (name: string): number => metrics.get(name) ?? 0
      const [direct, relayed] = ['direct', 'relayed'].map(path => read(`talos_connections{path="${path}"}`))
      const [received, delivered] = ['received', 'delivered'].map(state =>
        read(`talos_messages_total{state="${state}"}`)
      )
      const isServer = node.role === 'server' || node.role === 'relay'
      const messages = isServer ? `${read('talos_mailbox_items')} held` : `${received} in, ${delivered} out`
      const path = isServer
        ? `${(read('talos_relay_bytes_total') / 1e6).toFixed(1)} MB relayed`
        : pathOf(direct!, relayed!)
      const { name, role, condition } = node
      return [name, role, condition, String(direct! + relayed!), path, messages, `${(node.rss() / 1e6).toFixed(0)} MB`]
    })
  )
  return table(['node', 'role', 'state', 'connections', 'path', 'messages since its start', 'RSS'], rows)
}

const pathOf = (direct: number, relayed: number): string => `${direct} direct, ${relayed} relayed`

/** Shows it again and again until it is stopped: in place on a terminal, once in a while where lines are kept. */
export function showLive(net: TestNet): () => void {
  const isTerminal = process.stdout.isTTY
  let over = false
  let timer: NodeJS.Timeout | undefined
  const show = async (): Promise<void> => {
    const text = await look(net)
    if (over) return
    console.log(isTerminal ? `\x1b[2J\x1b[H${text}\n\nCtrl-C takes it down.` : `${text}\n`)
    timer = setTimeout(() => void show(), isTerminal ? 1_000 : 10_000)
  }
  void show()
  return () => {
    over = true
    clearTimeout(timer)
  }
}
