import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Entry } from '../../src/chain/index.ts'
import { KEYS } from '../../src/chain/local/store.ts'
import { TalosClient, type TalosError } from '../../src/index.ts'
import { LiveProcess } from '../support/live-process.ts'
import { fillOwnChain, withOwnChain } from '../support/own-chain.ts'
import { HAS_TERMINAL, talosOnTerminal } from '../support/pseudo-terminal.ts'
import { TALOS } from '../support/talos.ts'
import { TalosWorld } from '../support/talos-world.ts'

const PEER = '12D3KooWGN3XwBH6naMqQMHcuEkkrMPG7acWjWu6TUYnfAi8UZjD'
const entry = (number: number, more: Entry['fields'] = []): Entry => ({
  kind: 'MESSAGE',
  operation: `message/${number}`,
  fields: [{ name: 'event', value: 'sent' }, { name: 'peer', value: PEER }, { name: 'size', value: number }, ...more]
})

/** RFC 4180, read strictly. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  let at = 0
  while (at < text.length) {
    if (text[at] !== '"') throw new Error(`a cell without quotes at ${at}`)
    let cell = ''
    for (at++; ; at++) {
      if (text[at] === undefined) throw new Error('a cell without end')
      if (text[at] !== '"') cell += text[at]
      else if (text[at + 1] === '"') cell += text[at++]
      else break
    }
    rows.at(-1)!.push(cell)
    at++
    if (text[at] === ',') at++
    else if (text.startsWith('\r\n', at)) {
      at += 2
      if (at < text.length) rows.push([])
    } else throw new Error(`neither comma nor line break at ${at}`)
  }
  return rows
}

function sequencesIn(text: string, format: string): number[] {
  if (format === 'csv')
    return parseCsv(text)
      .slice(1)
      .map(([sequence]) => Number(sequence))
  const lines = text.trimEnd().split('\n')
  const records = format === 'json' ? JSON.parse(text) : lines.map(line => JSON.parse(line))
  return (records as Array<{ sequence: number }>).map(({ sequence }) => sequence)
}

describe.concurrent('the audit chain with much in it, with hostile values, and damaged', () => {
  test('10,000 records are exported in every format, and take no more memory than a few', {
    timeout: 300_000
  }, async context => {
    const world = new TalosWorld(context)
    const alice = await world.machine('Alice')
    await fillOwnChain(
      alice,
      10_000,
      number => entry(number, [{ name: 'note', value: `${number} `.repeat(1_000) }]),
      500
    )
    const output = join(world.folder, 'out')
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      'test/fixtures/export-heap.mjs',
      alice.dataDir
    ])
    const { length, records, first, most } = JSON.parse(stdout)
    expect(records).toBe(10_000)
    expect(length).toBeGreaterThan(40_000_000)
    expect(most - first).toBeLessThan(10_000_000)

    for (const format of ['json', 'ndjson', 'csv']) {
      const written = await alice.json('audit', 'export', '--format', format, '--output', output)
      expect(written).toMatchObject({ records: 10_000, bytes: statSync(output).size })
      expect(sequencesIn(readFileSync(output, 'utf8'), format)).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 1))
    }
    // stopped in the middle, it leaves nothing behind
    rmSync(output)
    const running = new LiveProcess(
      {
        file: process.execPath,
        args: [
          TALOS,
          'audit',
          'export',
          '--format',
          'csv',
          '--include-proofs',
          '--output',
          output,
          '--data-dir',
          alice.dataDir
        ]
      },
      {}
    )
    const begun = () => readdirSync(world.folder).some(name => name.startsWith('out.'))
    while (!begun()) await new Promise(resolve => setImmediate(resolve))
    running.child.kill('SIGINT')
    expect(await running.exited).toMatchObject({ code: 130 })
    expect(readdirSync(world.folder).filter(name => name.startsWith('out'))).toEqual([])
  })

  test('what peers have written steers neither the terminal nor a spreadsheet nor a page', {
    timeout: 120_000
  }, async context => {
    const world = new TalosWorld(context)
    const alice = await world.machine('Alice')
    const hostile = [
      '=HYPERLINK("http://evil.example")',
      '+1+1',
      '-2+3',
      '@SUM(A1)',
      '\t=1',
      '\r=1',
      '\uff1d1+1',
      'a","b',
      'a"\r\n=1+1,"b',
      '\u001b[2J\u001b]0;owned\u0007',
      '\u202egnp.exe',
      '<script>alert(1)</script>',
      '\u2028\u0085new line',
      '__proto__'
    ]
    await fillOwnChain(alice, hostile.length, number => ({
      kind: 'EXECUTION',
      operation: `=cmd/${number}`,
      fields: [
        { name: 'event', value: hostile[number]! },
        { name: '__proto__', value: hostile[number]! },
        { name: 'peer', value: hostile[number]! }
      ]
    }))
    const shown = [
      await alice.run('audit', 'log'),
      await alice.run('audit', 'show', '=cmd/9'),
      await alice.run('chain', 'block', '1'),
      await alice.run('audit', 'chain', 'summary')
    ]
    for (const { status, stdout, stderr } of shown) {
      expect(status, stderr).toBe(0)
      expect(stdout).not.toMatch(/[^\P{C}\n]|[\u2028\u2029]/u)
      expect(stderr).not.toMatch(/[^\P{C}\n]/u)
    }
    expect(shown[0]!.stdout.trimEnd().split('\n')).toHaveLength(hostile.length + 1)

    const csv = await alice.run('audit', 'export', '--format', 'csv')
    const rows = parseCsv(csv.stdout).slice(1)
    expect(rows).toHaveLength(hostile.length)
    for (const [i, cells] of rows.entries()) {
      expect(cells).toHaveLength(9)
      for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/)
      expect(cells[5]!.replace(/^'/, '')).toBe(hostile[i])
      expect(JSON.parse(cells[7]!)[0]).toEqual({ name: 'event', value: hostile[i] })
    }
    const { records } = await alice.json<{ records: Array<{ fields: Array<{ name: string; value: string }> }> }>(
      'audit',
      'log'
    )
    expect(records.map(({ fields }) => fields[1])).toEqual(hostile.map(value => ({ name: '__proto__', value })))

    // a proof of it at a stranger's
    const proof = join(world.folder, 'proof.txt')
    await alice.json('audit', 'open', '=cmd/9', '--all', '--output', proof)
    const verified = await alice.run('proof', 'verify', '--file', proof, '--offline')
    expect([verified.status, verified.stdout]).toEqual([0, expect.not.stringMatching(/[^\P{C}\n]/u)])
  })

  test('a damaged store is reported with block and record, in every form of the report', {
    timeout: 120_000
  }, async context => {
    const world = new TalosWorld(context)
    const alice = await world.machine('Alice')
    await fillOwnChain(alice, 60, number => entry(number), 10)
    await withOwnChain(alice, (_, store) => store.transact(async transaction => transaction.delete(KEYS.block(4))))
    const run = await alice.run('audit', 'verify')
    expect([run.status, run.stdout]).toEqual([
      7,
      expect.stringMatching(/^The chain is NOT valid: .*\n[\s\S]*101 MISSING_FIELD +block 4: block 4 is missing/)
    ])
    const { status, stdout } = await alice.run('audit', 'verify', '--json')
    expect([status, JSON.parse(stdout)]).toEqual([
      7,
      expect.objectContaining({
        valid: false,
        errors: [expect.objectContaining({ violation: 'MISSING_FIELD', height: 4 })]
      })
    ])
    for (const [kind, says] of [
      ['json', /"format": "talos-chain-report\/1"/],
      ['markdown', /\| 101 MISSING\\_FIELD \| 4 \|/],
      ['html', /<td>101 MISSING_FIELD<\/td><td>4<\/td>/]
    ] as const) {
      const file = join(world.folder, kind)
      expect((await alice.run('audit', 'verify', '--report', kind, file)).status).toBe(7)
      expect(readFileSync(file, 'utf8')).toMatch(says)
      expect((await alice.run('audit', 'verify', '--report', kind)).stdout).toMatch(says)
    }
    // the rest of it is still there
    expect((await alice.run('audit', 'log')).status).toBe(0)
  })

  test.for(['of its own', 'in another process'])(
    'a program stops what takes long, and is told in codes what is wrong; its node is %s',
    { timeout: 120_000 },
    async (where, context) => {
      const world = new TalosWorld(context)
      const alice = await world.machine('Alice')
      await fillOwnChain(alice, 600, number => entry(number), 1)
      if (where === 'in another process') await alice.start('daemon').event('ready')
      await using talos = await TalosClient.create({ dataDir: alice.dataDir, role: 'client' })
      const stop = new AbortController()
      const checking = talos.audit.verify({ signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) })
      await expect(checking).rejects.toThrow('enough')
      const { signal } = stop
      for (const work of [
        () => talos.audit.log({ signal }),
        () => talos.audit.show('message/1', { signal }),
        () => talos.audit.root({ signal }),
        () => talos.audit.follow({ signal }).next(),
        () => talos.audit.records({ signal }).next(),
        () => talos.audit.export({ format: 'csv', includeProofs: true, signal }).next(),
        () => talos.chain.archive(join(world.folder, 'archive'), { signal })
      ]) {
        await expect(work()).rejects.toThrow('enough')
      }
      const codes = await Promise.all(
        [
          talos.audit.show('message/no'),
          talos.audit.open('message/1', ['nothing']),
          talos.audit.erase('ffffffffffffffff'),
          talos.chain.block('9999999'),
          talos.chain.prune(9_999_999),
          talos.chain.import(join(world.folder, 'none')),
          talos.audit.reconcile(PEER, { file: join(world.folder, 'none') }),
          talos.audit.log({ peer: 'nobody' })
        ].map(work =>
          work.then(
            () => 'done',
            error => (error as TalosError).code
          )
        )
      )
      expect(codes).toEqual([
        'CHAIN_RECORD_UNKNOWN',
        'CHAIN_FIELD_UNKNOWN',
        'CHAIN_RECORD_UNKNOWN',
        'CHAIN_BLOCK_UNKNOWN',
        'CHAIN_PRUNE_RANGE',
        'STORAGE_READ_FAILED',
        'STORAGE_READ_FAILED',
        'PEER_UNKNOWN'
      ])
      expect(await talos.audit.verify()).toMatchObject({ valid: true })
      const { proof } = await talos.audit.open('message/1', ['size'])
      expect(talos.proof.verify(proof, { owner: talos.peerId }).fields).toEqual([{ name: 'size', value: 1 }])
      expect(talos.proof.show(proof).author).toBe(talos.peerId)
    }
  )

  test.skipIf(!HAS_TERMINAL)(
    'a person sees how far it is, and is asked before anything is erased',
    { timeout: 120_000 },
    async context => {
      const world = new TalosWorld(context)
      const alice = await world.machine('Alice')
      await fillOwnChain(alice, 1_500, number => entry(number), 1)
      const data = ['--data-dir', alice.dataDir]
      const verify = await talosOnTerminal(['audit', 'verify', ...data], [])
      expect([verify.status, verify.shown]).toEqual([0, expect.stringMatching(/\[#* *\] +\d+ % +\d+ of 1500 blocks/)])
      const no = await talosOnTerminal(['audit', 'erase', 'message/7', ...data], [{ prompt: '[y/N] ', keys: 'n\r' }])
      expect([no.status, no.shown]).toEqual([2, expect.stringContaining('nothing was erased')])
      const yes = await talosOnTerminal(['audit', 'erase', 'message/7', ...data], [{ prompt: '[y/N] ', keys: 'y\r' }])
      expect([yes.status, yes.shown]).toEqual([0, expect.stringContaining('are gone')])
      const prune = await talosOnTerminal(
        ['chain', 'prune', '--below', '100', ...data],
        [{ prompt: '[y/N] ', keys: 'y\r' }]
      )
      expect([prune.status, prune.shown]).toEqual([0, expect.stringContaining('99 records of 99 blocks are gone')])
    }
  )
})
