import { describe, expect, test } from 'vitest'
import { CallLog } from '../../src/protocols/mcp/records/call-log.ts'
import type { CallRecord, DenialRecord } from '../../src/protocols/mcp/records/call-record.ts'
import { Denials } from '../../src/protocols/mcp/records/denials.ts'
import { script, TestTunnel } from '../support/mcp-tunnel.ts'
import { RawAgent } from '../support/raw-agent.ts'

const record = (number: number): CallRecord => ({
  kind: 'EXECUTION',
  operation: `mcp/${'00'.repeat(24)}/${number}/end`,
  side: 'served',
  peer: 'peer',
  outcome: 'result',
  duration: 1
})

/** A chain that writes when it is told to. */
class Writer {
  readonly groups: Array<readonly CallRecord[]> = []
  readonly #turns: Array<PromiseWithResolvers<void>> = []
  #called = Promise.withResolvers<void>()

  readonly write = (records: readonly CallRecord[]): Promise<void> => {
    this.groups.push(records)
    const turn = Promise.withResolvers<void>()
    this.#turns.push(turn)
    this.#called.resolve()
    return turn.promise
  }

  /** The oldest write that goes on, once there is one. */
  async next(): Promise<PromiseWithResolvers<void>> {
    while (this.#turns.length === 0) {
      await this.#called.promise
      this.#called = Promise.withResolvers()
    }
    return this.#turns.shift()!
  }
}

const numbers = (records: readonly CallRecord[]): number[] =>
  records.map(one => Number(/\/(\d+)\/end$/.exec((one as { operation: string }).operation)![1]))

describe('records on their way to the chain', () => {
  test('those of one turn are one write, those that come meanwhile the next, in order', async () => {
    const writer = new Writer()
    const log = new CallLog(writer.write)
    const first = log.add(record(1), true)
    log.add(record(2), false)
    const one = await writer.next()
    const second = log.add(record(3), true)
    expect([first.state, second.state]).toEqual(['pending', 'pending'])
    one.resolve()
    await first.settled
    expect([first.state, second.state]).toEqual(['written', 'pending'])
    ;(await writer.next()).resolve()
    await second.settled
    expect(writer.groups.map(numbers)).toEqual([[1, 2], [3]])
  })

  test('those that nobody waits for are written by themselves, and when it is closed', async () => {
    const writer = new Writer()
    const log = new CallLog(writer.write)
    const batch = log.add(record(1), false)
    ;(await writer.next()).resolve()
    await batch.settled
    log.add(record(2), false)
    const closed = log.close()
    ;(await writer.next()).resolve()
    await closed
    expect(writer.groups.map(numbers)).toEqual([[1], [2]])
  })

  test('what cannot be written is told, kept, and written when it can be', async () => {
    const writer = new Writer()
    const failures: string[] = []
    const log = new CallLog(writer.write, ({ message }) => failures.push(message))
    const first = log.add(record(1), true)
    ;(await writer.next()).reject(new Error('the disk is full'))
    await first.settled
    expect([first.state, log.isFailing]).toEqual(['failed', true])
    const second = log.add(record(2), true)
    ;(await writer.next()).reject(new Error('the disk is full'))
    await second.settled
    expect(failures).toEqual(['tool calls cannot be recorded: the disk is full'])
    const third = log.add(record(3), true)
    ;(await writer.next()).resolve()
    await third.settled
    expect([third.state, log.isFailing]).toEqual(['written', false])
    expect(numbers(writer.groups.at(-1)!)).toEqual([1, 2, 3])
  })

  test('there is room for so many; who has more waits until they are written, or fail to be', async () => {
    const writer = new Writer()
    const log = new CallLog(writer.write)
    const fill = (): void => {
      for (let number = 1; !log.isFull; number++) log.add(record(number), false)
    }
    fill()
    expect(writer.groups).toEqual([])
    const room = log.room()
    ;(await writer.next()).resolve()
    await room
    expect(log.isFull).toBe(false)
    fill()
    const none = log.room()
    ;(await writer.next()).reject(new Error('the disk is full'))
    await none
    expect([log.isFull, log.isFailing]).toEqual([true, true])
  })
})

describe('what is refused', () => {
  test('is recorded once at once, then counted, and told apart as far as it is the same', ({ onTestFinished }) => {
    const records: DenialRecord[] = []
    let now = 1_000
    const denials = new Denials(
      one => records.push(one),
      () => now++
    )
    onTestFinished(() => denials.close())
    const refused = { peer: 'mallory', service: 'notes', reason: 'forbidden', method: 'tools/call' }
    denials.add({ ...refused, subject: 'read' })
    denials.add({ ...refused, subject: 'write' })
    denials.add({ ...refused, subject: 'write' })
    denials.add({ peer: 'eve', reason: 'not-authorised' })
    denials.close()
    expect(records).toEqual([
      { kind: 'DENIAL', ...refused, subject: 'read', count: 1, first: 1_000, last: 1_000 },
      { kind: 'DENIAL', peer: 'eve', reason: 'not-authorised', count: 1, first: 1_003, last: 1_003 },
      { kind: 'DENIAL', ...refused, count: 2, first: 1_001, last: 1_002 }
    ])
  })

  test('any number of strangers makes 66 records at most', ({ onTestFinished }) => {
    const records: DenialRecord[] = []
    const denials = new Denials(one => records.push(one))
    onTestFinished(() => denials.close())
    for (let i = 0; i < 100_000; i++) denials.add({ peer: `stranger ${i % 10_000}`, reason: 'not-authorised' })
    denials.close()
    expect(records.length).toBeLessThanOrEqual(66)
    expect(records.reduce((sum, { count }) => sum + count, 0)).toBe(100_000)
    expect(records.at(-1)).toMatchObject({ reason: 'others' })
    expect(records.at(-1)).not.toHaveProperty('peer')
  })
})

const SERVER = script(`
  on(({ id, method, params }) => {
    if (method !== 'tools/call') return
    send({ method: 'notifications/message', params: { level: 'info', data: 'begun ' + id } })
    send({ id, result: {} })
  })
`)

describe('a session', () => {
  async function session(decide?: (method: string) => boolean) {
    const writer = new Writer()
    const log = new CallLog(writer.write)
    const denied: DenialRecord[] = []
    const denials = new Denials(one => denied.push(one))
    const tunnel = new TestTunnel(SERVER, {
      host: {
        recording: { log, denials },
        decide: ({ method }) =>
          decide?.(method) === false
            ? { allow: false, error: { code: 4030, message: 'no', data: { reason: 'forbidden' } } }
            : { allow: true }
      }
    }).connect()
    return { writer, log, denied, denials, tunnel, agent: new RawAgent(tunnel.input, tunnel.output) }
  }

  test('no answer leaves before its request is recorded, though the server has it', async () => {
    const { writer, tunnel, agent } = await session()
    await agent.write({ id: 'a', method: 'tools/call', params: { name: 'x' } })
    const write = await writer.next()
    let isWritten = false
    const answers: boolean[] = []
    tunnel.output.on('data', chunk => {
      if (String(chunk).includes('"result"')) answers.push(isWritten)
    })
    // the server writes the answer right behind this
    await agent.line(line => line.includes('begun a'))
    isWritten = true
    write.resolve()
    expect((await agent.answer('a')).result).toEqual({})
    expect(answers).toEqual([true])
    expect(writer.groups[0]).toMatchObject([
      { kind: 'INVOCATION', method: 'tools/call', subject: 'x', side: 'served', peer: 'agent' }
    ])
    await tunnel.stop()
  })

  test('the answer to what cannot be recorded is withheld, and what comes after it is not carried out', async () => {
    const { writer, log, tunnel, agent } = await session()
    await agent.write({ id: 'a', method: 'tools/call', params: { name: 'x' } })
    ;(await writer.next()).reject(new Error('the disk is full'))
    expect((await agent.answer('a')).error).toMatchObject({ code: 5070, data: { reason: 'not-recorded' } })
    await agent.write({ id: 'b', method: 'tools/call', params: { name: 'x' } })
    ;(await writer.next()).reject(new Error('the disk is full'))
    expect((await agent.answer('b')).error).toMatchObject({
      code: 5070,
      message: expect.stringMatching(/not carried out/)
    })
    expect(agent.lines.filter(line => line.includes('begun b'))).toEqual([])
    await agent.write({ id: 'c', method: 'tools/call', params: { name: 'x' } })
    ;(await writer.next()).resolve()
    expect((await agent.answer('c')).result).toEqual({})
    const outcomes = writer.groups.at(-1)!.map(one => ('outcome' in one ? one.outcome : one.kind))
    expect(outcomes).toEqual(['INVOCATION', 'withheld', 'INVOCATION', 'refused', 'INVOCATION'])
    expect(log.isFailing).toBe(false)
    await tunnel.stop()
  })

  test('what a rule refuses is recorded as asked and refused, and counted as denied', async () => {
    const { writer, denied, denials, tunnel, agent } = await session(method => !method.startsWith('tools/'))
    await agent.write({ id: 'a', method: 'tools/call', params: { name: 'x' } })
    ;(await writer.next()).resolve()
    expect((await agent.answer('a')).error?.code).toBe(4030)
    await agent.write({ id: 'b', method: 'tools/list' })
    expect((await agent.answer('b')).error?.code).toBe(4030)
    denials.close()
    expect(denied).toMatchObject([
      { reason: 'forbidden', peer: 'agent', service: 'test', method: 'tools/call', subject: 'x', count: 1 },
      { reason: 'forbidden', peer: 'agent', service: 'test', count: 1 }
    ])
    await tunnel.stop()
  })
})
