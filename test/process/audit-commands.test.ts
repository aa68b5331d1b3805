import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, type TestContext, test } from 'vitest'
import { cosignNote, formatNote, formatNoteKey, NOTE_KEY, parseNote } from '../../src/chain/note.ts'
import { crypto } from '../../src/crypto/index.ts'
import { createWallet } from '../../src/index.ts'
import { openStore } from '../../src/node/agent.ts'
import { AuditTrail } from '../../src/node/audit/audit-trail.ts'
import { eventually } from '../support/processes.ts'
import { type Run, talos } from '../support/talos.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

interface Shown {
  id: string
  kind: string
  block?: number
  fields?: Array<{ name: string; value?: string | number }>
  erased?: boolean
}

const log = async (of: Machine, ...flags: string[]) =>
  (await of.json<{ records: Shown[] }>('audit', 'log', ...flags)).records
const field = ({ fields }: Shown, wanted: string) => fields?.find(({ name }) => name === wanted)?.value

/** Alice has sent Bob a message, and both have it in their chain. With `daemons` both nodes run on. */
async function exchange(context: TestContext, { daemons }: { daemons: boolean }) {
  const world = await TalosWorld.start(context)
  const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
  writeFileSync(join(bob.dataDir, 'config.yaml'), `audit:\n  reconcileWith: [${alice.peerId}]\n`, { mode: 0o600 })
  const nodes = [alice.start('daemon'), bob.start('daemon')]
  for (const node of nodes) await node.event('registered')
  const { id } = await alice.json<{ id: string }>('send', bob.peerId, 'the report is ready', '--wait', '30s')
  const operation = `message/${id}`
  for (const machine of [alice, bob]) {
    await eventually(
      async () => (await log(machine)).some(one => field(one, 'operation') === operation && one.block !== undefined),
      20_000
    )
  }
  if (!daemons) for (const node of nodes) await node.kill('SIGTERM')
  return { world, alice, bob, operation, nodes }
}

/** Runs a command where there is no home, no data directory and no configuration. */
const elsewhere = (folder: string, ...args: string[]): Promise<Run> =>
  talos(args, {
    cwd: folder,
    env: {
      HOME: folder,
      XDG_DATA_HOME: join(folder, 'none'),
      TALOS_DATA_DIR: join(folder, 'none'),
      NODE_DISABLE_COMPILE_CACHE: '1'
    }
  })

const script = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['scripts/verify-proof.mjs', ...args]).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code: number; stderr: string }) => ({ code: error.code, text: error.stderr })
  )

describe.concurrent('what a user does with the audit chain', () => {
  test.for([true, false])(
    'shown, checked and exported by both sides, through a daemon: %s',
    { timeout: 180_000 },
    async (daemons, context) => {
      const { world, alice, bob, operation } = await exchange(context, { daemons })
      const sides = [
        [alice, 'sent', bob],
        [bob, 'received', alice]
      ] as const
      // without a daemon each command is the node for itself: slower, and the same
      for (const [machine, event, other] of daemons ? sides : sides.slice(1)) {
        const record = await machine.json<Shown>('audit', 'show', operation)
        expect([record.kind, field(record, 'event'), field(record, 'peer')]).toEqual(['MESSAGE', event, other.peerId])
        expect(await machine.json('audit', 'show', record.id.slice(0, 16))).toEqual(record)
        expect((await log(machine, '--peer', other.peerId, '--kind', 'message')).map(({ id }) => id)).toContain(
          record.id
        )
        expect(await log(machine, '--kind', 'denial', '--kind', 'anchor')).toEqual([])
        expect(await log(machine, '--until', '1d')).toEqual([])
        const table = await machine.run('audit', 'log')
        expect(table.stdout).toMatch(/^ID +TIME +KIND +EVENT +PEER +BLOCK +MORE\n/)

        for (const command of [
          ['audit', 'verify'],
          ['audit', 'chain', 'verify']
        ]) {
          expect(await machine.json(...command, '--level', 'PARANOID')).toMatchObject({ valid: true, errorCount: 0 })
        }
        const summary = await machine.json<{ records: number; kinds: object }>('audit', 'chain', 'summary')
        const status = await machine.json<{ records: number; height: number; tip: string }>('chain', 'status')
        expect(summary).toMatchObject({ records: status.records, kinds: { MESSAGE: expect.any(Number) } })
        const { blocks } = await machine.json<{ blocks: Array<{ hash: string }> }>('chain', 'blocks')
        expect(blocks[0]!.hash).toBe(status.tip)
        expect(await machine.json('chain', 'block', status.tip.slice(0, 20))).toMatchObject({ height: status.height })
        expect(await machine.json('chain', 'block', String(record.block))).toMatchObject({
          entries: expect.arrayContaining([expect.objectContaining({ id: record.id })])
        })

        const html = join(world.folder, `${event}.html`)
        await machine.json('audit', 'verify', '--report', 'html', html)
        expect(readFileSync(html, 'utf8')).toContain('<h1>The chain is valid</h1>')
        expect(statSync(html).mode & 0o777).toBe(0o600)

        const ndjson = await machine.run('audit', 'export', '--format', 'ndjson')
        const lines = ndjson.stdout
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line) as Shown)
        expect(lines).toContainEqual(record)
        const file = join(world.folder, `${event}.json`)
        await machine.json('audit', 'export', '--format', 'json', '--include-proofs', '--output', file)
        expect(statSync(file).mode & 0o777).toBe(0o600)
        const exported = JSON.parse(readFileSync(file, 'utf8')) as Array<Shown & { proof: string }>
        expect(exported.map(({ id }) => id)).toEqual(expect.arrayContaining(lines.map(({ id }) => id)))
        const { proof } = exported.find(({ id }) => id === record.id)!
        writeFileSync(join(world.folder, `${event}.proof`), proof)
        const verified = await elsewhere(
          world.folder,
          'proof',
          'verify',
          '--file',
          `${event}.proof`,
          '--offline',
          '--owner',
          machine.peerId,
          '--json'
        )
        expect(JSON.parse(verified.stdout)).toMatchObject({ valid: true, record: record.id, fields: record.fields })
        const csv = await machine.run('audit', 'export', '--format', 'csv', '--peer', other.peerId)
        expect(csv.stdout).toMatch(/^"sequence","id","time","kind","block","peer","operation","fields","proof"\r\n/)
        expect(csv.stdout).toContain(`"${record.id}"`)
      }
      // several at once share the node, whoever is it
      const runs = await Promise.all([
        alice.run('audit', 'verify'),
        alice.run('audit', 'log'),
        alice.run('chain', 'status')
      ])
      expect(runs.map(({ status, stderr }) => [status, stderr.includes('STORAGE')])).toEqual(Array(3).fill([0, false]))
    }
  )

  test('a long chain is checked in threads, by the program as it is built', { timeout: 180_000 }, async () => {
    const dataDir = temporaryFolder()
    const { wallet } = await createWallet({ dataDir, name: 'alice', insecurePlaintext: true })
    const store = await openStore(wallet, dataDir)
    const trail = await AuditTrail.open(store, wallet)
    for (let i = 0; i < 260; i++) {
      const fields = [{ name: 'event', value: `number ${i}` }]
      await store.transact(transaction => trail.record(transaction, [{ kind: 'SESSION', fields }]))
      await trail.chain.sealAll()
    }
    await trail.close()
    await store.close()
    const run = await talos(['audit', 'verify', '--json'], { env: { TALOS_DATA_DIR: dataDir }, timeout: 60_000 })
    expect(run.status, run.stdout + run.stderr).toBe(0)
    const report = JSON.parse(run.stdout) as { threads: number }
    // one more than was recorded here: the first says whose chain it is
    expect(report).toMatchObject({ valid: true, blocks: 260, counts: { signatures: 260, commitments: 261 } })
    expect(report.threads).toBeGreaterThan(0)
  })

  test('a provider of the configuration confirms the chain at PARANOID, and the chain fails without it', {
    timeout: 180_000
  }, async context => {
    const { world, alice } = await exchange(context, { daemons: false })
    const signer = crypto.ed25519.fromSeed(randomBytes(32))
    const name = 'notary.example'
    const key = formatNoteKey({ name, type: NOTE_KEY.cosignature, publicKey: signer.publicKey })
    const { text, signatures } = parseNote((await alice.json<{ note: string }>('audit', 'root')).note)
    const signed = join(world.folder, 'signed.txt')
    writeFileSync(signed, formatNote({ text, signatures: [...signatures, cosignNote(text, name, signer, 1)] }))
    const configure = (yaml: string) => writeFileSync(join(alice.dataDir, 'config.yaml'), yaml, { mode: 0o600 })
    const verify = () => alice.run('audit', 'verify', '--level', 'PARANOID')

    const unknown = await alice.run('audit', 'anchor', 'notary', signed)
    expect([unknown.status, unknown.stderr]).toEqual([7, expect.stringContaining('no provider "notary" is configured')])
    const configured = `audit:\n  anchorQuorum: 1\n  anchors: [{name: notary, keys: ['${key}']}]\n`
    configure(configured)
    const none = await verify()
    expect([none.status, none.stdout]).toEqual([7, expect.stringContaining('502 QUORUM_NOT_MET')])
    const anchored = await alice.run('audit', 'anchor', 'notary', signed)
    expect([anchored.status, anchored.stdout]).toEqual([0, expect.stringMatching(/^Recorded: notary has signed/)])
    const valid = await verify()
    expect([valid.status, valid.stdout], valid.stderr).toEqual([0, expect.stringMatching(/^The chain is valid/)])
    configure('audit: {anchors: []}\n')
    const closed = await verify()
    expect([closed.status, closed.stdout]).toEqual([7, expect.stringContaining('501 EXTERNAL_VERIFICATION_FAILED')])
    expect((await alice.run('audit', 'verify')).status).toBe(0)
    configure(configured.replace(key, key.slice(0, -4)))
    const broken = await verify()
    expect([broken.status, broken.stderr]).toEqual([2, expect.stringContaining('audit.anchors, "notary"')])
  })

  test('a stranger checks what was opened, with nothing of ours, and refuses everything else', {
    timeout: 180_000
  }, async context => {
    const { world, alice, bob, operation } = await exchange(context, { daemons: false })
    const proof = join(world.folder, 'proof.txt')
    const { key } = await alice.json<{ key: string }>(
      'audit',
      'open',
      operation,
      '--field',
      'event',
      '--field',
      'peer',
      '--output',
      proof
    )
    expect(statSync(proof).mode & 0o777).toBe(0o600)
    const folder = join(world.folder, 'stranger')
    mkdirSync(folder)
    const verify = (...args: string[]): Promise<Run> => elsewhere(folder, 'proof', 'verify', '--offline', ...args)

    const proved = await verify('--file', proof)
    expect([proved.status, proved.stdout.startsWith('PROVED\n')], proved.stderr).toEqual([0, true])
    expect(proved.stdout).toContain(`agent   ${alice.peerId}`)
    expect(proved.stdout).toMatch(/event +sent\n +peer +12D3KooW/)
    expect(proved.stdout).not.toContain(operation)
    expect(readdirSync(folder), 'nothing was written').toEqual([])
    expect((await verify(proof, '--owner', alice.peerId, '--key', key)).status).toBe(0)
    const byScript = await script(proof, '--key', key)
    expect([byScript.code, byScript.text.split('\n')[0]]).toEqual([
      0,
      expect.stringMatching(/^PROVED: record [0-9a-f]{64}$/)
    ])
    expect(byScript.text).toContain('event: "sent"')

    const text = readFileSync(proof, 'utf8')
    const middle = text.indexOf('\n', 30) - 40
    const others = {
      tampered: `${text.slice(0, middle)}${text[middle] === 'A' ? 'B' : 'A'}${text.slice(middle + 1)}`,
      truncated: text.slice(0, 500),
      'without its signature': text.slice(0, text.lastIndexOf('—')),
      empty: '',
      oversized: text.padEnd(600_000, 'x'),
      'terminal escapes': `\u001b[2J\u001b]0;owned\u0007${text}`
    }
    for (const [name, content] of Object.entries(others)) {
      const file = join(world.folder, `${name}.txt`)
      writeFileSync(file, content)
      const run = await verify('--file', file, '--json')
      expect([name, run.status]).toEqual([name, 7])
      const { error } = JSON.parse(run.stdout) as { error: { code: string; message: string } }
      expect(error.code, name).toMatch(/^CHAIN_(PROOF|NOTE|CHECKPOINT)_INVALID$/)
      expect(error.message, name).toMatch(/^[^\n]{10,200}$/)
      const plain = await verify('--file', file)
      expect(plain.stderr, name).not.toMatch(/\u001b|\u0007/)
      expect((await script(file, '--key', key)).code, name).toBe(1)
    }
    const ofBob = await bob.json<{ proof: string }>('proof', 'export', operation)
    writeFileSync(join(world.folder, 'bob.txt'), ofBob.proof)
    const foreign = await verify('--file', join(world.folder, 'bob.txt'), '--owner', alice.peerId)
    expect([foreign.status, foreign.stderr]).toEqual([7, expect.stringContaining('CHAIN_UNTRUSTED')])
    expect((await script(join(world.folder, 'bob.txt'), '--key', key)).code).toBe(1)
    expect((await verify('--file', join(world.folder, 'none.txt'))).status).toBe(1)
    expect((await verify()).status).toBe(2)
    const shown = await alice.run('proof', 'show', proof)
    expect([shown.status, shown.stderr]).toEqual([0, expect.stringContaining('Not checked')])
  })

  test('both sides compare their records, if the other lets them, or from a file', {
    timeout: 180_000
  }, async context => {
    const { world, alice, bob, operation } = await exchange(context, { daemons: true })
    expect(await alice.json('audit', 'reconcile', bob.peerId)).toMatchObject({
      source: 'peer',
      // the session and the message
      compared: 2,
      matching: 2,
      counts: { missingHere: 0, missingThere: 0, differing: 0 },
      checkpoint: { size: expect.any(Number) }
    })
    const refused = await bob.run('audit', 'reconcile', alice.peerId, '--json')
    expect([refused.status, JSON.parse(refused.stdout)]).toEqual([
      6,
      { error: expect.objectContaining({ code: 'AUDIT_REFUSED' }) }
    ])

    const file = join(world.folder, 'from-alice.ndjson')
    await alice.json(
      'audit',
      'export',
      '--format',
      'ndjson',
      '--peer',
      bob.peerId,
      '--include-proofs',
      '--output',
      file
    )
    const records = readFileSync(file, 'utf8').trimEnd().split('\n').length
    expect(await bob.json('audit', 'reconcile', alice.peerId, '--file', file)).toMatchObject({
      source: 'file',
      proved: records,
      compared: 2,
      matching: 2,
      counts: { missingHere: 0, missingThere: 0, differing: 0 }
    })

    // a file that was changed convinces nobody
    const changed = readFileSync(file, 'utf8').replace('"name":"size","value":19', '"name":"size","value":18')
    expect(changed).not.toBe(readFileSync(file, 'utf8'))
    const forgery = join(world.folder, 'forgery.ndjson')
    writeFileSync(forgery, changed)
    const forged = await bob.run('audit', 'reconcile', alice.peerId, '--file', forgery)
    expect([forged.status, forged.stderr]).toEqual([
      6,
      expect.stringMatching(/line \d+ .*proof is of something else[\s\S]*AUDIT_FILE_INVALID/)
    ])
    // without its proofs it is compared, and differs
    const bare = join(world.folder, 'bare.ndjson')
    writeFileSync(bare, changed.replaceAll(/,"proof":"[^"]*"/g, ''))
    const differs = await bob.run('audit', 'reconcile', alice.peerId, '--file', bare, '--json')
    expect([differs.status, JSON.parse(differs.stdout)]).toEqual([
      7,
      expect.objectContaining({
        proved: 0,
        compared: 2,
        matching: 1,
        differing: [expect.objectContaining({ operation, fields: ['size'] })]
      })
    ])

    // what Bob has erased is missing on his side
    // the message itself stays in his history, and he is told so
    expect(await bob.json('audit', 'erase', operation, '--yes')).toEqual({
      record: expect.stringMatching(/^[0-9a-f]{64}$/),
      message: operation.slice('message/'.length)
    })
    const after = await alice.run('audit', 'reconcile', bob.peerId, '--json')
    expect([after.status, JSON.parse(after.stdout)]).toEqual([
      7,
      expect.objectContaining({
        compared: 1,
        missingThere: [expect.objectContaining({ operation, kind: 'MESSAGE' })],
        counts: { missingHere: 0, missingThere: 1, differing: 0 }
      })
    ])
    expect(await bob.json('audit', 'verify')).toMatchObject({ valid: true })
    const here = await bob.run('audit', 'reconcile', alice.peerId, '--file', file)
    expect([here.status, here.stdout]).toEqual([7, expect.stringContaining('Missing here (1):')])
  })

  test('erased, pruned, archived and brought back, and always valid', { timeout: 180_000 }, async context => {
    const { world, alice, bob, operation } = await exchange(context, { daemons: false })
    const one = await alice.json<{ id: string }>('send', bob.peerId, 'one more')
    const second = `message/${one.id}`
    await eventually(async () => (await alice.json<Shown>('audit', 'show', second)).block !== undefined, 20_000)
    const record = await alice.json<Shown>('audit', 'show', operation)
    const asked = await alice.run('audit', 'erase', record.id)
    expect([asked.status, asked.stderr]).toEqual([2, expect.stringContaining('USAGE_NOT_CONFIRMED')])
    await alice.json('audit', 'erase', record.id, '--yes')
    expect(await alice.json('audit', 'show', record.id)).toMatchObject({ id: record.id, erased: true })
    expect((await alice.run('audit', 'show', operation)).status).toBe(7)
    expect((await alice.run('audit', 'open', record.id, '--field', 'peer')).stderr).toContain('CHAIN_FIELD_UNKNOWN')

    const archive = join(world.folder, 'chain.talos')
    const { height } = await alice.json<{ height: number }>('chain', 'status')
    expect(await alice.json('chain', 'archive', archive)).toMatchObject({ path: archive, from: 1, to: height })
    expect(statSync(archive).mode & 0o777).toBe(0o600)
    expect(readFileSync(archive).includes('peer')).toBe(false)
    const before = await log(alice)
    expect((await alice.run('chain', 'prune', '--keep', '1')).status).toBe(2)
    expect(await alice.json('chain', 'prune', '--keep', '1', '--yes')).toMatchObject({ prunedTo: height - 1 })
    expect(await alice.json('audit', 'verify')).toMatchObject({ valid: true, headersOnly: height - 1 })
    expect((await log(alice)).length).toBeLessThan(before.length)
    expect((await bob.run('chain', 'import', archive)).stderr).toContain('CHAIN_ARCHIVE_INVALID')
    expect(await alice.json('chain', 'import', archive)).toEqual({ blocks: height - 1 })
    expect(await log(alice)).toEqual(before)
    expect(await alice.json('audit', 'verify')).toMatchObject({ valid: true, headersOnly: 0 })
  })

  test('--follow shows records as they get their block, and ends with Ctrl-C', { timeout: 120_000 }, async context => {
    const { alice, bob, operation } = await exchange(context, { daemons: true })
    const following = alice.start('audit', 'log', '--follow')
    await following.line(line => line.includes(operation))
    const { id } = await alice.json<{ id: string }>('send', bob.peerId, 'and another')
    const shown = JSON.parse(await following.line(line => line.includes(`message/${id}`))) as Shown
    expect(shown.block).toBeGreaterThan(0)
    following.child.kill('SIGINT')
    expect(await following.exited).toMatchObject({ code: 130 })
  })
})
