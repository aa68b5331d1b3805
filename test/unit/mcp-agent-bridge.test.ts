import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { AgentBridge } from '../../src/protocols/mcp/agent-bridge.ts'
import { MemoryLink } from '../support/memory-link.ts'

const ID_LENGTH = 1_000
/** What the bridge keeps for a host that reads nothing, and what is on its way. Bytes. */
const KEPT = 34 * 1024 * 1024

test('a host that asks without end and reads no answer makes them pile up to a bound, and no further', async () => {
  const [link, host] = MemoryLink.pair()
  const [input, output] = [new PassThrough(), new PassThrough()]
  output.resume()
  const bridge = new AgentBridge({ input, output, peer: 'host', service: 'test', maxInFlight: 1 })
  const running = bridge.run()
  const attached = bridge.attach(link)
  const asked = 50_000
  for (let number = 0; number < asked; number++) {
    const id = String(number).padEnd(ID_LENGTH, '.')
    // resolves when the bridge has taken what came before
    await host.send([Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' }))])
  }
  // now the host reads, up to what comes last
  input.write('{"jsonrpc":"2.0","method":"notifications/last"}\n')
  let refused = 0
  let length = 0
  let isLast = false
  for await (const lines of host.incoming()) {
    for (const line of lines) {
      const message = JSON.parse(Buffer.from(line).toString())
      if (message.error !== undefined) refused++
      isLast ||= message.method === 'notifications/last'
      length += line.byteLength
    }
    if (isLast) break
  }
  await bridge.close('the test is over')
  await Promise.allSettled([attached, running])
  expect(refused).toBeGreaterThan(10_000)
  expect(refused).toBeLessThan(asked)
  expect(length).toBeLessThan(KEPT)
})
