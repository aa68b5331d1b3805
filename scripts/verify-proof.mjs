#!/usr/bin/env node
// Verifies a proof of the Talos audit chain, offline, with nothing but Node's own crypto, so that it can be read before it is trusted:
//
//   node verify-proof.mjs FILE --key KEY [--witness KEY]... [--quorum N] [--policy POLICY]
//
// FILE is a c2sp.org/tlog-proof, KEY a C2SP verifier key (name+digits+base64): of the chain's owner, and of witnesses. At least one
// of --key and --quorum says whom you trust; POLICY is a file that says it, c2sp.org/tlog-policy. It prints what is proved, or why it is not; exit status 0, or 1. The formats are in docs/spec/chain.md.
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'

const fail = why => {
  console.error(`NOT PROVED: ${why}`)
  process.exit(1)
}
const check = (is, why) => is || fail(why)
// what stands in a proof does not steer the terminal
const printable = text => text.replace(/[^ -~]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
const sha = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const byte = value => Buffer.from([value])
const base64 = text => {
  const bytes = Buffer.from(text ?? '', 'base64')
  check(bytes.toString('base64') === text, 'it has malformed base64')
  return bytes
}
const signed = (key, message, signature) => {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key])
  return verify(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature)
}

// RFC 6962 trees: the root that a path leads to. Its length follows from index and size.
const split = size => 2 ** Math.ceil(Math.log2(size) - 1)
const pathLength = (index, size) => {
  check(index < size && size <= 2 ** 32, 'a number in it is beyond its tree')
  if (size === 1) return 0
  const k = split(size)
  return 1 + (index < k ? pathLength(index, k) : pathLength(index - k, size - k))
}
const rootOf = (node, index, size, path) => {
  check(path.length === pathLength(index, size), 'a path has the wrong length')
  if (size === 1) return node
  const [k, last, rest] = [split(size), path.at(-1), path.slice(0, -1)]
  return index < k
    ? sha(byte(1), rootOf(node, index, k, rest), last)
    : sha(byte(1), last, rootOf(node, index - k, size - k, rest))
}
const leaf = bytes => sha(byte(0), bytes)

class Reader {
  at = 0
  constructor(bytes) {
    this.bytes = bytes
  }
  take(length) {
    check(this.at + length <= this.bytes.length, 'it is cut off')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
  uint(length) {
    return Number(BigInt(`0x${this.take(length).toString('hex')}`))
  }
  hashes(count) {
    return Array.from({ length: count }, () => this.take(32))
  }
}

// C2SP signed notes.
const readKey = text => {
  const [, name, digits, encoded] =
    /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? fail('a key has not the form name+digits+base64')
  const bytes = base64(encoded)
  const id = sha(Buffer.from(`${name}\n`), bytes).subarray(0, 4)
  check(bytes.length === 33 && id.toString('hex') === digits, `the key of ${name} is malformed`)
  return { name, id, type: bytes[0], key: bytes.subarray(1) }
}
const signedBy = ({ name, id, type, key }, text, lines) => {
  for (const line of lines) {
    const [dash, signer, encoded, ...more] = line.split(' ')
    check(dash === '—' && encoded !== undefined && more.length === 0, 'a signature line is malformed')
    const bytes = base64(encoded)
    if (signer !== name || !bytes.subarray(0, 4).equals(id)) continue
    if (type === 1) return signed(key, Buffer.from(text), bytes.subarray(4))
    const time = bytes.length === 76 ? bytes.readBigUInt64BE(4) : fail('a cosignature is malformed')
    return signed(key, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), bytes.subarray(12))
  }
  return false
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    key: { type: 'string' },
    policy: { type: 'string' },
    witness: { type: 'string', multiple: true, default: [] },
    quorum: { type: 'string', default: '0' }
  }
})
const quorum = Number(values.quorum)
// a policy: who is who, and the rule that has to be met, by the keys that signed
const named = new Map()
const rules = new Map([['none', () => true]])
const grouped = new Set()
const logs = []
let rule
for (const line of values.policy === undefined ? [] : readFileSync(values.policy, 'utf8').split('\n')) {
  const [word, name, ...rest] = line.split(/[ \t]+/).filter(item => item !== '')
  const ruleOf = member => rules.get(member) ?? fail(`the policy does not define ${member}`)
  if (word === undefined || word.startsWith('#')) continue
  else if (word === 'log') logs.push(readKey(name))
  else if (word === 'quorum') rule = check(rule === undefined, 'the policy has two lines "quorum"') && ruleOf(name)
  else {
    check(!rules.has(name), `the policy defines ${name} twice`)
    if (word === 'witness') {
      const key = readKey(rest[0] ?? '')
      check(key.type === 4 && !named.has(`${key.key}`), 'a witness of the policy has a wrong key')
      named.set(`${key.key}`, key)
      rules.set(name, keys => keys.has(`${key.key}`))
    } else if (word === 'group') {
      const [threshold, ...names] = rest
      const members = names.map(member => {
        check(member !== 'none' && !grouped.has(member), `${member} is twice in groups of the policy`)
        grouped.add(member)
        return ruleOf(member)
      })
      const count = threshold === 'any' ? 1 : threshold === 'all' ? names.length : Number(threshold)
      check(count >= 1 && count <= names.length, 'a group of the policy cannot be met')
      rules.set(name, keys => members.filter(met => met(keys)).length >= count)
    } else fail(`the policy has an unknown line: ${word}`)
  }
}
if (values.policy !== undefined) {
  check(rule !== undefined && values.witness.length === 0 && quorum === 0, 'a policy has a quorum, and stands alone')
  check(logs.length > 0 || values.key !== undefined || !rule(new Set()), 'the policy asks for no signature: give --key')
}
check(
  positionals.length === 1 && quorum >= 0,
  'usage: verify-proof.mjs FILE --key KEY [--witness KEY]... [--quorum N] [--policy FILE]'
)
check(values.key !== undefined || quorum > 0 || rule !== undefined, 'say whom you trust: --key, --quorum, or --policy')

// 1. The file: a path from a block to a checkpoint, and the checkpoint.
check(statSync(positionals[0]).size <= 524_288, 'it is too long')
const file = readFileSync(positionals[0], 'utf8')
const [top, ...others] = file.split('\n\n')
const [head, extraLine, indexLine, ...pathLines] = top.split('\n')
check(head === 'c2sp.org/tlog-proof@v1' && others.length === 2, 'it is no tlog-proof')
const [text, lines] = [`${others[0]}\n`, others[1].split('\n')]
check(lines.pop() === '', 'it goes on after its end')
const [origin, size, root, ...extensions] = others[0].split('\n')
check(
  /^talos\/[\w-]{43}$/.test(origin) && /^[1-9][0-9]{0,9}$/.test(size) && extensions.length === 0,
  'its checkpoint is malformed'
)

// 2. The signatures of the checkpoint.
const log = values.key === undefined ? logs.find(({ name }) => name === origin) : readKey(values.key)
check(log !== undefined || logs.length === 0, 'the policy does not name this chain')
if (log !== undefined)
  check(log.name === origin && signedBy(log, text, lines), 'the owner did not sign this checkpoint')
const witnesses = [...named.values(), ...values.witness.map(readKey)].filter(key => signedBy(key, text, lines))
check(
  new Set(witnesses.map(({ key }) => key.toString('hex'))).size >= quorum,
  `only ${witnesses.length} witnesses signed it`
)
if (rule !== undefined)
  check(
    rule(new Set(witnesses.map(({ key }) => `${key}`))),
    'the witnesses that signed it are not enough for the policy'
  )

// 3. From the record to the block.
const extra = new Reader(base64(extraLine?.replace(/^extra /, '')))
check(extra.uint(1) === 1, 'it is of another version')
const index = extra.uint(4)
const [before, after] = [extra.take(48), extra.take(84)]
const blockSignature = extra.take(64)
const record = Buffer.concat([byte(0), extra.take(extra.uint(2))])
const [flags, height, producer, count] = [
  before.readUInt16BE(2),
  before.readUInt32BE(4),
  after.subarray(32, 64),
  after.readUInt32BE(64)
]
const recordSignature = flags === 1 ? extra.take(64) : undefined
check(before.readUInt16BE(0) === 1 && flags <= 1, 'its header is of another version')
check(
  record.length >= 122 && record[1] === 1 && record.length === 122 + record.readUInt16BE(120),
  'its record is malformed'
)
const recordsRoot = rootOf(sha(record), index, count, extra.hashes(pathLength(index, count)))
const hash = sha(Buffer.from('talos/block/v1\0'), before, recordsRoot, after)
check(
  signed(producer, Buffer.concat([Buffer.from('talos/block-seal/v1\0'), hash]), blockSignature),
  'the block is not signed'
)

// 4. From the block to the checkpoint.
check(indexLine === `index ${height}`, 'it is of another block')
check(
  rootOf(leaf(hash), height, Number(size), pathLines.map(base64)).equals(base64(root)),
  'the block is not in the checkpoint'
)

// 5. Whose record it is.
const author = record.subarray(4, 36)
const statement = [Buffer.from('talos/chain-record/v1\0'), Buffer.from(origin.slice(6), 'base64url'), sha(record)]
const isAuthors =
  recordSignature === undefined ? author.equals(producer) : signed(author, Buffer.concat(statement), recordSignature)
check(isAuthors, 'the record is not by its author')

// 6. What the owner opened of it.
const seen = new Set()
const opened = Array.from({ length: extra.uint(1) }, () => {
  const [at, of, salt] = [extra.uint(1), extra.uint(1), extra.take(16)]
  const name = extra.take(extra.uint(1))
  check(/^[a-z0-9._-]{1,64}$/.test(`${name}`), 'a field has a name that cannot be')
  check(seen.size < seen.add(`${name}`).size, 'a field is opened twice')
  const value = extra.take(extra.uint(4))
  const node = leaf(Buffer.concat([salt, byte(name.length), name, value]))
  const isTrue = rootOf(node, at, of, extra.hashes(pathLength(at, of))).equals(record.subarray(88, 120))
  check(isTrue, `the field ${name} is not what was recorded`)
  const content = value.subarray(1)
  const shown = [
    () => content.toString('hex'),
    () => printable(JSON.stringify(content.toString())),
    () => content.readBigUInt64BE(0)
  ]
  return `  ${name}: ${(shown[value[0]] ?? fail('a field is malformed'))()}`
})
check(extra.at === extra.bytes.length, 'it goes on after its end')

const KINDS =
  ' MESSAGE SESSION CAP_GRANT CAP_REVOKE KEY_ROTATE IDENTITY INVOCATION EXECUTION FILE ANCHOR CHECKPOINT DENIAL'.split(
    ' '
  )
const time = at => new Date(Number(at)).toISOString()
console.log(`PROVED: record ${sha(record).toString('hex')}
  kind ${KINDS[record[2]]}, number ${record.readBigUInt64BE(40)} of ${author.toString('hex')}, ${time(record.readBigUInt64BE(80))}
  in block ${height} of ${size} of ${origin}, ${time(before.readBigUInt64BE(8))}
  signed by ${[...(log === undefined ? [] : ['its owner']), ...witnesses.map(({ name }) => name)].join(', ')}`)
for (const line of opened) console.log(line)
