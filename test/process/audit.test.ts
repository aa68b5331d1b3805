import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTrail } from '../support/audit.ts'
import { eventually } from '../support/processes.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

interface Shown {
  id: string
  sequence: number
  kind: string
  block?: number
  fields: Array<{ name: string; value?: string | number; base64?: string }>
}

const TEXT = 'hello'

/** The fields of records of a kind, in order, as `talos audit log` shows them. */
async function logged(of: Machine, kind: string): Promise<Array<Record<string, unknown>>> {
  const { records } = await of.json<{ records: Shown[] }>('audit', 'log', '--kind', kind)
  return records.map(({ fields }) =>
    Object.fromEntries(fields.map(({ name, value, base64 }) => [name, value ?? base64]))
  )
}

test('a message, its session and who the agents are is recorded by both sides, alike', {
  timeout: 300_000
}, async context => {
  const world = await TalosWorld.start(context)
  const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
  writeFileSync(join(bob.dataDir, 'config.yaml'), `audit:\n  reconcileWith: [${alice.peerId}]\n  difficulty: 1\n`, {
    mode: 0o600
  })
  const nodes = [alice.start('daemon'), bob.start('daemon')]
  for (const node of nodes) await node.event('registered')
  const { id } = await alice.json<{ id: string }>('send', bob.peerId, TEXT, '--wait', '30s')
  const operation = `message/${id}`
  const hash = createHash('sha256').update(TEXT).digest('base64')

  // each kind, on both sides
  for (const [self, other, event] of [
    [alice, bob, 'sent'],
    [bob, alice, 'received']
  ] as const) {
    await eventually(async () => (await self.json<Shown>('audit', 'show', operation)).block !== undefined, 30_000)
    expect((await logged(self, 'message')).find(one => one['operation'] === operation)).toMatchObject({
      event,
      peer: other.peerId,
      size: TEXT.length,
      hash
    })
    const [begun, registered, ...more] = await logged(self, 'identity')
    expect([begun, registered, more]).toMatchObject([
      { event: 'begun', agent: self.peerId, did: expect.stringMatching(/^did:key:z6Mk/), name: self.name },
      { event: 'registered', name: self.name },
      []
    ])

    // what status and history say is what the chain has
    const inBlocks = async () => (await self.json('chain', 'status'))['pending'] === 0
    await eventually(inBlocks, 30_000)
    const { height, records } = await self.json('chain', 'status')
    expect(await self.json('status')).toMatchObject({ chain: { height, records, pending: 0 } })
    expect((await self.run('status')).stdout).toContain(`${records} records, ${height} blocks`)
    const { messages } = await self.json<{ messages: Array<{ audit: { record: number; block: number } }> }>('history')
    const { audit } = messages[0]!
    const shown = await self.json<Shown>('audit', 'show', String(audit.record))
    expect(shown).toMatchObject({ kind: 'MESSAGE', sequence: audit.record, block: audit.block })
    expect(await self.json('audit', 'show', operation)).toEqual(shown)
    expect((await self.run('history')).stdout).toContain(`record ${audit.record}): ${TEXT}`)
  }
  expect((await bob.json('chain', 'status'))['difficulty']).toBe(1)
  const sessions = [await logged(alice, 'session'), await logged(bob, 'session')]
  const agreed = { 'opened-by': alice.peerId, handshake: 'PQXDH: X25519 + ML-KEM-768', 'one-time': 'yes' }
  expect(sessions).toMatchObject([
    [
      { event: 'begun', peer: bob.peerId, ...agreed },
      { event: 'confirmed', peer: bob.peerId, ...agreed }
    ],
    [{ event: 'answered', peer: alice.peerId, ...agreed }]
  ])
  expect(sessions[0]![1]!['operation']).toBe(sessions[1]![0]!['operation'])
  expect(await alice.json('audit', 'reconcile', bob.peerId)).toMatchObject({ compared: 2, matching: 2 })

  // what was said is proved by opening its hash and nothing else
  const proof = join(world.folder, 'proof.txt')
  await alice.json('audit', 'open', operation, '--field', 'hash', '--output', proof)
  const verified = await bob.json('proof', 'verify', '--file', proof, '--offline', '--owner', alice.peerId)
  expect(verified).toMatchObject({ valid: true, fields: [{ name: 'hash', base64: hash }] })
  const printed = await bob.run('proof', 'verify', '--file', proof, '--offline')
  expect(printed.stdout).toContain(createHash('sha256').update(TEXT).digest('hex'))

  for (const node of nodes) await node.kill('SIGTERM')
  const { chain } = await alice.json<{ chain: object }>('status')
  expect(chain).toMatchObject({ height: expect.any(Number), records: expect.any(Number), pending: 0 })
  const [sender, receiver] = [await readTrail(alice), await readTrail(bob)]
  expect(sender.records.map(({ event }) => event)).toContain('delivered')
  for (const { report } of [sender, receiver]) expect(report).toMatchObject({ valid: true })
})
