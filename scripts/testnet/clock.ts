import { join } from 'node:path'
import { LiveAgent, LiveProcess } from '../../test/support/live-process.ts'
import { TALOS } from '../../test/support/talos.ts'
import { ROOT } from '../bundle.ts'
import { endsWithUs } from './ends-with-us.ts'
import type { AgentNode } from './node.ts'

/** `host` serves a clock to `agent` through its node, and `agent` asks it. Returns what it said. */
export async function callClock(host: AgentNode, agent: AgentNode): Promise<string> {
  const talos = (...args: string[]) => ({ file: process.execPath, args: [TALOS, ...args] })
  const command = `${process.execPath} ${join(ROOT, 'docker/clock.mjs')}`
  const serve = ['mcp-serve', '--authorized-peer', agent.peerId, '--command', command, '--json']
  const serving = endsWithUs(new LiveProcess(talos(...serve, '--data-dir', host.dataDir), {}))
  try {
    await serving.event('serving')
    return await ask(new LiveAgent(talos('mcp-connect', host.peerId, '--data-dir', agent.dataDir), {}))
  } finally {
    await serving.kill('SIGTERM')
  }
}

async function ask(calling: LiveAgent): Promise<string> {
  const ended = calling.exited.then(() => Promise.reject(new Error(`mcp-connect: ${calling.said.join(' ')}`)))
  ended.catch(() => {}) // it may end when it was asked to
  try {
    const answer = async () => {
      await calling.initialize()
      await calling.agent.write({ id: 1, method: 'tools/call', params: { name: 'now', arguments: {} } })
      return calling.agent.answer(1)
    }
    const { result, error } = await Promise.race([ended, answer()])
    if (result === undefined) throw new Error(`the call failed: ${JSON.stringify(error)}`)
    return (result as { content: [{ text: string }] }).content[0].text
  } finally {
    await calling.kill('SIGTERM')
  }
}
