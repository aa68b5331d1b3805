import { TalosError } from '../errors.ts'
import type { SignerPolicy } from './checkpoint.ts'
import { base64, NOTE_KEY, type NoteKey, parseNoteKey } from './note.ts'

/** A log or a witness of a policy file. */
export interface PolicyMember {
  key: NoteKey
  /** What the file says of where it is: for a witness of Talos a multiaddr that ends with /p2p/ and its PeerId. */
  url?: string
}

export interface PolicyWitness extends PolicyMember {
  /** What the file calls it; it means nothing outside. */
  name: string
}

/** A C2SP trust policy: https://c2sp.org/tlog-policy. */
export interface TrustPolicy {
  /** Chains that are accepted; none for all that are known from elsewhere. */
  logs: readonly PolicyMember[]
  witnesses: readonly PolicyWitness[]
  /** Signatures that the quorum takes at the least. */
  least: number
  /** Whether those that signed are enough. */
  isMet(signers: readonly NoteKey[]): boolean
}

type Rule = (signers: ReadonlySet<string>) => boolean
interface Member {
  rule: Rule
  least: number
}

const MAX_LENGTH = 65_536
/** Of logs, of witnesses, and of groups. */
const MAX_EACH = 48

/** Reads a policy file. @throws CHAIN_POLICY_INVALID, which names the line */
export function parsePolicy(text: string): TrustPolicy {
  if (text.length > MAX_LENGTH) throw invalid(0, `it has more than ${MAX_LENGTH} characters`)
  const reader = new PolicyReader()
  for (const [i, line] of text.split('\n').entries()) reader.line(i + 1, line)
  return reader.policy()
}

/** What the policy asks of a checkpoint of this origin. @throws CHAIN_UNTRUSTED when it names logs, and not this one */
export function signersFor(policy: TrustPolicy, origin: string): SignerPolicy {
  const { logs, witnesses, least, isMet } = policy
  const log = logs.find(({ key }) => key.name === origin)
  if (log === undefined && logs.length > 0) {
    throw new TalosError('CHAIN_UNTRUSTED', `the policy does not name ${origin}`, {
      hint: 'Add a line "log" with the key of its owner, or leave out all such lines.'
    })
  }
  return {
    ...(log === undefined ? {} : { log: log.key }),
    witnesses: witnesses.map(({ key }) => key),
    quorum: { least, isMet }
  }
}

class PolicyReader {
  readonly #logs: PolicyMember[] = []
  readonly #witnesses: PolicyWitness[] = []
  readonly #members = new Map<string, Member>()
  /** Names that are in a group already: each counts once. */
  readonly #grouped = new Set<string>()
  readonly #keys = new Set<string>()
  #groups = 0
  #quorum: Member | undefined

  line(number: number, line: string): void {
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) throw invalid(number, 'it has a control character')
    const [keyword, ...items] = line.split(/[ \t]+/).filter(item => item !== '')
    if (keyword === undefined || keyword.startsWith('#')) return
    try {
      if (keyword === 'log') this.#log(items)
      else if (keyword === 'witness') this.#witness(items)
      else if (keyword === 'group') this.#group(items)
      else if (keyword === 'quorum') this.#setQuorum(items)
      else throw new Error(`a line begins with log, witness, group or quorum, not ${JSON.stringify(keyword)}`)
    } catch (cause) {
      throw invalid(number, (cause as Error).message)
    }
  }

  policy(): TrustPolicy {
    const quorum = this.#quorum
    if (quorum === undefined) throw invalid(0, 'it has no line "quorum"')
    return {
      logs: this.#logs,
      witnesses: this.#witnesses,
      least: quorum.least,
      isMet: signers => quorum.rule(new Set(signers.map(({ publicKey }) => base64(publicKey))))
    }
  }

  #log([encoded, url, ...more]: string[]): void {
    if (encoded === undefined || more.length > 0) throw new Error('a log has a key, and perhaps a URL')
    const key = this.#key(encoded, NOTE_KEY.ed25519, 'log')
    if (this.#logs.length >= MAX_EACH) throw new Error(`there are more than ${MAX_EACH} logs`)
    this.#logs.push({ key, ...(url === undefined ? {} : { url }) })
  }

  #witness([name, encoded, url, ...more]: string[]): void {
    if (name === undefined || encoded === undefined || more.length > 0)
      throw new Error('a witness has a name, a key, and perhaps a URL')
    const key = this.#key(encoded, NOTE_KEY.cosignature, 'witness')
    if (this.#witnesses.length >= MAX_EACH) throw new Error(`there are more than ${MAX_EACH} witnesses`)
    this.#witnesses.push({ name, key, ...(url === undefined ? {} : { url }) })
    const id = base64(key.publicKey)
    this.#define(name, { rule: signers => signers.has(id), least: 1 })
  }

  #group([name, threshold, ...names]: string[]): void {
    if (name === undefined || threshold === undefined || names.length === 0)
      throw new Error('a group has a name, a number (or any, or all), and members')
    if (++this.#groups > MAX_EACH) throw new Error(`there are more than ${MAX_EACH} groups`)
    const members = names.map(member => {
      if (this.#grouped.has(member)) throw new Error(`${member} is in a group already`)
      this.#grouped.add(member)
      return this.#defined(member)
    })
    const count = threshold === 'any' ? 1 : threshold === 'all' ? members.length : Number(threshold)
    if (!/^(any|all|[1-9][0-9]{0,3})$/.test(threshold) || count > members.length)
      throw new Error(`of ${members.length} members ${threshold} cannot be needed`)
    const least = members
      .map(member => member.least)
      .sort((a, b) => a - b)
      .slice(0, count)
      .reduce((sum, each) => sum + each, 0)
    this.#define(name, { rule: signers => members.filter(({ rule }) => rule(signers)).length >= count, least })
  }

  #setQuorum([name, ...more]: string[]): void {
    if (name === undefined || more.length > 0) throw new Error('a quorum is one name')
    if (this.#quorum !== undefined) throw new Error('there is one line "quorum" only')
    this.#quorum = name === 'none' ? { rule: () => true, least: 0 } : this.#defined(name)
  }

  #key(encoded: string, type: NoteKey['type'], what: string): NoteKey {
    const key = parseNoteKey(encoded)
    if (key.type !== type) throw new Error(`the key of a ${what} has type ${type}`)
    // duplicates are counted by the key itself, whatever its name
    const id = `${what}/${base64(key.publicKey)}`
    if (this.#keys.has(id)) throw new Error(`this key is there twice`)
    this.#keys.add(id)
    return key
  }

  #define(name: string, member: Member): void {
    if (name === 'none') throw new Error('"none" is no name')
    if (this.#members.has(name)) throw new Error(`${name} is defined twice`)
    this.#members.set(name, member)
  }

  #defined(name: string): Member {
    const member = this.#members.get(name)
    if (member === undefined) throw new Error(`${name} is not defined above`)
    return member
  }
}

function invalid(line: number, why: string): TalosError {
  const where = line === 0 ? 'the policy' : `the policy, line ${line}`
  return new TalosError('CHAIN_POLICY_INVALID', `${where}: ${why}`, { hint: 'See c2sp.org/tlog-policy.' })
}
