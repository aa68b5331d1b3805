/** The part of the SDK clients (v1 and v2 alike) that the tour uses. */
export interface TourClient {
  fallbackNotificationHandler?: ((notification: { method: string; params?: unknown }) => Promise<void>) | undefined
  getServerVersion(): unknown
  getServerCapabilities(): unknown
  getInstructions(): string | undefined
  ping(): Promise<unknown>
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(params: object, ...rest: unknown[]): Promise<unknown>
  listResources(): Promise<{ resources: { uri: string }[] }>
  listResourceTemplates(): Promise<unknown>
  readResource(params: { uri: string }): Promise<{ contents: { uri: string; blob?: string }[] }>
  subscribeResource(params: { uri: string }): Promise<unknown>
  unsubscribeResource(params: { uri: string }): Promise<unknown>
  listPrompts(): Promise<{ prompts: { name: string }[] }>
  getPrompt(params: object): Promise<unknown>
  complete(params: object): Promise<unknown>
  setLoggingLevel(level: 'debug'): Promise<unknown>
  sendRootsListChanged(): Promise<void>
}

/** What the client answers when the server asks. */
export const ANSWERS = {
  roots: { roots: [{ uri: 'file:///tmp/tour', name: 'tour' }] },
  sampling: { role: 'assistant', model: 'none', content: { type: 'text', text: 'a sample, 12345678901234567890' } },
  elicitation: { action: 'accept', content: { name: 'Ada Łovelace', check: true, integer: 7 } }
} as const

/** An argument list for every tool of server-everything; a tool without one fails the tour. */
const ARGUMENTS: Record<string, object> = {
  echo: { message: 'héllo 😀\u2028\n"\\' },
  'get-annotated-message': { messageType: 'error', includeImage: true },
  'get-env': {},
  'get-resource-links': { count: 3 },
  'get-resource-reference': { resourceType: 'Blob', resourceId: 2 },
  'get-structured-content': { location: 'New York' },
  'get-sum': { a: 2, b: 40 },
  'get-tiny-image': {},
  'gzip-file-as-resource': { name: 'tour.gz', data: 'data:text/plain;base64,aGVsbG8=', outputType: 'resourceLink' },
  'toggle-simulated-logging': {},
  'toggle-subscriber-updates': {},
  'trigger-long-running-operation': { duration: 0.2, steps: 4 },
  'get-roots-list': {},
  'trigger-elicitation-request': {},
  'trigger-url-elicitation': { url: 'https://example.org/go', elicitationId: 'e1' },
  'trigger-sampling-request': { prompt: 'sing', maxTokens: 10 },
  'trigger-sampling-request-async': { prompt: 'sing later', maxTokens: 10 },
  'trigger-elicitation-request-async': {},
  'simulate-research-query': { topic: 'python', ambiguous: true }
}

const PROMPTS: Record<string, object> = {
  'args-prompt': { city: 'Łódź', state: 'PL' },
  'completable-prompt': { department: 'Sales', name: 'Eve' },
  'resource-prompt': { resourceType: 'Text', resourceId: '3' }
}

const WATCHED = 'demo://resource/dynamic/text/1'

/**
 * Uses all that server-everything offers: every tool, resource and prompt, completion, progress, cancellation, logging,
 * subscriptions, and requests back to the client. The result holds all that was seen, without times and random ids, so that
 * two tours can be compared. `call` is callTool with options, `tasks` runs the tool that answers only as a task.
 */
export async function tourOfEverything(
  client: TourClient,
  call: Call,
  tasks?: (name: string, args: object) => Promise<unknown>
): Promise<Record<string, unknown>> {
  const told = new Notifications()
  client.fallbackNotificationHandler = async notification => told.add(notification)

  const { tools } = await client.listTools()
  const { resources } = await client.listResources()
  const { prompts } = await client.listPrompts()
  await client.setLoggingLevel('debug')
  await client.subscribeResource({ uri: WATCHED })
  const callTool = async ({ name }: { name: string }) => {
    const args = ARGUMENTS[name]
    if (args === undefined) throw new Error(`the tour has no arguments for ${name}`)
    if (name === 'simulate-research-query') return tasks?.(name, args)
    return client.callTool({ name, arguments: args })
  }
  const named = async <T extends { name: string }>(list: T[], use: (item: T) => Promise<unknown>) =>
    Object.fromEntries(await Promise.all(list.map(async item => [item.name, await use(item)])))

  const seen = {
    server: [client.getServerVersion(), client.getServerCapabilities(), client.getInstructions()],
    ping: await client.ping(),
    tools,
    resources,
    prompts,
    templates: await client.listResourceTemplates(),
    toolResults: await named(tools, callTool),
    read: await Promise.all(
      [...resources.map(({ uri }) => uri), WATCHED, 'demo://resource/dynamic/blob/2'].map(async uri => {
        const { contents } = await client.readResource({ uri })
        return contents.map(content => ({ ...content, blob: Buffer.from(content.blob ?? '', 'base64').toString() }))
      })
    ),
    missing: await failure(client.readResource({ uri: 'demo://resource/dynamic/text/none' })),
    promptResults: await named(prompts, ({ name }) => client.getPrompt({ name, arguments: PROMPTS[name] ?? {} })),
    badPrompt: await failure(client.getPrompt({ name: 'args-prompt', arguments: {} })),
    completion: await client.complete({
      ref: { type: 'ref/prompt', name: 'completable-prompt' },
      argument: { name: 'department', value: 'S' }
    }),
    unknownTool: await client.callTool({ name: 'no-such-tool', arguments: {} }).catch(messageOf),
    badArguments: await client.callTool({ name: 'get-sum', arguments: { a: 'x' } }).catch(messageOf),
    progress: await progressOf(call),
    cancelled: await cancelledCall(call),
    afterwards: await client.callTool({ name: 'echo', arguments: { message: 'still here' } })
  }
  await told.heard('notifications/resources/updated')
  await told.heard('notifications/resources/list_changed')
  await told.heard('notifications/tools/list_changed')
  await told.heard('notifications/message')
  await client.unsubscribeResource({ uri: WATCHED })
  await client.sendRootsListChanged()
  return withoutChance({ ...seen, told: told.kinds() })
}

type Call = (params: object, options: object) => Promise<unknown>

async function progressOf(call: Call): Promise<unknown> {
  const steps: unknown[] = []
  const params = { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 4 } }
  const result = await call(params, { onprogress: (progress: unknown) => steps.push(progress) })
  // the SDKs lose the last step when it comes together with the result
  return { steps: steps.slice(0, 3), result }
}

/** Cancelled at its first sign of progress, a long time before it would be done. */
async function cancelledCall(call: Call): Promise<string> {
  const cancel = new AbortController()
  const params = { name: 'trigger-long-running-operation', arguments: { duration: 60, steps: 600 } }
  return failure(call(params, { signal: cancel.signal, onprogress: () => cancel.abort('no more') }))
}

const messageOf = (error: Error): string => error.message

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(result => `no failure: ${JSON.stringify(result)}`, messageOf)
}

class Notifications {
  readonly #all: { method: string; params?: unknown }[] = []
  readonly #waiting = new Map<string, () => void>()

  add(notification: { method: string; params?: unknown }): void {
    this.#all.push(notification)
    this.#waiting.get(notification.method)?.()
  }

  async heard(method: string): Promise<void> {
    if (this.#all.some(one => one.method === method)) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${method} came`)), 10_000)
      this.#waiting.set(method, () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Each kind once: some repeat every five seconds. */
  kinds(): string[] {
    const texts = this.#all.map(({ method, params }) => withoutChanceText(JSON.stringify({ method, params })))
    return [...new Set(texts.filter(text => !text.includes('evel')))].toSorted()
  }
}

function withoutChance(seen: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(withoutChanceText(JSON.stringify(seen))) as Record<string, unknown>
}

function withoutChanceText(text: string): string {
  return text
    .replaceAll(/\d{1,2}:\d\d:\d\d(?:\s|\\u202f| )?[AP]M/g, 'TIME')
    .replaceAll(/\d{4}-\d\d-\d\dT[0-9:.]+Z/g, 'TIME')
    .replaceAll(/\b[0-9a-f]{32}\b/g, 'TASK')
    .replaceAll(/"blob":"[A-Za-z0-9+/=]{60,}"/g, '"blob":"BASE64 OF A TIME"')
}
