import type { AgentNode } from '../../agent-node.ts'
import type { AuditMethods } from './audit-api.ts'

/** The requests about the agent's own chain. What answers them is loaded with the first of them: no tunnel waits for it. */
export class AuditCalls implements AuditMethods {
  readonly #own: AgentNode
  #api: Promise<AuditMethods> | undefined

  constructor(node: AgentNode) {
    this.#own = node
  }

  readonly auditRecords: AuditMethods['auditRecords'] = async (...call) => (await this.#load()).auditRecords(...call)
  readonly auditRecord: AuditMethods['auditRecord'] = async (...call) => (await this.#load()).auditRecord(...call)
  readonly auditFollow: AuditMethods['auditFollow'] = async (...call) => (await this.#load()).auditFollow(...call)
  readonly auditProof: AuditMethods['auditProof'] = async (...call) => (await this.#load()).auditProof(...call)
  readonly auditRoot: AuditMethods['auditRoot'] = async (...call) => (await this.#load()).auditRoot(...call)
  readonly auditVerify: AuditMethods['auditVerify'] = async (...call) => (await this.#load()).auditVerify(...call)
  readonly auditAnchor: AuditMethods['auditAnchor'] = async (...call) => (await this.#load()).auditAnchor(...call)
  readonly auditReconcile: AuditMethods['auditReconcile'] = async (...call) =>
    (await this.#load()).auditReconcile(...call)
  readonly auditErase: AuditMethods['auditErase'] = async (...call) => (await this.#load()).auditErase(...call)
  readonly auditStatus: AuditMethods['auditStatus'] = async (...call) => (await this.#load()).auditStatus(...call)
  readonly auditBlocks: AuditMethods['auditBlocks'] = async (...call) => (await this.#load()).auditBlocks(...call)
  readonly auditBlock: AuditMethods['auditBlock'] = async (...call) => (await this.#load()).auditBlock(...call)
  readonly auditPrune: AuditMethods['auditPrune'] = async (...call) => (await this.#load()).auditPrune(...call)
  readonly auditArchive: AuditMethods['auditArchive'] = async (...call) => (await this.#load()).auditArchive(...call)
  readonly auditImport: AuditMethods['auditImport'] = async (...call) => (await this.#load()).auditImport(...call)

  async #load(): Promise<AuditMethods> {
    this.#api ??= import('./audit-api.ts').then(({ AuditApi }) => new AuditApi(this.#own))
    return this.#api
  }
}
