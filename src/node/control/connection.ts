import type { Socket } from 'node:net'
import {
  type CancellationToken,
  CancellationTokenSource,
  ConnectionError,
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter
} from 'vscode-jsonrpc/node'
import { isTalosError, TalosError } from '../../errors.ts'

/** JSON-RPC's range for what an application defines; the code itself is in `data`. */
const TALOS_ERROR = -32000

interface ErrorData {
  code: string
  hint?: string
}

/** JSON-RPC 2.0 over a stream, with the framing of the Language Server Protocol and its `$/cancelRequest`. */
export function connectionOver(socket: Socket): MessageConnection {
  const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket))
  connection.onError(() => socket.destroy())
  connection.onClose(() => connection.dispose())
  return connection
}

/** Calls a method of the other side. Throws its TalosError, NODE_GONE when the connection ends first, the signal's reason. */
export async function callMethod(
  connection: MessageConnection,
  method: string,
  params: unknown,
  signal?: AbortSignal
): Promise<unknown> {
  signal?.throwIfAborted()
  const cancel = new CancellationTokenSource()
  const gone = Promise.withResolvers<never>()
  const closed = connection.onClose(() => gone.reject(nodeGone()))
  const onAbort = (): void => {
    cancel.cancel()
    gone.reject(signal!.reason)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const answer = connection.sendRequest<unknown>(method, toJson(params), cancel.token)
    answer.catch(() => {})
    return fromJson(await Promise.race([answer, gone.promise]))
  } catch (error) {
    signal?.throwIfAborted()
    throw asTalosError(error)
  } finally {
    closed.dispose()
    signal?.removeEventListener('abort', onAbort)
    cancel.dispose()
  }
}

export type MethodHandler = (params: unknown, signal: AbortSignal) => Promise<unknown>

/** Answers a method; what the handler throws goes to the caller as code, message and hint. Throws NODE_GONE when the connection has ended. */
export function answerMethod(connection: MessageConnection, method: string, handler: MethodHandler): void {
  const answer = async (params: unknown, token: CancellationToken): Promise<unknown> => {
    const controller = new AbortController()
    const stop = (): void => controller.abort(new TalosError('INTERRUPTED', 'the caller has given up'))
    const subscriptions = [token.onCancellationRequested(stop), connection.onClose(stop)]
    try {
      return toJson((await handler(fromJson(params), controller.signal)) ?? null)
    } catch (error) {
      return responseOf(error)
    } finally {
      for (const subscription of subscriptions) subscription.dispose()
    }
  }
  unlessGone(() => connection.onRequest(method, answer))
}

/** Hears what the other side tells under this name. Throws NODE_GONE when the connection has ended. */
export function hear<Told>(connection: MessageConnection, name: string, listener: (told: Told) => void): void {
  unlessGone(() => connection.onNotification(name, listener))
}

/** Tells the other side, if it is still there. */
export function tell(connection: MessageConnection, name: string, what: object): void {
  try {
    void connection.sendNotification(name, what).catch(() => {})
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
  }
}

/** A connection that has ended takes no handlers. */
function unlessGone(register: () => void): void {
  try {
    register()
  } catch (error) {
    throw error instanceof ConnectionError ? nodeGone(error) : error
  }
}

function responseOf(error: unknown): ResponseError<ErrorData> {
  const known = isTalosError(error) ? error : new TalosError('INTERNAL', (error as Error).message)
  return new ResponseError(TALOS_ERROR, known.message, {
    code: known.code,
    ...(known.hint === undefined ? {} : { hint: known.hint })
  })
}

function asTalosError(error: unknown): TalosError {
  if (!(error instanceof ResponseError)) return isTalosError(error) ? error : nodeGone(error)
  const data = error.data as Partial<ErrorData> | undefined
  if (error.code === TALOS_ERROR && data?.code !== undefined) {
    return new TalosError(data.code, error.message, data.hint === undefined ? {} : { hint: data.hint })
  }
  if (error.code === ErrorCodes.MethodNotFound) {
    return new TalosError('NODE_VERSION', 'the node that runs here does not know this request', {
      hint: 'It is of another version of Talos: end it and start it again.'
    })
  }
  if (error.code === ErrorCodes.InternalError || error.code === ErrorCodes.ParseError) {
    return new TalosError('INTERNAL', `the node could not answer: ${error.message}`, { cause: error })
  }
  return nodeGone(error)
}

export function nodeGone(cause?: unknown): TalosError {
  return new TalosError('NODE_GONE', 'the node that ran here has ended', { hint: 'Try again.', cause })
}

/** JSON has no bytes: they travel as `{"$base64": "…"}`. */
export function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toJson(member)]))
}

export function fromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJson)
  if (typeof value !== 'object' || value === null) return value
  const { $base64 } = value as { $base64?: unknown }
  if (typeof $base64 === 'string') return new Uint8Array(Buffer.from($base64, 'base64'))
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fromJson(member)]))
}
