/**
 * The error codes that Talos itself answers with. Those of JSON-RPC keep their meaning; ours are positive, outside the
 * range that JSON-RPC and MCP reserve (-32768..-32000), and read like the HTTP status times ten.
 */
export const RPC_CODE = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  /** The message was longer than the limit; the connection lives on. */
  tooLarge: 4130,
  /** More requests in flight than the limit. */
  tooMany: 4290,
  /** The MCP server behind the tunnel crashed, could not be started, or answered with something that is not JSON-RPC. */
  serverFailed: 5020,
  /** The link to the other machine is lost or was refused. */
  unreachable: 5030,
  /** No answer within the time that one call may take. */
  timedOut: 5040,
  /** A side cannot record the request: its disk is full, say. */
  notRecorded: 5070
} as const

export interface RpcError {
  code: number
  /** One plain sentence for the model or person that reads it. */
  message: string
  /** For programs: `reason` is stable. */
  data?: { reason: string; [key: string]: unknown }
}

/**
 * One line that answers the request `id` with an error. `id` is the id's raw JSON as latin1 text (see Message.id), so that
 * what goes back are the very bytes that came; 'null' when no id is known.
 */
export function errorReply(id: string, error: RpcError): Uint8Array {
  return Buffer.concat([
    Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":`, 'latin1'),
    Buffer.from(`${JSON.stringify(error)}}`)
  ])
}

/** `notifications/cancelled` for the request `id` (raw JSON as latin1 text). */
export function cancelledNotification(id: string, reason: string): Uint8Array {
  return Buffer.concat([
    Buffer.from(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},`, 'latin1'),
    Buffer.from(`"reason":${JSON.stringify(reason)}}}`)
  ])
}

/** The answer to a request that cannot be taken on (PendingTable.add). */
export function notRegistered(why: 'duplicate' | 'full'): RpcError {
  return why === 'duplicate'
    ? {
        code: RPC_CODE.invalidRequest,
        message: 'an earlier request with this id is still in flight',
        data: { reason: 'duplicate-id' }
      }
    : { code: RPC_CODE.tooMany, message: 'too many requests in flight', data: { reason: 'too-many-in-flight' } }
}

/** What the asker is told when the answer to its request is not one that can be passed on. */
export function badAnswer(fault: { reason: string; error: RpcError }): RpcError {
  const code = fault.reason === 'too-large' ? RPC_CODE.tooLarge : RPC_CODE.serverFailed
  return { code, message: `the answer cannot be passed on: ${fault.error.message}`, data: { reason: fault.reason } }
}

/** What the agent gets instead of an answer, or before anything is done, when a request cannot be recorded. */
export function notRecorded(): RpcError {
  return {
    code: RPC_CODE.notRecorded,
    message: 'the host cannot record the request in its audit chain; whether it was carried out is not known',
    data: { reason: 'not-recorded' }
  }
}

/** The same when nothing was done. */
export function notCarriedOut(side: 'host' | 'agent'): RpcError {
  const whose = side === 'host' ? "the host's" : "this machine's"
  return {
    code: RPC_CODE.notRecorded,
    message: `the request cannot be recorded in ${whose} audit chain, and was not carried out`,
    data: { reason: 'not-recorded' }
  }
}
