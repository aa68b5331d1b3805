import { setTimeout as delay } from 'node:timers/promises'
import { isTalosError, TalosError } from '../errors.ts'
import { AgentApi } from './agent-api.ts'
import { AgentNode, type AgentNodeOptions } from './agent-node.ts'
import { attach } from './control/client.ts'
import type { NodeApi, NodeEvent, NodeGreeting } from './control/methods.ts'
import { ControlServer } from './control/server.ts'
import { resolveDataDir } from './data-dir.ts'
import { VERSION } from './version.ts'
import { readWalletSummary } from './wallet/index.ts'

/** How long another process may take to become the node, or to end. Milliseconds. */
const HANDOVER_TIMEOUT = 20_000
const HANDOVER_RETRY = 50

export interface JoinOptions extends Omit<AgentNodeOptions, 'onRegistration'> {
  signal?: AbortSignal
}

/** The node of a data directory, in this process or another. */
export interface JoinedNode extends AsyncDisposable {
  readonly api: NodeApi
  readonly greeting: NodeGreeting
  /** The node, when it is in this process. */
  readonly own: AgentNode | undefined
  /** Resolves when the node has ended, or is asked to. */
  readonly ended: Promise<void>
}

/**
 * The node of the data directory: attaches to the one that runs, or becomes it. With the role `agent` it does not attach to a
 * `client`, which ends with its own command, but waits for that end. Throws as AgentNode.start(), and NODE_VERSION,
 * NODE_STUCK, NODE_OTHER_IDENTITY, STORAGE_BUSY.
 */
export async function joinNode(options: JoinOptions): Promise<JoinedNode> {
  const dataDir = resolveDataDir(options.dataDir)
  const deadline = Date.now() + HANDOVER_TIMEOUT
  for (;;) {
    options.signal?.throwIfAborted()
    const remote = await attach(dataDir)
    if (remote !== undefined) {
      if (options.role === 'client' || remote.greeting.role === 'agent') {
        await checkIdentity(dataDir, remote.greeting)
        return { ...remote, own: undefined }
      }
      await remote[Symbol.asyncDispose]()
    } else {
      try {
        return await becomeNode({ ...options, dataDir })
      } catch (error) {
        if (!isTalosError(error, 'STORAGE_LOCKED')) throw error
      }
    }
    if (Date.now() > deadline) {
      throw new TalosError(
        'STORAGE_BUSY',
        `another Talos process holds the store of ${dataDir}, and cannot be talked to`,
        {
          hint: 'Is it stopped or stuck? End it and try again.'
        }
      )
    }
    await delay(
      HANDOVER_RETRY * (0.5 + Math.random()),
      undefined,
      options.signal === undefined ? {} : { signal: options.signal }
    )
  }
}

async function becomeNode(options: JoinOptions & { dataDir: string }): Promise<JoinedNode> {
  const ended = Promise.withResolvers<void>()
  const early: NodeEvent[] = []
  let tell = (event: NodeEvent): void => void early.push(event)
  const node = await AgentNode.start({ ...options, onRegistration: event => tell(event) })
  try {
    const api = new AgentApi(node, ended.resolve)
    tell = event => api.tell(event)
    early.forEach(tell)
    const { wallet, dataDir } = node.agent
    const greeting: NodeGreeting = {
      version: VERSION,
      pid: process.pid,
      peerId: wallet.peerId,
      name: wallet.name,
      role: node.role,
      startedAt: node.startedAt
    }
    const control = await ControlServer.start({ dataDir, greeting, api })
    return {
      api,
      greeting,
      own: node,
      ended: ended.promise,
      [Symbol.asyncDispose]: async () => {
        await control.close()
        await node.stop()
        ended.resolve()
      }
    }
  } catch (error) {
    await node.stop()
    throw error
  }
}

/** A wallet that was replaced under a running node is not the one it speaks for. */
async function checkIdentity(dataDir: string, { peerId, pid }: NodeGreeting): Promise<void> {
  const summary = await readWalletSummary({ dataDir })
  if (summary.peerId === peerId) return
  throw new TalosError(
    'NODE_OTHER_IDENTITY',
    `the node that runs here (process ${pid}) has another identity than the wallet`,
    {
      hint: 'The wallet was replaced while it ran: end it and start it again.'
    }
  )
}
