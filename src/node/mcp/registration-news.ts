import type { RegistrationState } from '../directory/keep-registered.ts'

/** What a server has of a host that serves. */
export type RegistrationEvent =
  /** `mailboxes`: addresses where messages for this node may be left while it is away. */
  | { type: 'registered'; server: string; name: string; mailboxes: number }
  | { type: 'not-registered'; server: string; reason: string }

/** Tells what is new: a state is reported once, not with each refresh and not with each failed attempt. */
export function registrationNews(tell: (event: RegistrationEvent) => void): (state: RegistrationState) => void {
  const told = new Map<string, string>()
  return ({ server, name, mailboxes, error }) => {
    const event = eventOf(server.peerId, name, mailboxes ?? 0, error)
    const text = JSON.stringify(event)
    if (event === undefined || told.get(server.peerId) === text) return
    told.set(server.peerId, text)
    tell(event)
  }
}

function eventOf(
  server: string,
  name: string | undefined,
  mailboxes: number,
  error: Error | undefined
): RegistrationEvent | undefined {
  if (error !== undefined) return { type: 'not-registered', server, reason: error.message }
  return name === undefined ? undefined : { type: 'registered', server, name, mailboxes }
}
