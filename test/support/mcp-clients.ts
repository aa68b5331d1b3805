import { Client as ClientV2, type ClientOptions as OptionsV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js'
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  type Result
} from '@modelcontextprotocol/sdk/types.js'
import { ANSWERS, type TourClient, tourOfEverything } from './everything-tour.ts'
import type { Program } from './live-process.ts'

export type Command = Program & { env: Record<string, string> }

const INFO = { name: 'tour', version: '1' }

function parameters({ file, args, env }: Command) {
  return { command: file, args: [...args], env, stderr: 'ignore' as const }
}

/** A client of the official SDK v1 with all capabilities, connected to what `command` starts. */
export async function clientV1(command: Command): Promise<ClientV1> {
  const requests = { sampling: { createMessage: {} }, elicitation: { create: {} } }
  const client = new ClientV1(INFO, {
    capabilities: {
      roots: { listChanged: true },
      sampling: {},
      elicitation: { form: {}, url: {} },
      tasks: { list: {}, cancel: {}, requests }
    },
    taskStore: new InMemoryTaskStore()
  })
  type Extra = Parameters<Parameters<typeof client.setRequestHandler<typeof CreateMessageRequestSchema>>[1]>[1]
  const answer = async (result: Result, asTask: boolean, extra: Extra): Promise<Result> => {
    if (!asTask || extra.taskStore === undefined) return result
    const task = await extra.taskStore.createTask({ ttl: 60_000 })
    await extra.taskStore.storeTaskResult(task.taskId, 'completed', result)
    return { task }
  }
  client.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [...ANSWERS.roots.roots] }))
  client.setRequestHandler(CreateMessageRequestSchema, (request, extra) =>
    answer(ANSWERS.sampling, request.params.task !== undefined, extra)
  )
  client.setRequestHandler(ElicitRequestSchema, (request, extra) => {
    const interpretation = { action: 'accept', content: { interpretation: 'snake' } }
    const researching = request.params.message.includes('research')
    return answer(researching ? interpretation : ANSWERS.elicitation, request.params.task !== undefined, extra)
  })
  await client.connect(new StdioV1(parameters(command)))
  return client
}

/** Calls a tool as a task and waits for its result. */
async function callAsTask(client: ClientV1, name: string, args: object): Promise<unknown> {
  const { task } = await client.request(
    { method: 'tools/call', params: { name, arguments: args as Record<string, unknown>, task: { ttl: 60_000 } } },
    CreateTaskResultSchema
  )
  return client.experimental.tasks.getTaskResult(task.taskId, CallToolResultSchema)
}

/** A client of the official SDK v2. */
export async function clientV2(command: Command, options: OptionsV2 = {}): Promise<ClientV2> {
  const client = new ClientV2(INFO, {
    capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } },
    ...options
  })
  client.setRequestHandler('roots/list', () => ({ roots: [...ANSWERS.roots.roots] }))
  client.setRequestHandler('sampling/createMessage', () => ANSWERS.sampling)
  client.setRequestHandler('elicitation/create', () => ANSWERS.elicitation)
  await client.connect(new StdioV2(parameters(command)))
  return client
}

/** The tour sees both SDKs alike, but for callTool. */
export function tourWith(client: ClientV1 | ClientV2): Promise<Record<string, unknown>> {
  const tourist = client as unknown as TourClient
  if (client instanceof ClientV2)
    return tourOfEverything(tourist, (params, options) => tourist.callTool(params, options))
  return tourOfEverything(
    tourist,
    (params, options) => tourist.callTool(params, undefined, options),
    (name, args) => callAsTask(client, name, args)
  )
}
