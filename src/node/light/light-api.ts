import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connection } from '@libp2p/interface'
import { toHex } from '../../chain/bytes.ts'
import { formatEvidence } from '../../chain/evidence.ts'
import { kindName } from '../../chain/index.ts'
import type { TwoHistories } from '../../chain/light/followed.ts'
import type { LightProof } from '../../chain/light/light-chain.ts'
import type { PolicyWitness } from '../../chain/policy.ts'
import { peerIdOf } from '../../crypto/peer-key.ts'
import { TalosError } from '../../errors.ts'
import type { AgentNode } from '../agent-node.ts'
import { ChainApi } from '../chain/chain-api.ts'
import type { LIGHT_METHODS, LightResults } from '../control/light-methods.ts'
import type { CallContext } from '../control/methods.ts'
import { writeOutputFile } from '../output-file.ts'
import { connectWitness } from '../witness/connect-witness.ts'
import { readPolicy } from '../witness/policy-file.ts'
import { followChain } from './followed-chains.ts'
import { formatLightProof, parseLightProof } from './proof-text.ts'
import type { LightCheckpoint, LightRecord, LightStatus } from './types.ts'

const NEVER = new AbortController().signal

type Params<Name extends keyof LightResults> = import('zod/mini').output<(typeof LIGHT_METHODS)[Name]>
type LightMethods = {
  [Name in keyof LightResults]: (params: Params<Name>, context?: CallContext) => Promise<LightResults[Name]>
}

/** What the commands and the SDK ask of the light client, done by the node in this process. */
export class LightApi extends ChainApi implements LightMethods {
  readonly #node: AgentNode

  constructor(node: AgentNode) {
    super(node)
    this.#node = node
  }

  async lightStatus({ network }: Params<'lightStatus'>): Promise<LightStatus> {
    return (await this.#node.services.light.of(network)).status()
  }

  async lightSync(
    { network, peers, consent = false }: Params<'lightSync'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<LightStatus> {
    return (await this.#node.services.light.of(network, peers)).sync(signal, consent)
  }

  async lightProof(
    { network, peers, record }: Params<'lightProof'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<LightRecord & { proof: string }> {
    const light = await this.#node.services.light.of(network, peers)
    const { bytes, verified } = await light.prove(new Uint8Array(Buffer.from(record, 'hex')), signal)
    return { ...recordOf(verified), proof: formatLightProof(bytes) }
  }

  async lightCheckpoint(
    { chain, policy: file }: Params<'lightCheckpoint'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<LightCheckpoint> {
    const { dataDir, config, store } = this.#node
    const policy = await readPolicy(dataDir, file === undefined ? config.witness : { policy: file })
    if (policy === undefined) {
      throw new TalosError('WITNESS_POLICY_MISSING', 'no policy says which witnesses count', {
        hint: 'Name its file: --witness-policy, or witness.policy in the configuration.'
      })
    }
    const connect = (witness: PolicyWitness, stop: AbortSignal): Promise<Connection> =>
      connectWitness(this.#node, witness, stop)
    const id = chainIdOf(chain)
    const convict = async ({ size, evidence }: TwoHistories): Promise<string> => {
      this.#node.services.onEvidence(evidence)
      const folder = join(dataDir, 'evidence')
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const path = join(folder, `${toHex(id)}-${size}.txt`)
      await writeOutputFile(path, formatEvidence(evidence))
      return path
    }
    return followChain(id, { store, policy, connect, convict }, signal)
  }

  async lightVerify({ network, proof }: Params<'lightVerify'>): Promise<LightRecord> {
    return recordOf((await this.#node.services.light.of(network)).verify(parseLightProof(proof)))
  }
}

/** Throws USAGE_INVALID. */
function chainIdOf(text: string): Uint8Array {
  const id = /^[0-9a-f]{64}$/i.test(text)
    ? Buffer.from(text, 'hex')
    : Buffer.from(text.replace(/^talos\//, ''), 'base64url')
  if (id.length === 32) return new Uint8Array(id)
  throw new TalosError('USAGE_INVALID', `${JSON.stringify(text)} is not what a chain is called`, {
    hint: 'talos/ and 43 characters, as "talos audit root" prints it, or 64 hexadecimal digits.'
  })
}

function recordOf({ id, record, height, blockHash, confirmations, opened }: LightProof): LightRecord {
  return {
    record: toHex(id),
    kind: kindName(record.kind)!,
    author: peerIdOf(record.author),
    sequence: record.sequence,
    time: record.time,
    height,
    blockHash: toHex(blockHash),
    confirmations,
    fields: opened.map(({ name, value }) => ({ name, value }))
  }
}
