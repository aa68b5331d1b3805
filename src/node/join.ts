import { setTimeout as delay } from 'node:timers/promises'
import { isTalosError, TalosError } from '../errors.ts'
import type { AgentNode, AgentNodeOptions } from './agent-node.ts'
import type { RemoteNode } from './control/client.ts'
import { readEndpoint } from './control/endpoint.ts'
import { isAbove, type NodeApi, type NodeGreeting } from './control/methods.ts'
import { resolveDataDir } from './data-dir.ts'
import type { NodeStreams } from './streams/types.ts'
import type { NodeTunnels } from './tunnels/types.ts'
import { beginOpening, readWalletSummary, type WalletOpening } from './wallet/index.ts'

/** How long another process may take to become the node, or to end. Milliseconds. */
const HANDOVER_TIMEOUT = 20_000
const HANDOVER_RETRY = 50

export interface JoinOptions extends AgentNodeOptions {
  /**
   * What comes first when this process becomes the node, tunnels only: it need not be certain yet that it is the node (see
   * AgentNode.begin()), and others can work through it from when this resolves.
   *
   * @default nothing: it is the node, and they can, when joinNode() resolves
   */
  first?: Promise<unknown>
  /** For so long the node is left to others, if one of them is about to become it. Milliseconds. @default 0 */
  patience?: number
  signal?: AbortSignal
}

/** The node of a data directory, in this process or another. */
export interface JoinedNode extends AsyncDisposable {
  readonly api: NodeApi
  readonly tunnels: NodeTunnels
  readonly streams: NodeStreams
  readonly greeting: NodeGreeting
  /** The node, when it is in this process. */
  readonly own: AgentNode | undefined
  /** Resolves when the node has ended; when it is in this process, also when it is asked to end, or is none after all. */
  readonly ended: Promise<void>
}

/**
 * The node of the data directory: attaches to the one that runs, or becomes it. A node of an earlier role it does not attach to,
 * but takes its place: that process goes on through this one. Throws as AgentNode.start(), and NODE_VERSION, NODE_STUCK, NODE_OTHER_IDENTITY, STORAGE_BUSY.
 */
export async function joinNode(options: JoinOptions): Promise<JoinedNode> {
  const dataDir = resolveDataDir(options.dataDir)
  const start = Date.now()
  let begun: Promise<WalletOpening> | undefined
  const prepare = async (): Promise<typeof import('./become.ts')> => {
    begun ??= opening({ ...options, dataDir })
    // deriving the wallet's key takes as long as loading libp2p, which keeps this thread busy: the former goes first, beside it
    await begun.catch(() => {}) // it is told where the wallet is used
    return import('./become.ts')
  }
  for (;;) {
    options.signal?.throwIfAborted()
    const remote = await attachTo(dataDir, options.signal)
    if (remote !== undefined) {
      if (!isAbove(options.role, remote.greeting.role)) {
        await checkIdentity(dataDir, remote)
        return { ...remote, own: undefined }
      }
      await using _ = remote
      // what takes long is done before another process is asked to end its node
      await prepare()
      await (await begun)?.wallet
      await remote.api.handOver({ to: options.role }).catch(unlessGone)
    } else if (Date.now() - start >= (options.patience ?? 0)) {
      try {
        const { becomeNode } = await prepare()
        return await becomeNode({ ...options, ...(begun === undefined ? {} : { opening: begun }), dataDir })
      } catch (error) {
        if (!isTalosError(error, 'STORAGE_LOCKED')) throw error
      }
    }
    if (Date.now() - start > HANDOVER_TIMEOUT) {
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

/** What speaks to another process is loaded only where there is one. */
async function attachTo(dataDir: string, signal: AbortSignal | undefined): Promise<RemoteNode | undefined> {
  if ((await readEndpoint(dataDir)) === undefined) return undefined
  return (await import('./control/client.ts')).attach(dataDir, signal)
}

async function opening({ wallet, opening: begun, ...options }: JoinOptions): Promise<WalletOpening> {
  if (wallet === undefined) return begun ?? beginOpening(options)
  return { publicKey: (await wallet).identity.publicKey, wallet }
}

function unlessGone(error: unknown): void {
  if (!isTalosError(error, 'NODE_GONE')) throw error
}

/** A wallet that was replaced under a running node is not the one it speaks for. */
async function checkIdentity(dataDir: string, node: RemoteNode): Promise<void> {
  const { peerId, pid } = node.greeting
  const summary = await readWalletSummary({ dataDir })
  if (summary.peerId === peerId) return
  await node[Symbol.asyncDispose]()
  throw new TalosError(
    'NODE_OTHER_IDENTITY',
    `the node that runs here (process ${pid}) has another identity than the wallet`,
    {
      hint: 'The wallet was replaced while it ran: end it and start it again.'
    }
  )
}
