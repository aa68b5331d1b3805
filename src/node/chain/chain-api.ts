import { decodeBody, decodeHeader, SIGNED_HEADER_LENGTH } from '../../chain/block.ts'
import { toHex } from '../../chain/bytes.ts'
import { formatEvidence, parseEvidence, verifyEvidence } from '../../chain/evidence.ts'
import { decodeRecord, kindName, recordId } from '../../chain/record.ts'
import type { ForkNode } from '../../chain/shared/fork-tree.ts'
import { claimIn } from '../../chain/validation/claims.ts'
import { peerIdOf, publicKeyOf } from '../../crypto/peer-key.ts'
import { TalosError } from '../../errors.ts'
import type { AgentNode } from '../agent-node.ts'
import { AuditCalls } from '../audit/read/audit-calls.ts'
import type { CHAIN_METHODS, ChainResults } from '../control/chain-methods.ts'
import type { CallContext } from '../control/methods.ts'
import { formatLightProof } from '../light/proof-text.ts'
import { resolveAt } from '../resolve-peer.ts'
import type { Claims } from './claims.ts'
import type { NetworkChain } from './network-chain.ts'
import type { ClaimReport, Conviction, NetworkBlock, NetworkRecord, NetworkStatus, OpenedRecord } from './types.ts'

const NEVER = new AbortController().signal

type Params<Name extends keyof ChainResults> = import('zod/mini').output<(typeof CHAIN_METHODS)[Name]>
type ChainMethods = {
  [Name in keyof ChainResults]: (params: Params<Name>, context?: CallContext) => Promise<ChainResults[Name]>
}

/** What the commands and the SDK ask about the chain that is shared, done by the node in this process. */
export class ChainApi extends AuditCalls implements ChainMethods {
  readonly #node: AgentNode

  constructor(node: AgentNode) {
    super(node)
    this.#node = node
  }

  async chainNetwork(): Promise<NetworkStatus | null> {
    const running = this.#node.services.network
    return running === undefined ? null : statusOf(running)
  }

  async chainSync({ consent }: Params<'chainSync'>): Promise<NetworkStatus> {
    const running = this.#running()
    if (consent === undefined) await running.chain.sync()
    else await running.chain.consent(new Uint8Array(Buffer.from(consent, 'hex')))
    return statusOf(running)
  }

  async chainMine(_: Params<'chainMine'>, { signal = NEVER }: CallContext = {}): Promise<NetworkStatus> {
    const running = this.#running()
    if (!running.chain.status().admitted) {
      throw new TalosError('CHAIN_NOT_ADMITTED', 'this identity may not make blocks of the shared chain')
    }
    await running.chain.mine(signal)
    return statusOf(running)
  }

  async chainCheckpoint(): Promise<ClaimReport> {
    return this.#running().claims.write()
  }

  async chainBlocks({ to, limit }: Params<'chainBlocks'>): Promise<NetworkBlock[]> {
    const { tree, tip } = this.#running().chain.shared
    const blocks: NetworkBlock[] = []
    for (let height = Math.min(to ?? tip.height, tip.height); height >= 0 && blocks.length < limit; height--) {
      blocks.push(blockOf(tree.at(height)!))
    }
    return blocks
  }

  async chainBlock({ block: which }: Params<'chainBlock'>): Promise<ChainResults['chainBlock']> {
    const { chain } = this.#running()
    const { shared } = chain
    const found = /^(0|[1-9][0-9]{0,9})$/.test(which)
      ? [shared.tree.at(Number(which))]
      : /^[0-9a-f]{4,64}$/.test(which)
        ? await chain.blocksThatBegin(which)
        : []
    const [node, other] = found
    if (node === undefined) {
      throw new TalosError('CHAIN_BLOCK_UNKNOWN', `the shared chain has no block ${which}`, {
        hint: 'Give a height, a hash, or the first digits of that (four or more).'
      })
    }
    if (other !== undefined) {
      throw new TalosError('CHAIN_BLOCK_AMBIGUOUS', `several blocks of the shared chain begin with ${which}`, {
        hint: `More digits, such as ${toHex(node.hash)}, or its height.`
      })
    }
    return { ...blockOf(node), entries: entriesOf(shared.tree.block(node)) }
  }

  async chainPublish({ kind, fields }: Params<'chainPublish'>): Promise<{ record: string }> {
    const { id } = await this.#running().chain.write(kind, [], fields)
    return { record: toHex(id) }
  }

  async chainOpen({ record, fields }: Params<'chainOpen'>): Promise<OpenedRecord> {
    const id = new Uint8Array(Buffer.from(record, 'hex'))
    const { proof, opened } = await this.#running().chain.open(id, fields)
    return { record, proof: formatLightProof(proof), fields: opened }
  }

  async chainEvidence({ author }: Params<'chainEvidence'>, { signal }: CallContext = {}): Promise<Conviction[]> {
    const { convictions } = this.#running().chain
    if (author === undefined) return convictions.all().map(evidence => convictionOf(evidence))
    const peer = String(await resolveAt(this.#node, author, signal))
    const evidence = convictions.of(publicKeyOf(peer)!)
    if (evidence === undefined) {
      throw new TalosError('CHAIN_EVIDENCE_NONE', `nothing is known here against ${author}`, {
        hint: 'talos chain evidence lists the authors that were caught.'
      })
    }
    return [{ ...convictionOf(evidence), evidence: formatEvidence(evidence) }]
  }

  async chainConvict({ evidence: text }: Params<'chainConvict'>): Promise<Conviction & { isNew: boolean }> {
    const { convictions } = this.#running().chain
    const evidence = parseEvidence(text)
    if (evidence === undefined) {
      throw new TalosError('CHAIN_EVIDENCE_INVALID', 'this is no evidence of two histories', {
        hint: 'Is it the whole file, unchanged?'
      })
    }
    const conviction = convictionOf(evidence)
    const verdict = await convictions.take(evidence)
    if (verdict !== 'reject') return { ...conviction, isNew: verdict === 'accept' }
    throw new TalosError(
      'CHAIN_EVIDENCE_FOREIGN',
      `this convicts ${conviction.peerId}, who does not write into the shared chain`,
      {
        hint: 'It holds all the same: hand it to those who share a chain with that agent, or are witnesses of it.'
      }
    )
  }

  #running(): { chain: NetworkChain; claims: Claims } {
    const { network } = this.#node.services
    if (network !== undefined) return network
    throw new TalosError('CHAIN_NO_NETWORK', 'the node that runs here shares no chain with others', {
      hint: 'Start it with the file of the network: talos daemon --network <file>'
    })
  }
}

function statusOf({ chain, claims }: { chain: NetworkChain; claims: Claims }): NetworkStatus {
  const { last } = claims
  return { ...chain.status(), ...(last === undefined ? {} : { claimed: { size: last.size, root: toHex(last.root) } }) }
}

function convictionOf(evidence: Uint8Array): Conviction {
  const { what, culprit, origin, place } = verifyEvidence(evidence)
  return { peerId: peerIdOf(culprit), what, origin, place }
}

function blockOf({ signedHeader, hash, height }: ForkNode): NetworkBlock {
  const { previous, time, producer, recordCount, bodyLength } = decodeHeader(signedHeader)
  return {
    height,
    hash: toHex(hash),
    previous: toHex(previous),
    time,
    producer: height === 0 ? '' : peerIdOf(producer),
    records: recordCount,
    bytes: SIGNED_HEADER_LENGTH + bodyLength
  }
}

function entriesOf(block: Uint8Array | undefined): NetworkRecord[] {
  if (block === undefined) return []
  return decodeBody(block.subarray(SIGNED_HEADER_LENGTH), decodeHeader(block)).map(({ record: bytes }) => {
    const record = decodeRecord(bytes)
    const claim = claimIn(record)
    return {
      id: toHex(recordId(bytes)),
      kind: kindName(record.kind)!,
      author: peerIdOf(record.author),
      sequence: record.sequence,
      time: record.time,
      ...(claim === undefined
        ? {}
        : { claim: { chainId: toHex(claim.chain), size: claim.size, root: toHex(claim.root) } })
    }
  })
}
