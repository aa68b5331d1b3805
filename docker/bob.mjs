// Bob sends Alice a message, asks her clock for the time, and stays.
import { createInterface } from 'node:readline'
import { become, identity, introduce, persistently, start, talos } from './agent.mjs'

const peerId = await identity('bob')
const alice = await introduce('bob', peerId, 'alice')

const { state } = await persistently('the message', () => talos('send', alice, 'hello from bob', '--wait', '20s'))
console.log(`message to alice: ${state}`)

const time = await persistently('the call', callClock)
console.log(`alice's clock says ${time}`)

await become(['daemon', '--metrics-port', '9090', '--metrics-host', '0.0.0.0'])

async function callClock() {
  const tunnel = start(['mcp-connect', alice, '--service', 'clock'], ['pipe', 'pipe', 'inherit'])
  try {
    const lines = createInterface({ input: tunnel.stdout })[Symbol.asyncIterator]()
    const say = message => tunnel.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
    const answer = async () => {
      const { value, done } = await lines.next()
      if (done) throw new Error('mcp-connect has ended')
      const { result, error } = JSON.parse(value)
      if (error !== undefined) throw new Error(error.message)
      return result
    }
    const clientInfo = { name: 'bob', version: '1.0.0' }
    say({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo } })
    await answer()
    say({ method: 'notifications/initialized' })
    say({ id: 2, method: 'tools/call', params: { name: 'now', arguments: {} } })
    return (await answer()).content[0].text
  } finally {
    tunnel.stdin.end()
  }
}
