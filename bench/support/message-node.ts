import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { LocalChain } from '../../src/chain/index.ts'
import { crypto } from '../../src/crypto/index.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { createNode, type TalosNode } from '../../src/node/network/create-node.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { type Messaging, messaging } from '../../src/protocols/messaging/index.ts'
import { certifyAgreementKey, type LocalIdentity } from '../../src/protocols/ratchet/index.ts'
import { type Recorder, type Sessions, sessions } from '../../src/protocols/sessions/index.ts'

/** A bare libp2p stream: what the other side sends comes back (`e…`), or is counted and answered at the end (`s…`). */
const BARE_PROTOCOL = '/bench/bare/1.0.0'
const MAX_FRAME = 64 * 1024

export interface MessageNodeInit {
  /** Whom it sends to. */
  other?: { peer: string; address: string }
  /** Whether it records what happens in a chain of its own, as agents do. */
  records: boolean
}

/** A node with messaging on a new disk, and the bare protocol beside it. */
export async function startMessageNode({ other, records }: MessageNodeInit) {
  const folder = await mkdtemp(join(tmpdir(), 'talos-bench-'))
  const seed = randomBytes(32)
  const signing = crypto.ed25519.fromSeed(seed)
  const agreement = crypto.x25519.generate()
  const identity: LocalIdentity = {
    publicKey: signing.publicKey,
    sign: bytes => signing.sign(bytes),
    agreement,
    agreementCertificate: certifyAgreementKey(signing, agreement.publicKey)
  }
  const store = await DurableStore.open(join(folder, 'store'), randomBytes(32), crypto)
  const chain = records ? await LocalChain.open({ store, owner: signing, randomBytes: crypto.randomBytes }) : undefined
  const record: Recorder = async (transaction, entries) => {
    await chain?.appendAll(transaction, entries)
  }
  const node: TalosNode<{ sessions: Sessions; messaging: Messaging }> = await createNode({
    signer: signing,
    role: 'client',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    version: 'bench',
    services: {
      sessions: sessions({ identity, store, crypto, record, mayBegin: () => true }),
      messaging: messaging({
        identity,
        store,
        crypto,
        record,
        connect: async (peer, signal) => {
          const open = node.getConnections(peer)[0]
          if (open !== undefined) return open
          if (other === undefined) throw new Error('no address')
          return node.dial(multiaddr(other.address), { signal })
        }
      })
    }
  })
  await node.start()
  await node.handle(BARE_PROTOCOL, stream => void answerBare(stream))
  return {
    node,
    messaging: node.services.messaging,
    /** Resolves when what was recorded is in blocks: so that it is not done while something else is measured. */
    settle: async () => chain?.sealAll(),
    stop: async () => {
      await node.stop()
      await chain?.close()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

export async function openBare(
  node: Awaited<ReturnType<typeof startMessageNode>>['node'],
  address: string
): Promise<FrameStream> {
  const connection = await node.dial(multiaddr(address))
  return new FrameStream(await connection.newStream(BARE_PROTOCOL), { maxFrameLength: MAX_FRAME })
}

async function answerBare(stream: Stream): Promise<void> {
  const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME })
  for (let batch = await frames.readAll(); batch !== undefined; batch = await frames.readAll()) {
    for (const frame of batch) await frames.write(frame)
  }
  await frames.close()
}
