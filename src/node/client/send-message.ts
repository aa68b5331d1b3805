import { TalosError } from '../../errors.ts'
import type { OutgoingMessage } from '../../protocols/messaging/index.ts'
import { type SendOptions, TalosClient, type TalosClientOptions } from './talos-client.ts'

export interface SendMessageOptions extends Omit<TalosClientOptions, 'name' | 'role'>, Omit<SendOptions, 'waitFor'> {
  /** A name, PeerId, did:key or hex key. */
  peer: string
  content: string | Uint8Array
  /** Fail unless it is delivered within this time, in milliseconds. */
  wait?: number
  /** How long to try when no other process goes on trying, in milliseconds. */
  patience: number
}

/**
 * Sends one message, and says how far it came: through the node that runs, which goes on with it; else from a node that is
 * started for it and tries for a while. Throws as TalosClient.send(), MESSAGE_NOT_DELIVERED after `wait`, and the reason of a
 * message that failed.
 */
export async function sendMessage(options: SendMessageOptions): Promise<OutgoingMessage> {
  const { peer, content, wait, patience, contentType, expiresIn, signal, ...client } = options
  await using talos = await TalosClient.create({ ...client, role: 'client' })
  const queued = await talos.send(peer, content, {
    ...(contentType === undefined ? {} : { contentType }),
    ...(expiresIn === undefined ? {} : { expiresIn }),
    ...(signal === undefined ? {} : { signal })
  })
  const time = wait ?? ((await talos.isNode()) ? patience : 0)
  const reached =
    time === 0 ? queued : await waited(talos, queued, wait === undefined ? 'stored' : 'delivered', time, signal)
  if (reached.state === 'failed') throw new TalosError(reached.reason!.code, reached.reason!.message)
  if (wait !== undefined && reached.state !== 'delivered' && reached.state !== 'read') {
    throw new TalosError(
      'MESSAGE_NOT_DELIVERED',
      `the message is ${reached.state}, not delivered yet (${reached.id})`,
      {
        hint: 'It is kept and goes out as soon as the peer can be reached: talos history shows its state.'
      }
    )
  }
  return reached
}

/** The message when it has come that far, or as it is when the time is over. */
async function waited(
  talos: TalosClient,
  { id }: OutgoingMessage,
  state: 'stored' | 'delivered',
  time: number,
  signal: AbortSignal | undefined
): Promise<OutgoingMessage> {
  const timeout = AbortSignal.timeout(time)
  try {
    return await talos.waitFor(id, state, {
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout])
    })
  } catch (error) {
    if (!timeout.aborted || signal?.aborted === true) throw error
    return talos.call('outgoing', { id })
  }
}
