import { expect, test } from 'vitest'
import { archiveLocal, importArchive, pruneLocal } from '../../src/chain/index.ts'
import { localChain } from '../support/local-chain.ts'

type Agent = Awaited<ReturnType<typeof localChain>>

const call = (operation: string) => ({
  kind: 'INVOCATION' as const,
  operation,
  fields: [{ name: 'peer', value: 'bob' }]
})

/** Entries of the store that operations of series are found by. */
const rows = (agent: Agent) => agent.store.transact(transaction => transaction.keys('chain/q/'))

/** Two tunnels side by side, in blocks of ten records: all operations, in order. */
async function twoTunnels(agent: Agent): Promise<string[]> {
  const operations: string[] = []
  // numbers around 256, where one entry ends and the next begins; each request, and its end later
  for (let i = 250; i < 270; i++) {
    for (const tunnel of ['mcp/aa', 'mcp/aab']) {
      operations.push(`${tunnel}/${i}`)
      if (i > 251) operations.push(`${tunnel}/${i - 2}/end`)
    }
  }
  for (let at = 0; at < operations.length; at += 10) {
    for (const operation of operations.slice(at, at + 10)) await agent.append(call(operation))
    await agent.chain.sealAll()
  }
  return operations
}

async function requireAll(agent: Agent, operations: readonly string[]): Promise<void> {
  const found = await Promise.all(operations.map(operation => agent.chain.recordOf(operation)))
  expect(found.map(record => record?.sequence)).toEqual(operations.map((_, i) => i + 1))
}

test('operations of a series are found by few entries, before and after they have a block, and recorded once', async () => {
  const agent = await localChain()
  const operations = await twoTunnels(agent)
  await requireAll(agent, operations)
  // of each block one for each tunnel, and one more of each where 256 is passed
  const blocks = agent.chain.tip.height
  expect((await rows(agent)).length).toBeLessThanOrEqual(2 * blocks + 4)
  expect(await agent.append(call(operations[5]!))).toEqual({ sequence: 6, isNew: false })
  for (const unknown of ['mcp/aa/1', 'mcp/aa/256/en', 'mcp/a/256', 'mcp/aabb/256', 'mcp/aa', 'mcp/aa/', 'mcp/aa/x']) {
    expect(await agent.chain.recordOf(unknown)).toBeUndefined()
  }
  // names that are no numbers, and numbers that no tunnel reaches
  for (const odd of ['anchor/file/x', `mcp/aa/${'9'.repeat(200)}`, 'mcp//', '///']) {
    const { sequence } = await agent.append(call(odd))
    expect((await agent.chain.recordOf(odd))?.sequence).toBe(sequence)
    await agent.chain.sealAll()
    expect((await agent.chain.recordOf(odd))?.sequence).toBe(sequence)
    expect(await agent.append(call(odd))).toEqual({ sequence, isNew: false })
  }
})

test('an operation of a series that was erased is found no more, those beside it are', async () => {
  const agent = await localChain()
  const operations = await twoTunnels(agent)
  const [gone, ...others] = operations.splice(11, 3)
  await agent.chain.erase((await agent.chain.recordOf(gone!))!.id)
  expect(await agent.chain.recordOf(gone!)).toBeUndefined()
  for (const other of others) expect(await agent.chain.recordOf(other)).toBeDefined()
})

test('pruning leaves nothing of a series behind, and an archive brings it back', async () => {
  const agent = await localChain()
  const operations = await twoTunnels(agent)
  await agent.append(call('last'))
  await agent.chain.sealAll()
  const before = await rows(agent)
  const parts: Uint8Array[] = []
  for await (const part of archiveLocal(agent.chain)) parts.push(part)
  await pruneLocal(agent.chain, agent.chain.tip.height)
  expect(await rows(agent)).toEqual([])
  expect(await agent.chain.recordOf(operations[0]!)).toBeUndefined()
  await importArchive(
    agent.chain,
    (async function* () {
      yield Buffer.concat(parts)
    })()
  )
  expect(await rows(agent)).toEqual(before)
  await requireAll(agent, operations)
})
