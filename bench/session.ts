/**
 * `npm run bench:session [-- --write]`: messages a second of the sessions, against our own @noble provider and
 * @matrix-org/olm (installed into .cache/ on the first run; it is no dependency).
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { CryptoProvider } from '../src/crypto/index.ts'
import { noble } from '../src/crypto/noble.ts'
import { openssl } from '../src/crypto/openssl.ts'
import {
  beginSession,
  certifyAgreementKey,
  createBook,
  issueBundle,
  type LocalIdentity,
  maintainPrekeys,
  NO_PREKEYS,
  openMessage,
  retireBook,
  type SessionBook,
  StreamSession,
  sealMessage,
  verifyBundle
} from '../src/protocols/ratchet/index.ts'
import { table, writeSection } from './report.ts'

// many short rounds: on a busy machine some of them are left alone
const ROUNDS = 101
const BODY = new Uint8Array(1024).fill(0x61)

/** One thing to measure: `run` does `count` operations. */
interface Contender {
  name: string
  run: (count: number) => void
  /** Operations in one round: of Talos 10 to 15 ms, so that caches which the others emptied weigh little. */
  count: number
}

function identityOf(crypto: CryptoProvider): LocalIdentity {
  const signing = crypto.ed25519.generate()
  const agreement = crypto.x25519.generate()
  const agreementCertificate = certifyAgreementKey(signing, agreement.publicKey)
  return { publicKey: signing.publicKey, sign: bytes => signing.sign(bytes), agreement, agreementCertificate }
}

function handshake(crypto: CryptoProvider, alice: LocalIdentity, bob: LocalIdentity, stock = NO_PREKEYS) {
  const now = Date.now()
  const context = { crypto, now }
  const { prekeys, bundle } = issueBundle(crypto, stock, bob, now, { oneTime: true })
  const verified = verifyBundle(crypto, bundle, bob.publicKey, now)
  const begun = beginSession(createBook(alice.publicKey, bob.publicKey), alice, verified, context)
  const sealed = sealMessage(begun.book, BODY, context)
  const opened = openMessage(createBook(bob.publicKey, alice.publicKey), sealed.message, bob, prekeys, context)
  return { mine: sealed.book, theirs: opened.book, prekeys }
}

function sessions(crypto: CryptoProvider) {
  const [alice, bob] = [identityOf(crypto), identityOf(crypto)]
  const context = { crypto, now: Date.now() }
  const start = handshake(crypto, alice, bob)
  let mine = start.mine
  let theirs = start.theirs
  const pass = (from: SessionBook, to: SessionBook, receiver: LocalIdentity): [SessionBook, SessionBook] => {
    const sealed = sealMessage(from, BODY, context)
    retireBook(from, sealed.book)
    const opened = openMessage(to, sealed.message, receiver, start.prekeys, context)
    retireBook(to, opened.book)
    return [sealed.book, opened.book]
  }
  const there = () => ([mine, theirs] = pass(mine, theirs, bob))
  const back = () => ([theirs, mine] = pass(theirs, mine, alice))
  back()
  there()
  return {
    oneWay: (count: number) => {
      for (let i = 0; i < count; i++) there()
    },
    pingPong: (count: number) => {
      for (let i = 0; i < count; i += 2) {
        there()
        back()
      }
    }
  }
}

function handshakes(crypto: CryptoProvider): (count: number) => void {
  const [alice, bob] = [identityOf(crypto), identityOf(crypto)]
  const stock = maintainPrekeys(crypto, NO_PREKEYS, Date.now())
  return count => {
    for (let i = 0; i < count; i++) handshake(crypto, alice, bob, stock)
  }
}

function streams(crypto: CryptoProvider): (count: number) => void {
  const key = crypto.x25519.generate()
  const options = () => ({
    crypto,
    clock: () => performance.now(),
    secret: new Uint8Array(32).fill(7),
    context: new Uint8Array(80)
  })
  const client = StreamSession.initiator(options(), key.publicKey)
  const server = StreamSession.responder(options(), key)
  return count => {
    for (let i = 0; i < count; i += 2) {
      server.open(client.seal(BODY))
      client.open(server.seal(BODY))
    }
  }
}

interface OlmSession {
  create_outbound(account: OlmAccount, identityKey: string, oneTimeKey: string): void
  create_inbound(account: OlmAccount, message: string): void
  encrypt(text: string): { type: 0 | 1; body: string }
  decrypt(type: number, body: string): string
}
interface OlmAccount {
  create(): void
  identity_keys(): string
  generate_one_time_keys(count: number): void
  one_time_keys(): string
  remove_one_time_keys(session: OlmSession): void
  mark_keys_as_published(): void
}
interface Olm {
  init(): Promise<void>
  Account: new () => OlmAccount
  Session: new () => OlmSession
}

async function loadOlm(): Promise<Olm | string> {
  const folder = fileURLToPath(new URL('../.cache/bench/', import.meta.url))
  const installed = `${folder}node_modules/@matrix-org/olm/package.json`
  try {
    if (!existsSync(installed)) {
      mkdirSync(folder, { recursive: true })
      const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, '@matrix-org/olm@3.2.15']
      execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000 })
    }
    const olm = createRequire(installed)('@matrix-org/olm') as Olm
    await olm.init()
    return olm
  } catch (error) {
    return `@matrix-org/olm is left out: ${(error as Error).message.split('\n', 1)[0]}`
  }
}

function olmSessions(olm: Olm) {
  const text = 'a'.repeat(BODY.length)
  const [alice, bob] = [new olm.Account(), new olm.Account()]
  alice.create()
  bob.create()
  const connect = () => {
    bob.generate_one_time_keys(1)
    const [oneTime] = Object.values(JSON.parse(bob.one_time_keys()).curve25519 as Record<string, string>)
    const [out, inn] = [new olm.Session(), new olm.Session()]
    out.create_outbound(alice, JSON.parse(bob.identity_keys()).curve25519, oneTime!)
    const first = out.encrypt(text)
    inn.create_inbound(bob, first.body)
    inn.decrypt(first.type, first.body)
    bob.remove_one_time_keys(inn)
    bob.mark_keys_as_published()
    return [out, inn] as const
  }
  const [out, inn] = connect()
  const pass = (from: OlmSession, to: OlmSession) => {
    const { type, body } = from.encrypt(text)
    to.decrypt(type, body)
  }
  pass(inn, out)
  return {
    oneWay: (count: number) => {
      for (let i = 0; i < count; i++) pass(out, inn)
    },
    pingPong: (count: number) => {
      for (let i = 0; i < count; i += 2) {
        pass(out, inn)
        pass(inn, out)
      }
    },
    handshake: (count: number) => {
      for (let i = 0; i < count; i++) connect()
    }
  }
}

/** Alternating rounds of all contenders; microseconds an operation, best and median. */
function measure(contenders: Contender[]): Array<{ name: string; best: number; median: number }> {
  const times = contenders.map((): number[] => [])
  // long enough that the slow start of a JIT is over
  for (const { run, count } of contenders) for (let i = 0; i < 10; i++) run(count)
  for (let round = 0; round < ROUNDS; round++) {
    contenders.forEach(({ run, count }, i) => {
      const start = performance.now()
      run(count)
      times[i]!.push(((performance.now() - start) * 1000) / count)
    })
  }
  return contenders.map(({ name }, i) => {
    const sorted = times[i]!.sort((a, b) => a - b)
    return { name, best: sorted[0]!, median: sorted[ROUNDS >> 1]! }
  })
}

const olm = await loadOlm()
const other = typeof olm === 'string' ? undefined : olmSessions(olm)
const [native, pure] = [sessions(openssl), sessions(noble)]

const olmRun = (run: ((count: number) => void) | undefined, count: number): Contender[] =>
  run === undefined ? [] : [{ name: '@matrix-org/olm', run, count }]
const measures: Array<{ title: string; target: number; contenders: Contender[] }> = [
  {
    title: 'One direction, 1 KB, encrypt + decrypt',
    target: 1e6 / 20_000,
    contenders: [
      { name: 'Talos', run: native.oneWay, count: 300 },
      { name: 'Talos on @noble', run: pure.oneWay, count: 60 },
      ...olmRun(other?.oneWay, 60)
    ]
  },
  {
    title: 'Alternating directions, 1 KB, a DH step each message',
    target: 1e6 / 3_500,
    contenders: [
      { name: 'Talos', run: native.pingPong, count: 60 },
      { name: 'Talos on @noble', run: pure.pingPong, count: 4 },
      ...olmRun(other?.pingPong, 10)
    ]
  },
  {
    title: 'Handshake, both sides, with first message',
    target: 1500,
    contenders: [
      { name: 'Talos (PQXDH)', run: handshakes(openssl), count: 10 },
      { name: 'Talos (PQXDH) on @noble', run: handshakes(noble), count: 1 },
      ...olmRun(other?.handshake, 5).map(contender => ({
        ...contender,
        name: '@matrix-org/olm (3DH, not post-quantum)'
      }))
    ]
  },
  {
    title: 'Stream ratchet, 1 KB request and answer, per message',
    target: 1e6 / 20_000,
    contenders: [
      { name: 'Talos', run: streams(openssl), count: 300 },
      { name: 'Talos on @noble', run: streams(noble), count: 60 }
    ]
  }
]

const perSecond = (microseconds: number) => Math.round(1e6 / microseconds).toLocaleString('en-US')
const sections = measures.map(({ title, target, contenders }) => {
  const results = measure(contenders)
  const ours = results[0]!
  const rows = results.map(({ name, best, median }) => [
    name,
    perSecond(best),
    perSecond(median),
    best.toFixed(1),
    `${(best / ours.best).toFixed(1)} (${(median / ours.median).toFixed(1)})`
  ])
  const reached = ours.best <= target ? 'reached' : 'NOT reached'
  return [
    `**${title}.** Target ${perSecond(target)}/s (${target.toFixed(0)} µs): ${reached}.`,
    '',
    table(['', 'best /s', 'median /s', 'best µs', 'Talos is faster by × (median)'], rows)
  ].join('\n')
})
const notes = [
  `${ROUNDS} alternating rounds. Talos includes the session book, a 32-byte key commitment and a 16-byte salt per message.`,
  typeof olm === 'string'
    ? olm
    : '@matrix-org/olm is WebAssembly, works on base64 strings and truncates its MAC to 8 bytes.'
]
const report = [...sections, notes.join(' ')].join('\n\n')
console.log(report)
if (process.argv.includes('--write')) writeSection('session', 'Sessions (`npm run bench:session`)', report)
