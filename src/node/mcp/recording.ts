import { CallLog, type WriteCalls } from '../../protocols/mcp/records/call-log.ts'
import type { CallRecord } from '../../protocols/mcp/records/call-record.ts'
import { Denials } from '../../protocols/mcp/records/denials.ts'
import type { Recording } from '../../protocols/mcp/records/session-records.ts'
import type { NodeLink } from '../client/node-link.ts'
import type { NodeTunnels } from '../tunnels/types.ts'

/** What the tunnels of this process record, on its way to the chain of a node. */
export class NodeRecording implements Recording, AsyncDisposable {
  readonly log: CallLog
  readonly denials: Denials

  /** @param onFailure told when records fail to be written that could be before */
  private constructor(write: WriteCalls, onFailure: (error: Error) => void = () => {}) {
    this.log = new CallLog(write, onFailure)
    this.denials = new Denials(record => {
      if (!this.log.isFull) this.log.add(record, false)
    })
  }

  /** In the chain of the node of the data directory, whichever process that is. */
  static through(nodes: NodeLink, onFailure: (error: Error) => void): NodeRecording {
    return new NodeRecording(async (records: readonly CallRecord[]) => {
      let isRepeated = false
      await nodes.use(({ tunnels }) => {
        const written = tunnels.record(records, isRepeated)
        // a node that ends before it answers may have written them
        isRepeated = true
        return written
      })
    }, onFailure)
  }

  /** In the chain of the node of this process. */
  static into(tunnels: NodeTunnels): NodeRecording {
    return new NodeRecording(records => tunnels.record(records, false))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.denials.close()
    await this.log.close()
  }
}
