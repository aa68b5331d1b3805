import { table } from '../../src/cli/table.ts'
import type { TestNet } from './net.ts'

/** One look at every node; those that are not up come first. */
export async function look(net: TestNet): Promise<string> {
  const nodes = net.all
  const isUp = nodes.filter(({ condition }) => condition === 'up')
  const rows = await Promise.all(
    [...nodes.filter(node => !isUp.includes(node)), ...isUp].map(async node => {
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
  const count = `${isUp.length} of ${nodes.length} nodes are up`
  const text = table(['node', 'role', 'state', 'connections', 'path', 'messages since its start', 'RSS'], rows)
  return `${count}\n\n${text}`
}

const pathOf = (direct: number, relayed: number): string => `${direct} direct, ${relayed} relayed`

/** As much of it as the terminal has room for. */
function cropped(text: string, { columns = 80, rows = 24 }: { columns?: number; rows?: number }): string {
  const lines = text.split('\n')
  // two below the table, and the cursor's
  const room = Math.max(1, rows - 3)
  const shown = lines.length > room ? [...lines.slice(0, room - 1), `and ${lines.length - room + 1} more`] : lines
  return shown.map(line => line.slice(0, columns)).join('\n')
}

/** Shows it again and again until it is stopped: in place on a terminal, once in a while where lines are kept. */
export function showLive(net: TestNet): () => void {
  const { stdout } = process
  let over = false
  let timer: NodeJS.Timeout | undefined
  const show = async (): Promise<void> => {
    const text = await look(net)
    if (over) return
    console.log(stdout.isTTY ? `\x1b[2J\x1b[H${cropped(text, stdout)}\n\nCtrl-C takes it down.` : `${text}\n`)
    timer = setTimeout(() => void show(), stdout.isTTY ? 1_000 : 10_000)
  }
  void show()
  return () => {
    over = true
    clearTimeout(timer)
  }
}
