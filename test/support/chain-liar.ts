import type { Connection, Stream } from '@libp2p/interface'
import { blockHash, decodeHeader, encodeBlock, encodeHeader, sealBlock } from '../../src/chain/block.ts'
import { searchNonce } from '../../src/chain/miner.ts'
import type { Chain } from '../../src/chain/params.ts'
import { propose } from '../../src/chain/shared/propose.ts'
import { ChainState } from '../../src/chain/validation/state.ts'
import { decodeRequest, encodeAnswer, encodeStatus, own } from '../../src/protocols/chain/codec.ts'
import { CHAIN_PROTOCOL, ChainLink } from '../../src/protocols/chain/index.ts'
import { Response } from '../../src/protocols/chain/pb/chain.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import type { ChainPeer } from './chain-node.ts'
import { authors, entryOf } from './shared-chain.ts'

export const LIES = [
  'false work',
  'low work',
  'no proof of work',
  'time warp',
  'stalls',
  'oversize',
  'unsolicited',
  'another body',
  'an invalid block'
] as const
export type Lie = (typeof LIES)[number]

/** A block after the genesis block or the one that `state` ends with, as wrong as it is wanted. */
export function forge(
  chain: Chain,
  state: ChainState,
  by: number,
  changes: { time?: number; unmined?: boolean; broken?: boolean } = {}
) {
  const author = authors[by]!
  const head = state.headOf(author.publicKey, 50) ?? { sequence: 0, id: new Uint8Array(32) }
  const entry = entryOf(chain, by, changes.broken === true ? { ...head, sequence: head.sequence + 1 } : head, 50)
  const { header, body } = propose(chain, state, [entry], author.publicKey, changes.time ?? state.previousTime + 1)
  const bits = chain.params.bits
  let nonce = searchNonce(header, bits, 0, 1e7)!
  if (changes.unmined === true) while (searchNonce(header, bits, nonce, 1) !== undefined) nonce++
  const mined = encodeHeader({ ...decodeHeader(header), nonce })
  const hash = blockHash(mined)
  const block = encodeBlock(mined, sealBlock(author, hash), body)
  state.advance({ header: decodeHeader(mined), signedHeader: block.subarray(0, 228), hash, entries: [entry] })
  return block
}

/** A node that is connected to others and lies to them, as a writer of the network whose key is in the list. */
export async function startLiar(peer: ChainPeer, chain: Chain, by: number, lies: readonly Lie[]) {
  let said = 0
  const forged = (changes?: Parameters<typeof forge>[3], count = 3): Uint8Array[] => {
    const state = new ChainState(chain)
    return Array.from({ length: count }, () => forge(chain, state, by, changes))
  }
  const honest = forged(undefined, 60)
  const blocksOf: Record<Lie, Uint8Array[]> = {
    'false work': [],
    'low work': honest.slice(0, 2),
    'no proof of work': forged({ unmined: true }),
    'time warp': forged({ time: Date.now() + 3_600_000 }),
    stalls: honest,
    oversize: honest,
    unsolicited: honest,
    'another body': honest,
    'an invalid block': [...honest.slice(0, 40), ...forged({ broken: true }, 60).slice(40)]
  }
  const status = {
    genesis: chain.genesisHash,
    tip: new Uint8Array(32).fill(by),
    height: 1_000,
    work: 2n ** 200n,
    bodiesFrom: 1
  }

  async function serve(stream: Stream, _: Connection): Promise<void> {
    const frames = new FrameStream(stream, { maxFrameLength: 1_000_000 })
    const lie = lies[said++ % lies.length]!
    try {
      for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) {
        const request = decodeRequest(frame)
        const blocks = blocksOf[lie]
        if (request.kind === 'status') {
          await frames.write(encodeAnswer({ status: 'ok', chainStatus: encodeStatus(status) }))
        } else if (lie === 'oversize') {
          stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0x7f))
        } else if (request.kind === 'headers') {
          const headers = own(Buffer.concat(blocks.map(block => block.subarray(0, 228))))
          await frames.write(encodeAnswer({ status: 'ok', headers: { height: 1, headers } }))
        } else if (request.kind === 'records') {
          await frames.write(
            encodeAnswer({ status: 'ok', records: { records: [], next: new Uint8Array(), evidence: [] } })
          )
        } else if (request.kind === 'blocks' && lie !== 'stalls') {
          const found = request.hashes.map(hash => blocks.find(block => Buffer.compare(blockHash(block), hash) === 0)!)
          const whole = own(Buffer.concat(lie === 'unsolicited' ? [...found, honest[0]!] : found))
          if (lie === 'another body') whole.fill(7, 240, 260)
          await frames.write(
            Response.encode({ status: 0, message: '', retryAfter: 0, proof: new Uint8Array(), blocks: { data: whole } })
          )
        }
      }
    } catch {
      // whoever was lied to hung up
    }
  }
  await peer.libp2p.handle(CHAIN_PROTOCOL, serve, { maxInboundStreams: 100, force: true })
  return {
    /** How often somebody listened. */
    said: () => said,
    /** Tells whoever is connected of a chain that is better than any. */
    async tell(): Promise<void> {
      for (const connection of peer.libp2p.getConnections()) {
        const link = await ChainLink.open(connection, chain.id, AbortSignal.timeout(5_000)).catch(() => undefined)
        await link
          ?.status({ ...status, tip: new Uint8Array(32).fill(++said % 256) }, AbortSignal.timeout(5_000))
          .catch(() => {})
      }
    },
    /** What is told to everybody at once. */
    async gossip(): Promise<void> {
      const topic = `/talos/chain/${Buffer.from(chain.id).toString('hex')}`
      const channel = peer.libp2p.services.broadcasts.channel(`${topic}/block/1`, async () => 'ignore')
      const records = peer.libp2p.services.broadcasts.channel(`${topic}/record/1`, async () => 'ignore')
      const warped = forged({ time: Date.now() + 3_600_000 })[0]!
      const unmined = forged({ unmined: true })[0]!
      for (const data of [
        unmined.slice(0, 228),
        warped.slice(0, 228),
        honest[0]!.slice(0, 228),
        new Uint8Array(228),
        new Uint8Array(9)
      ]) {
        await channel.publish(data)
      }
      await records.publish(new Uint8Array(300))
      await records.publish(new Uint8Array(20))
    }
  }
}
