import { shake128 } from '@noble/hashes/sha3.js'
import { createNoble } from '../../src/crypto/noble.ts'
import {
  beginSession,
  certifyAgreementKey,
  createBook,
  encodeBook,
  encodePrekeys,
  issueBundle,
  type LocalIdentity,
  maintainPrekeys,
  NO_PREKEYS,
  noSessionNotice,
  openMessage,
  type Prekeys,
  StreamSession,
  sealMessage,
  spendPrekeys,
  verifyBundle
} from '../../src/protocols/ratchet/index.ts'
import { START, text } from './session-party.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/**
 * One fixed conversation with all its secrets: what test/vectors/session.json holds. Everything random comes from
 * SHAKE128 of the empty string, in the order of use; each draw is in the result under the name of what it became.
 */
export function makeSessionVectors(): Record<string, unknown> {
  const source = shake128.create({})
  let draws: Uint8Array[] = []
  const crypto = createNoble(length => {
    const bytes = source.xof(length)
    draws.push(bytes.slice())
    return bytes
  })
  const drawn = () => {
    const taken = draws.map(hex)
    draws = []
    return taken
  }
  const party = () => {
    const signing = crypto.ed25519.generate()
    const agreement = crypto.x25519.generate()
    const [ed25519Seed, x25519Secret] = drawn()
    const identity: LocalIdentity = {
      publicKey: signing.publicKey,
      sign: bytes => signing.sign(bytes),
      agreement,
      agreementCertificate: certifyAgreementKey(signing, agreement.publicKey)
    }
    const shown = {
      ed25519Seed,
      x25519Secret,
      ed25519PublicKey: hex(identity.publicKey),
      x25519PublicKey: hex(agreement.publicKey),
      agreementCertificate: hex(identity.agreementCertificate)
    }
    return { identity, shown }
  }
  const context = { crypto, now: START }
  const alice = party()
  const bob = party()

  const stock = maintainPrekeys(crypto, NO_PREKEYS, START)
  drawn()
  const issued = issueBundle(crypto, stock, bob.identity, START, { oneTime: true })
  const { bundle } = issued
  // the one that was handed out and one in stock, of both kinds: enough to show the stored form
  const prekeys: Prekeys = {
    ...issued.prekeys,
    oneTime: issued.prekeys.oneTime.slice(0, 2),
    oneTimeKem: issued.prekeys.oneTimeKem.slice(0, 2)
  }
  const [signed, lastResort] = [prekeys.signed[0]!, prekeys.lastResortKem[0]!]
  const [oneTime, oneTimeKem] = [prekeys.oneTime[0]!, prekeys.oneTimeKem[0]!]

  const handshake = (useOneTime: boolean) => {
    const verified = verifyBundle(crypto, bundle, bob.identity.publicKey, START)
    const book = createBook(alice.identity.publicKey, bob.identity.publicKey)
    const begun = beginSession(book, alice.identity, verified, context, useOneTime)
    const [ephemeralSecret, encapsulationCoins, firstRatchetSecret] = drawn()
    const session = begun.book.sessions[0]!
    const kem = useOneTime ? oneTimeKem : lastResort
    const { rootKey, sendChain } = session.ratchet
    return {
      book: begun.book,
      shown: {
        usesOneTimePrekeys: useOneTime,
        createdAt: session.createdAt,
        ephemeralSecret,
        encapsulationCoins,
        kemSharedSecret: hex(kem.key.decapsulate(session.initiation.slice(-1088))),
        initiation: hex(session.initiation),
        sid: hex(session.sid),
        firstRatchetSecret,
        rootKeyAfterFirstStep: hex(rootKey),
        firstSendChain: hex(sendChain!)
      }
    }
  }

  const started = handshake(true)
  let mine = started.book
  let theirs = createBook(bob.identity.publicKey, alice.identity.publicKey)
  let left = prekeys
  const messages: unknown[] = []
  const late: Array<() => void> = []
  const send = (from: 'alice' | 'bob', body: string, deliver = true) => {
    const sealed = sealMessage(from === 'alice' ? mine : theirs, text(body), context)
    const secrets = drawn()
    const open = () => {
      const receiver = from === 'alice' ? bob.identity : alice.identity
      const opened = openMessage(from === 'alice' ? theirs : mine, sealed.message, receiver, left, context)
      left = spendPrekeys(left, opened.spent)
      if (from === 'alice') theirs = opened.book
      else mine = opened.book
    }
    if (from === 'alice') mine = sealed.book
    else theirs = sealed.book
    messages.push({
      from,
      plaintext: hex(text(body)),
      newRatchetSecret: secrets.length === 2 ? secrets[0] : null,
      salt: secrets.at(-1),
      message: hex(sealed.message),
      delivered: deliver ? 'at once' : 'after the last message'
    })
    if (deliver) open()
    else late.push(open)
  }
  send('alice', 'hello')
  send('alice', '', false)
  send('alice', 'third')
  send('bob', 'welcome')
  send('bob', 'lost in the post', false)
  send('alice', 'a new chain')
  send('bob', 'another')
  send('bob', 'x'.repeat(300))
  const stateBeforeLate = { alice: hex(encodeBook(mine)), bob: hex(encodeBook(theirs)) }
  for (const open of late) open()

  const withoutOneTime = handshake(false)
  const streamKey = crypto.x25519.generate()
  const streamSecret = crypto.randomBytes(32)
  const [streamKeySecret, streamSecretHex] = drawn()
  const streamContext = text('stream vectors')
  let time = 0
  const options = () => ({ crypto, clock: () => time, secret: streamSecret.slice(), context: streamContext })
  const initiator = StreamSession.initiator(options(), streamKey.publicKey)
  const [streamFirstRatchetSecret] = drawn()
  const responder = StreamSession.responder(options(), streamKey)
  const streamMessages: unknown[] = []
  const stream = (from: 'initiator' | 'responder', body: string) => {
    const [sender, receiver] = from === 'initiator' ? [initiator, responder] : [responder, initiator]
    const message = sender.seal(text(body))
    const secrets = drawn()
    receiver.open(message)
    const newRatchetSecret = secrets.length === 2 ? secrets[0] : null
    streamMessages.push({
      from,
      at: time,
      plaintext: hex(text(body)),
      newRatchetSecret,
      salt: secrets.at(-1),
      message: hex(message)
    })
  }
  stream('responder', 'first word')
  stream('initiator', 'request')
  stream('responder', 'answer on the old key')
  time = 1000
  stream('responder', 'answer on a new key')
  stream('initiator', 'request on a new key')

  return {
    about:
      'Known answers for docs/spec/session.md. All byte strings are hex. Secrets are X25519 secrets (32 bytes before clamping), Ed25519 seeds, ML-KEM-768 seeds d ‖ z and encapsulation randomness m.',
    now: START,
    alice: alice.shown,
    bob: bob.shown,
    prekeys: {
      signed: { id: signed.id, x25519Secret: hex(signed.key.exportSecret()) },
      lastResortKem: { id: lastResort.id, mlKemSeed: hex(lastResort.key.exportSeed()) },
      oneTime: { id: oneTime.id, x25519Secret: hex(oneTime.key.exportSecret()) },
      oneTimeKem: { id: oneTimeKem.id, mlKemSeed: hex(oneTimeKem.key.exportSeed()) }
    },
    bundle: hex(bundle),
    storedPrekeysBefore: hex(encodePrekeys(prekeys)),
    storedPrekeysAfter: hex(encodePrekeys(left)),
    handshake: started.shown,
    handshakeWithoutOneTimePrekeys: withoutOneTime.shown,
    messages,
    storedBooksBeforeLateMessages: stateBeforeLate,
    storedBooksAtTheEnd: { alice: hex(encodeBook(mine)), bob: hex(encodeBook(theirs)) },
    noSessionNoticeFromBob: hex(
      noSessionNotice(bob.identity, alice.identity.publicKey, Buffer.from(started.shown.sid, 'hex'))
    ),
    stream: {
      secret: streamSecretHex,
      context: hex(streamContext),
      responderKeySecret: streamKeySecret,
      firstRatchetSecret: streamFirstRatchetSecret,
      messages: streamMessages
    }
  }
}
