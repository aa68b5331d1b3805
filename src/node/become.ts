import { setTimeout as delay } from 'node:timers/promises'
import { AgentApi } from './agent-api.ts'
import { AgentNode } from './agent-node.ts'
import type { NodeGreeting } from './control/methods.ts'
import type { ControlServer } from './control/server.ts'
import type { JoinedNode, JoinOptions } from './join.ts'
import { VERSION } from './version.ts'

/** After what comes first somebody waits for its first answers: the rest must not take the processor from them. Milliseconds. */
const QUIET = 250

/** How long others are kept waiting for what comes first. Milliseconds. */
const FIRST_LIMIT = 1_000

/** Makes this process the node of the data directory. Throws as AgentNode.start(); with `first`, as AgentNode.begin(). */
export async function becomeNode(options: JoinOptions & { dataDir: string }): Promise<JoinedNode> {
  const { first } = options
  const node = await (first === undefined ? AgentNode.start(options) : AgentNode.begin(options))
  const ended = Promise.withResolvers<void>()
  const api = new AgentApi(node, ended.resolve)
  const greeting = (): NodeGreeting => ({
    version: VERSION,
    pid: process.pid,
    peerId: node.wallet.peerId,
    name: node.wallet.name,
    role: node.role,
    startedAt: node.startedAt
  })

  async function openControl(): Promise<ControlServer> {
    const { ControlServer } = await import('./control/server.ts')
    return ControlServer.start({
      dataDir: node.dataDir,
      greeting: greeting(),
      api,
      tunnels: node.tunnels,
      streams: node.streams
    })
  }

  let isOver = false
  const over = Promise.withResolvers<void>()
  async function completeAfter(): Promise<ControlServer | undefined> {
    await node.opened
    const quiet = Promise.resolve(first).then(() => delay(QUIET, undefined, { ref: false }))
    await Promise.race([quiet, over.promise, delay(FIRST_LIMIT, undefined, { ref: false })])
    if (isOver) return undefined
    await node.complete()
    return openControl()
  }

  const control = first === undefined ? openControl() : completeAfter()
  // what comes first goes on without the rest; others are told that the store is held
  const opened = control.catch(() => undefined)
  try {
    if (first === undefined) await control
  } catch (error) {
    await node.stop()
    throw error
  }
  node.opened.catch(() => ended.resolve())
  return {
    api,
    tunnels: node.tunnels,
    streams: node.streams,
    get greeting() {
      return greeting()
    },
    own: node,
    ended: ended.promise,
    [Symbol.asyncDispose]: async () => {
      isOver = true
      over.resolve()
      await (await opened)?.close()
      await node.stop()
      ended.resolve()
    }
  }
}
