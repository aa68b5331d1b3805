import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkpointText, openCheckpoint } from '../../src/chain/checkpoint.ts'
import { cosignNote, formatNote, formatNoteKey, NOTE_KEY, type NoteKey, signNote } from '../../src/chain/note.ts'
import { parsePolicy, signersFor } from '../../src/chain/policy.ts'
import { ownerOf } from '../support/keys.ts'

const witness = (seed: number): NoteKey => ({
  name: `witness.example/${seed}`,
  type: NOTE_KEY.cosignature,
  publicKey: ownerOf(seed).publicKey
})
const log: NoteKey = { name: 'talos/chain', type: NOTE_KEY.ed25519, publicKey: ownerOf(99).publicKey }
const keys = [1, 2, 3, 4, 5, 6].map(witness)
const [X1, X2, X3, Y1, Y2, Y3] = keys.map(formatNoteKey)

/** The example of the specification. */
const EXAMPLE = `
# two organisations
log ${formatNoteKey(log)} https://log.example/

witness X1 ${X1}
witness\tX2   ${X2} /p2p/12D3KooWExample
  witness X3 ${X3}
group X-witnesses 2 X1 X2 X3

witness Y1 ${Y1}
witness Y2 ${Y2}
witness Y3 ${Y3}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`

test('the policy that c2sp.org/tlog-policy has as its example is met by the sets that it says', () => {
  const policy = parsePolicy(EXAMPLE)
  expect(policy.least).toBe(3)
  expect(policy.logs[0]!.url).toBe('https://log.example/')
  expect(policy.witnesses.map(({ name, url }) => [name, url])[1]).toEqual(['X2', '/p2p/12D3KooWExample'])
  for (let set = 0; set < 64; set++) {
    const signers = keys.filter((_, i) => (set & (1 << i)) !== 0)
    const [x, y] = [
      signers.filter(key => keys.indexOf(key) < 3).length,
      signers.filter(key => keys.indexOf(key) >= 3).length
    ]
    expect(policy.isMet(signers), set.toString(2)).toBe(x >= 2 && y >= 1)
  }
})

test('a file that is not a policy is refused, with the line', () => {
  const w = (name: string, key = X1) => `witness ${name} ${key}\n`
  const wrong: Array<[string, RegExp]> = [
    ['', /no line "quorum"/],
    [w('a'), /no line "quorum"/],
    [`${w('a')}quorum a\nquorum a\n`, /line 3.*one line "quorum"/],
    [`${w('a')}quorum b\n`, /line 2.*b is not defined/],
    [`quorum a\n${w('a')}`, /line 1.*not defined/],
    [`${w('none')}quorum none\n`, /line 1.*no name/],
    [`${w('a')}${w('b')}quorum a\n`, /line 2.*twice/],
    [`${w('a')}${w('a', X2)}quorum a\n`, /line 2.*a is defined twice/],
    [`${w('a')}group g all\nquorum g\n`, /line 2/],
    [`${w('a')}group g 2 a\nquorum g\n`, /line 2.*of 1 members 2/],
    [`${w('a')}group g 0 a\nquorum g\n`, /line 2/],
    [`${w('a')}group g 01 a\nquorum g\n`, /line 2/],
    [`${w('a')}group g any a a\nquorum g\n`, /line 2.*in a group already/],
    [`${w('a')}group g any a\ngroup h any a\nquorum h\n`, /line 3.*in a group already/],
    [`${w('a')}group g any g\nquorum g\n`, /line 2.*not defined/],
    [`${w('a')}group a any a\nquorum a\n`, /line 2.*a is defined twice/],
    [`${w('a', formatNoteKey(log))}quorum a\n`, /line 1.*type 4/],
    [`log ${X1}\nquorum none\n`, /line 1.*type 1/],
    [`${w('a', X1!.replace(/\+[0-9a-f]/, '+0'))}quorum a\n`, /line 1/],
    [`${w('a')}quorum a b\n`, /line 2/],
    [`${w('a')}quorum a\r\n`, /line 2.*control/],
    ['cosigner a b\n', /line 1.*cosigner/]
  ]
  for (const [text, why] of wrong) {
    expect(() => parsePolicy(text), text).toThrow(
      expect.objectContaining({ code: 'CHAIN_POLICY_INVALID', message: expect.stringMatching(why) })
    )
  }
})

test('nothing that is read makes anything but a policy or CHAIN_POLICY_INVALID', () => {
  const word = fc.constantFrom(
    'witness',
    'group',
    'quorum',
    'log',
    'any',
    'all',
    'none',
    '1',
    '2',
    'a',
    'b',
    X1!,
    X2!,
    '#',
    '\u{85}'
  )
  const line = fc.array(word, { maxLength: 6 }).map(words => words.join(' '))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), lines => {
      try {
        expect(parsePolicy(lines.join('\n')).isMet(keys)).toBeTypeOf('boolean')
      } catch (error) {
        expect(error).toMatchObject({ code: 'CHAIN_POLICY_INVALID' })
      }
    }),
    { numRuns: 2_000 }
  )
})

test('a checkpoint is opened by the policy: its log, and witnesses that are enough', () => {
  const policy = parsePolicy(EXAMPLE)
  const text = checkpointText({ origin: log.name, size: 7, root: new Uint8Array(32).fill(9) })
  const note = (...seeds: number[]) =>
    formatNote({
      text,
      signatures: [
        signNote(text, log.name, ownerOf(99)),
        ...seeds.map(seed => cosignNote(text, witness(seed).name, ownerOf(seed), 1_790_000_000))
      ]
    })
  const open = (text: string) => openCheckpoint(text, signersFor(policy, log.name))
  expect(open(note(1, 3, 5)).witnesses).toEqual(['witness.example/1', 'witness.example/3', 'witness.example/5'])
  for (const seeds of [[], [1, 2], [1, 2, 3], [1, 4, 5, 6], [4, 5, 6]]) {
    expect(() => open(note(...seeds)), String(seeds)).toThrow(expect.objectContaining({ code: 'CHAIN_UNTRUSTED' }))
  }
  // the log has to have signed too
  const unsigned = note(1, 2, 4).replace(/— talos\/chain .*\n/, '')
  expect(() => open(unsigned)).toThrow(expect.objectContaining({ code: 'CHAIN_UNTRUSTED' }))
  expect(() => signersFor(policy, 'talos/other')).toThrow(expect.objectContaining({ code: 'CHAIN_UNTRUSTED' }))
  const nobody = signersFor(parsePolicy('quorum none\n'), 'talos/other')
  expect(() => openCheckpoint(note(1), nobody)).toThrow(expect.objectContaining({ code: 'CHAIN_UNTRUSTED' }))
})
