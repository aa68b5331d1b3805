/** A JSON-RPC message as the MCP SDKs hand it over. Loose on purpose: v1 and v2 type it differently, and we only carry it. */
// biome-ignore lint/suspicious/noExplicitAny: must be assignable to and from both SDKs' own message types
export type JsonRpcMessage = any

/** The transport interface that the official MCP SDKs v1 (`@modelcontextprotocol/sdk`) and v2 have in common. */
export interface McpTransport {
  start(): Promise<void>
  send(message: JsonRpcMessage): Promise<void>
  close(): Promise<void>
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JsonRpcMessage) => void
  readonly sessionId?: string
}
