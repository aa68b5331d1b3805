import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { formatNoteKey, formatProof, originOf, parseProof, proveRecord } from '../../src/chain/index.ts'
import { cosignNote, formatNote, NOTE_KEY, parseNote } from '../../src/chain/note.ts'
import { didKeyOf, hexOf, peerIdOf } from '../../src/crypto/peer-key.ts'
import { isTalosError } from '../../src/errors.ts'
import { readProof, readProofFile, verifyProof } from '../../src/node/proof-file.ts'
import { ownerOf } from '../support/keys.ts'
import { localChain } from '../support/local-chain.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** A chain with some records, and the text of a proof of one of them. */
async function proved(owner = 1, open: string[] = ['peer', 'size']) {
  const agent = await localChain({ owner: ownerOf(owner) })
  await agent.fill(20, 6)
  const { id } = (await agent.chain.recordOf('message/8'))!
  const proof = await proveRecord(agent.chain, id, { open })
  const key = { name: originOf(agent.chain.chain.id), type: NOTE_KEY.ed25519, publicKey: agent.owner.publicKey }
  return { agent, id, proof, text: formatProof(proof), key: formatNoteKey(key), publicKey: agent.owner.publicKey }
}

const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (isTalosError(error)) return error.code
    throw error
  }
  return 'nothing is wrong'
}

test('a proof says whose it is, and holds for that owner in every spelling, and for no other', async () => {
  const { text, key, publicKey, id } = await proved()
  const peerId = peerIdOf(publicKey)
  const verified = verifyProof(text)
  expect(verified).toMatchObject({
    record: Buffer.from(id).toString('hex'),
    kind: 'MESSAGE',
    author: peerId,
    sequence: 9,
    fieldCount: 6,
    block: { height: 2 },
    checkpoint: { size: 5, key, witnesses: [] },
    fields: [
      { name: 'peer', value: 'bob' },
      { name: 'size', value: 1008 }
    ]
  })
  for (const owner of [peerId, didKeyOf(publicKey), hexOf(publicKey)])
    expect(verifyProof(text, { owner })).toEqual(verified)
  expect(verifyProof(text, { key }).author).toBe(peerId)
  expect(readProof(text)).toMatchObject({ record: verified.record, fields: verified.fields })
  const stranger = ownerOf(9).publicKey
  expect(codeOf(() => verifyProof(text, { owner: peerIdOf(stranger) }))).toBe('CHAIN_UNTRUSTED')
  const forged = { name: verified.checkpoint.origin, type: NOTE_KEY.ed25519, publicKey: stranger }
  expect(codeOf(() => verifyProof(text, { key: formatNoteKey(forged) }))).toBe('CHAIN_UNTRUSTED')
  expect(codeOf(() => verifyProof(text, { owner: 'alice' }))).toBe('PEER_INVALID')
  expect(codeOf(() => verifyProof(text, { key: 'no key' }))).toBe('CHAIN_NOTE_INVALID')
})

test('witnesses count that are named, and each once', async () => {
  const { proof } = await proved()
  const [one, two] = [ownerOf(5), ownerOf(6)]
  const { text } = parseNote(proof.checkpoint)
  const signatures = [...parseNote(proof.checkpoint).signatures, cosignNote(text, 'one', one, 1_000)]
  const cosigned = formatProof({ ...proof, checkpoint: formatNote({ text, signatures }) })
  const keyOf = (name: string, { publicKey }: { publicKey: Uint8Array }) =>
    formatNoteKey({ name, type: NOTE_KEY.cosignature, publicKey })
  expect(verifyProof(cosigned, { witnesses: [keyOf('one', one)], quorum: 1 }).checkpoint.witnesses).toEqual(['one'])
  for (const witnesses of [[keyOf('two', two)], [keyOf('one', two)]]) {
    expect(codeOf(() => verifyProof(cosigned, { witnesses, quorum: 1 }))).toBe('CHAIN_UNTRUSTED')
  }
  const both = [keyOf('one', one), keyOf('two', two)]
  expect(codeOf(() => verifyProof(cosigned, { witnesses: both, quorum: 2 }))).toBe('CHAIN_UNTRUSTED')
})

test('whatever character is changed or cut off, the proof is refused with a code of its own', async () => {
  const { text } = await proved()
  const codes = new Set<string>()
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === 'A' ? 'B' : 'A'
    const code = codeOf(() => verifyProof(text.slice(0, at) + other + text.slice(at + 1)))
    expect(code, `character ${at}`).toMatch(/^CHAIN_(PROOF_INVALID|UNTRUSTED|NOTE_INVALID|CHECKPOINT_INVALID)$/)
    codes.add(code)
    expect(
      codeOf(() => verifyProof(text.slice(0, at))),
      `cut at ${at}`
    ).toMatch(/^CHAIN_/)
  }
  expect(codeOf(() => verifyProof(`${text}x`))).toMatch(/^CHAIN_/)
  expect(codes).toContain('CHAIN_PROOF_INVALID')
})

test('nothing of one proof can stand in another: fields, paths, checkpoints, chains', async () => {
  const mine = await proved(1, ['peer', 'size'])
  const other = await proved(2, ['peer', 'size'])
  const { id } = (await mine.agent.chain.recordOf('message/9'))!
  const next = await proveRecord(mine.agent.chain, id, { open: ['size'] })
  const forgeries: Record<string, object> = {
    'a disclosure of another record': { opened: next.opened },
    'a field opened under another value': { opened: [{ ...mine.proof.opened[1]!, value: 1009 }] },
    'a field opened under another name': { opened: [{ ...mine.proof.opened[1]!, name: 'sizes' }] },
    'a field at another place': { opened: [{ ...mine.proof.opened[1]!, index: 2 }] },
    'a field opened twice': { opened: [mine.proof.opened[0]!, mine.proof.opened[0]!] },
    'a number shown as text': { opened: [{ ...mine.proof.opened[1]!, value: '1008' }] },
    'the record of the block beside it': { record: next.record },
    'the checkpoint of another chain': { checkpoint: other.proof.checkpoint, size: other.proof.size },
    'the history of another chain': { historyPath: other.proof.historyPath },
    'the block of another chain': { header: other.proof.header, signature: other.proof.signature },
    'the record of another chain': { record: other.proof.record, blockPath: other.proof.blockPath },
    'the signature of another block': { signature: other.proof.signature }
  }
  for (const [name, part] of Object.entries(forgeries)) {
    let text: string | undefined
    const code = codeOf(() => {
      text = formatProof({ ...mine.proof, ...part })
      verifyProof(text)
    })
    expect(code, name).toMatch(/^CHAIN_/)
    expect(
      codeOf(() => verifyProof(text ?? '', { owner: peerIdOf(mine.publicKey) })),
      name
    ).toMatch(/^CHAIN_/)
  }
  // a whole proof of another chain is a proof, of another agent
  expect(verifyProof(other.text).author).toBe(peerIdOf(other.publicKey))
  expect(codeOf(() => verifyProof(other.text, { owner: peerIdOf(mine.publicKey) }))).toBe('CHAIN_UNTRUSTED')
  expect(codeOf(() => verifyProof(other.text, { key: mine.key }))).toBe('CHAIN_UNTRUSTED')
  expect(verifyProof(formatProof(parseProof(mine.text))).record).toBe(verifyProof(mine.text).record)
})

test('a file that is no proof is refused before much of it is read', async () => {
  const folder = temporaryFolder()
  const put = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const { text } = await proved()
  expect(await readProofFile(put('good', text))).toBe(text)
  const refused = (path: string, code: string) => expect(readProofFile(path)).rejects.toMatchObject({ code })
  await refused(put('long', 'x'.repeat(600_000)), 'CHAIN_PROOF_INVALID')
  await refused(put('binary', Uint8Array.of(0xff, 0xfe, 0)), 'CHAIN_PROOF_INVALID')
  await refused(join(folder, 'none'), 'STORAGE_READ_FAILED')
  mkdirSync(join(folder, 'folder'))
  await refused(join(folder, 'folder'), 'STORAGE_READ_FAILED')
  for (const content of [
    '',
    '\n',
    '{"a": 1}',
    'c2sp.org/tlog-proof@v1\n\n',
    text.slice(0, 200),
    `${text}\n\n${text}`
  ]) {
    expect(
      codeOf(() => verifyProof(content)),
      content.slice(0, 30)
    ).toMatch(/^CHAIN_(PROOF|NOTE|CHECKPOINT)_INVALID$/)
  }
})

test('the script of one file proves what Talos proves, and refuses what it refuses', { timeout: 60_000 }, async () => {
  const { text, key } = await proved()
  const folder = temporaryFolder()
  const run = async (content: string): Promise<number> => {
    writeFileSync(join(folder, 'proof.txt'), content)
    const args = ['scripts/verify-proof.mjs', join(folder, 'proof.txt'), '--key', key]
    try {
      const { stdout } = await promisify(execFile)(process.execPath, args)
      expect(stdout).toMatch(/^PROVED: record /)
      expect(stdout).toContain('size: 1008')
      return 0
    } catch (error) {
      return (error as { code: number }).code
    }
  }
  expect(await run(text)).toBe(0)
  for (const at of [30, 200, 700, text.indexOf('index'), text.length - 20]) {
    expect(await run(`${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`), `${at}`).toBe(1)
  }
  for (const content of [text.slice(0, -30), `${text}x`, `${text}${'x'.repeat(600_000)}`, ''])
    expect(await run(content)).toBe(1)
  expect(await run((await proved(2)).text)).toBe(1)

  const hostile = await localChain({ owner: ownerOf(1) })
  await hostile.append({ kind: 'FILE', fields: [{ name: 'note', value: 'a\u009b2J\u202e\u001b]0;x\u0007"é' }] })
  await hostile.chain.sealAll()
  const { id } = (await hostile.chain.recordAt(1))!
  writeFileSync(join(folder, 'proof.txt'), formatProof(await proveRecord(hostile.chain, id, { open: ['note'] })))
  const name = originOf(hostile.chain.chain.id)
  const own = formatNoteKey({ name, type: NOTE_KEY.ed25519, publicKey: hostile.owner.publicKey })
  const args = ['scripts/verify-proof.mjs', join(folder, 'proof.txt'), '--key', own]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toContain('note: "a\\u009b2J\\u202e\\u001b]0;x\\u0007\\"\\u00e9"')
})
