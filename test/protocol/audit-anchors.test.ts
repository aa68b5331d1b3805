import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { cosignNote, formatNote, formatNoteKey, NOTE_KEY, parseNote, signNote } from '../../src/chain/note.ts'
import { crypto } from '../../src/crypto/index.ts'
import {
  type AnchorProvider,
  createWallet,
  KIND,
  parseNoteKey,
  rejectBlock,
  signatureAnchors,
  TalosClient,
  type Validator
} from '../../src/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Somebody outside, who signs what it is shown. */
function notary(name: string, type: 'ed25519' | 'cosignature' = 'cosignature') {
  const signer = crypto.ed25519.fromSeed(randomBytes(32))
  const key = formatNoteKey({ name, type: NOTE_KEY[type], publicKey: signer.publicKey })
  const sign = (note: string): string => {
    const { text, signatures } = parseNote(note)
    const own = type === 'ed25519' ? signNote(text, name, signer) : cosignNote(text, name, signer, 1_700_000_000)
    return formatNote({ text, signatures: [...signatures, own] })
  }
  return { key, sign }
}

type Audit = NonNullable<NonNullable<Parameters<typeof TalosClient.create>[0]>['config']>['audit']

/** An agent with something in its chain, whose configuration can be another each time. */
async function agent() {
  const dataDir = temporaryFolder()
  await createWallet({ dataDir, name: 'alice', insecurePlaintext: true })
  const open = async (audit: Audit = {}): Promise<TalosClient> => {
    const client = await TalosClient.create({ dataDir, role: 'client', config: { audit } })
    onTestFinished(() => client.close())
    return client
  }
  /** Checks with this configuration: ok, or the codes of what is wrong. */
  const verdict = async (audit: Audit = {}, options: Parameters<TalosClient['audit']['verify']>[0] = {}) => {
    await using client = await open(audit)
    const { valid, errors, anchoredBy } = await client.audit.verify({ level: 'PARANOID', ...options })
    return valid ? `ok ${[...anchoredBy].sort()}` : errors.map(({ code }) => code).join()
  }
  await using client = await open()
  const somebody = crypto.ed25519.fromSeed(randomBytes(32)).publicKey
  await client.send(Buffer.from(somebody).toString('hex'), 'a message makes a record')
  const note = await rootOf(client)
  return { dataDir, open, verdict, note }
}

async function rootOf(client: TalosClient): Promise<string> {
  for await (const _ of client.audit.follow()) return (await client.audit.root()).note
  throw new Error('nothing was recorded')
}

test('what a configured provider has signed is recorded, counts at PARANOID, and for nothing once it is not configured', {
  timeout: 60_000
}, async () => {
  const { dataDir, open, verdict, note } = await agent()
  const [one, two, log, stranger] = [notary('one'), notary('two'), notary('log.example', 'ed25519'), notary('one')]
  writeFileSync(join(dataDir, 'partners'), `witness P ${two.key}\nquorum P\n`)
  const anchors = [
    { name: 'notary', keys: [one.key, two.key, log.key], quorum: 2 },
    { name: 'archive', keys: [log.key], files: 'signatures' },
    { name: 'partners', policy: 'partners' }
  ]
  expect(await verdict({ anchors })).toBe('ok ')
  expect(await verdict({ anchors, anchorQuorum: 1 })).toBe('502')
  {
    await using client = await open({ anchors })
    for (const [provider, text, code] of [
      ['notary', note, 'CHAIN_NOTE_INVALID'],
      ['notary', one.sign(note), 'CHAIN_ANCHOR_INVALID'],
      ['notary', stranger.sign(two.sign(note)), 'CHAIN_ANCHOR_INVALID'],
      ['notary', one.sign(two.sign(note.replace(/\n\d+\n/, '\n99\n'))), 'CHAIN_ANCHOR_INVALID'],
      ['notary', one.sign(two.sign(note.replace(/^talos\/../, 'talos/AA'))), 'CHAIN_ANCHOR_INVALID'],
      ['notary', 'nonsense', 'CHAIN_NOTE_INVALID'],
      ['nobody', one.sign(two.sign(note)), 'CHAIN_ANCHOR_UNKNOWN'],
      ['witness', one.sign(two.sign(note)), 'CHAIN_ANCHOR_UNKNOWN']
    ] as const) {
      // a note without any other signature than the owner's has no line that would be a proof
      const expected = text === note ? 'CHAIN_ANCHOR_INVALID' : code
      await expect(client.audit.anchor(provider, text), `${provider} ${text}`).rejects.toMatchObject({ code: expected })
    }
    const recorded = await client.audit.anchor('notary', log.sign(one.sign(note)))
    expect(recorded).toMatchObject({ provider: 'notary', isNew: true })
    expect(await client.audit.anchor('notary', log.sign(one.sign(note)))).toEqual({ ...recorded, isNew: false })
    expect(await client.audit.show(recorded.record)).toMatchObject({ kind: 'ANCHOR' })
    expect((await client.audit.anchor('archive', log.sign(note))).file).toContain(join(dataDir, 'signatures'))
    await client.audit.anchor('partners', two.sign(note))
  }
  expect(await verdict({ anchors, anchorQuorum: 3 })).toBe('ok archive,notary,partners')
  expect(await verdict({ anchors, anchorQuorum: 4 })).toBe('502')
  // closed: a provider that is gone, other keys, more keys, a file that is not there or another
  expect(await verdict({ anchors: anchors.slice(1) })).toBe('501')
  expect(await verdict({ anchors: [{ name: 'notary', keys: [stranger.key] }, ...anchors.slice(1)] })).toBe('501')
  expect(await verdict({ anchors: anchors.map(a => (a.quorum === 2 ? { ...a, quorum: 3 } : a)) })).toBe('501')
  expect(await verdict({ anchors }, { level: 'STRICT' })).toBe('ok ')
  writeFileSync(join(dataDir, 'partners'), `witness P ${one.key}\nquorum P\n`)
  expect(await verdict({ anchors })).toBe('501')
  writeFileSync(join(dataDir, 'partners'), `witness P ${two.key}\nquorum P\n`)
  const folder = join(dataDir, 'signatures')
  const [file] = readdirSync(folder)
  writeFileSync(join(folder, file!), 'another')
  expect(await verdict({ anchors })).toBe('501')
  rmSync(join(folder, file!))
  expect(await verdict({ anchors })).toBe('501')
})

test('providers that cannot be are told by name before anything is checked', { timeout: 60_000 }, async () => {
  const { verdict } = await agent()
  const { key } = notary('one')
  const cases: Array<[NonNullable<NonNullable<Audit>['anchors']>, string]> = [
    [[{ name: 'a' }], 'either keys or a policy'],
    [[{ name: 'a', keys: [key], policy: 'b' }], 'either keys or a policy'],
    [[{ name: 'a', keys: [key], quorum: 2 }], '2 of 1 keys'],
    [[{ name: 'a', policy: 'b', quorum: 1 }], 'the quorum is in its policy'],
    [[{ name: 'a', keys: ['one+00000000+AAAA'] }], '"a"'],
    [[{ name: 'witness', keys: [key] }], 'witness.policy'],
    [
      [
        { name: 'a', keys: [key] },
        { name: 'a', keys: [key] }
      ],
      'two of this name'
    ]
  ]
  for (const [anchors, message] of cases) {
    const error = await verdict({ anchors }).catch(e => e)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) })
    expect(await verdict({ anchors }, { level: 'STRICT' })).toBe('ok ')
  }
  await expect(verdict({ anchors: [{ name: 'a', policy: 'nowhere' }] })).rejects.toMatchObject({
    code: 'WITNESS_POLICY_MISSING'
  })
  for (const name of ['', 'Notary', 'a b', 'a/b']) {
    await expect(verdict({ anchors: [{ name, keys: [key] }] })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  }
})

test('a program brings rules and providers of its own where it is the node, and is told where it is not', {
  timeout: 60_000
}, async () => {
  const { open, verdict, note } = await agent()
  const trusted = notary('trusted')
  const anchors = [{ name: 'notary', keys: [trusted.key] }]
  await using client = await open({ anchors })
  const { record } = await client.audit.anchor('notary', trusted.sign(note))
  const seen: number[] = []
  const noAnchors: Validator = {
    name: 'no-anchors',
    layer: 'semantic',
    level: 'STRICT',
    run(context) {
      for (const [i, { record }] of context.entries!.entries()) {
        seen.push(record.kind)
        if (record.kind === KIND.ANCHOR) return rejectBlock(context, 'CUSTOM_RULE', 'no anchors here', i)
      }
    }
  }
  for await (const { id } of client.audit.follow()) if (id === record) break
  const report = await client.audit.verify({ validators: [noAnchors] })
  expect(report).toMatchObject({ valid: false, errors: [{ code: 499, message: 'no anchors here' }] })
  expect(seen).toContain(KIND.MESSAGE)
  expect(await client.audit.verify({ validators: [noAnchors], level: 'STANDARD' })).toMatchObject({ valid: true })

  const own = (verify: AnchorProvider['verify']): AnchorProvider[] => [{ name: 'notary', verify }]
  const paranoid = async (options: Parameters<TalosClient['audit']['verify']>[0]) =>
    (await client.audit.verify({ level: 'PARANOID', ...options })).errors.map(({ code }) => code)
  expect(await paranoid({ anchors: own(() => true), quorum: 1 })).toEqual([])
  expect(await paranoid({ anchors: own(() => false) })).toEqual([501])
  expect(await paranoid({ anchors: own(() => 'yes' as never) })).toEqual([501])
  expect(await paranoid({ anchors: own(() => Promise.reject(new Error('no network'))) })).toEqual([501])
  expect(await paranoid({ quorum: 2 })).toEqual([502])
  const keys = [parseNoteKey(trusted.key)]
  expect(await paranoid({ anchors: [signatureAnchors('notary', { witnesses: keys, quorum: 1 })], quorum: 1 })).toEqual(
    []
  )

  // attached, by the control socket, to the node that the other client is
  const refused = await verdict({}, { validators: [noAnchors] }).catch(error => error)
  expect(refused).toMatchObject({ code: 'CHAIN_RULES_ELSEWHERE' })
  expect(await verdict()).toBe('ok notary')
})
