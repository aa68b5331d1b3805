import { peerIdFromString } from '@libp2p/peer-id'
import { shake128 } from '@noble/hashes/sha3.js'
import { createNoble } from '../../src/crypto/noble.ts'
import { peerIdOf } from '../../src/crypto/peer-key.ts'
import { encodeFrame, encodeVarint } from '../../src/protocols/framing/index.ts'
import { FRAME, REFUSAL } from '../../src/protocols/mcp/tunnel/constants.ts'
import { contextOf, tunnelSecret } from '../../src/protocols/mcp/tunnel/handshake.ts'
import type { OutgoingMessage } from '../../src/protocols/mcp/tunnel/message.ts'
import { TunnelAccept, TunnelMessage, TunnelOpen, TunnelRefuse } from '../../src/protocols/mcp/tunnel/pb/tunnel.ts'
import { StreamSession } from '../../src/protocols/ratchet/index.ts'
import { PrekeyRequest, PrekeyResponse } from '../../src/protocols/sessions/pb/prekeys.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const line = (json: string): Uint8Array => Buffer.from(json)

/**
 * Every form of docs/spec/wire.md and docs/spec/tunnel.md with fixed contents: what test/vectors/tunnel.json holds. Everything
 * random comes from SHAKE128 of the ASCII bytes "talos/tunnel-vectors", in the order of use.
 */
export function makeTunnelVectors(): Record<string, unknown> {
  const source = shake128.create({}).update(Buffer.from('talos/tunnel-vectors'))
  const draw = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from(source.xof(length))
  let draws: Uint8Array[] = []
  const crypto = createNoble(length => {
    const bytes = draw(length)
    draws.push(bytes.slice())
    return bytes
  })
  const drawn = (): string[] => {
    const taken = draws.map(hex)
    draws = []
    return taken
  }

  const [openerKey, hostKey] = [crypto.ed25519.generate(), crypto.ed25519.generate()]
  drawn()
  const opener = peerIdFromString(peerIdOf(openerKey.publicKey))
  const host = peerIdFromString(peerIdOf(hostKey.publicKey))
  const tunnelId = draw(16)
  const openerHalf = draw(32)
  const hostHalf = draw(32)
  const hostId = Buffer.from('0123456789abcdef', 'hex')
  const ratchet = crypto.x25519.generate()
  const [ratchetSecret] = drawn()
  const ratchetKey = Uint8Array.from(ratchet.publicKey)

  const open = { tunnelId, secret: openerHalf, service: 'files', received: 0, resume: false, maxLine: 10_485_760 }
  const accept = {
    tunnelId,
    secret: hostHalf,
    ratchetKey,
    received: 0,
    maxLine: 10_485_760,
    service: 'files',
    grace: 30_000,
    hostId
  }
  const messages = {
    open: TunnelOpen.encode(open),
    openOnlyService: TunnelOpen.encode({ ...open, service: '' }),
    openResume: TunnelOpen.encode({ ...open, resume: true, received: 300 }),
    accept: TunnelAccept.encode(accept),
    acceptResume: TunnelAccept.encode({ ...accept, received: 70_000 })
  }
  const refusals = Object.fromEntries(
    Object.entries(REFUSAL).map(([name, reason]) => {
      const details = reason === REFUSAL.noSession ? { notice: new Uint8Array(), withoutOneTime: true } : {}
      return [name, framed(FRAME.refuse, TunnelRefuse.encode({ reason, ...details }))]
    })
  )

  const secret = Uint8Array.from(tunnelSecret(openerHalf.slice(), hostHalf.slice()))
  const context = contextOf(opener, host, tunnelId)
  let time = 0
  const options = () => ({ crypto, clock: () => time, secret: secret.slice(), context })
  const initiator = StreamSession.initiator(options(), ratchetKey)
  const [firstRatchetSecret] = drawn()
  const responder = StreamSession.responder(options(), ratchet)
  const conversation: unknown[] = []
  const say = (from: 'opener' | 'host', message: OutgoingMessage): void => {
    const [sender, receiver] = from === 'opener' ? [initiator, responder] : [responder, initiator]
    const plaintext = TunnelMessage.encode(message as Partial<TunnelMessage>)
    const sealed = sender.seal(plaintext)
    const secrets = drawn()
    receiver.open(sealed)
    conversation.push({
      from,
      atMilliseconds: time,
      message: readable(message),
      plaintext: hex(plaintext),
      newRatchetSecret: secrets.length === 2 ? secrets[0] : null,
      salt: secrets.at(-1),
      onTheWire: framed(FRAME.data, sealed)
    })
  }
  const ping = line('{"jsonrpc":"2.0","id":1,"method":"ping"}')
  say('opener', { first: 1, lines: [ping], consumed: 0 })
  say('host', { first: 1, lines: [line('{"jsonrpc":"2.0","id":1,"result":{}}')], consumed: 1 })
  say('opener', { consumed: 1 })
  time = 2_000
  say('opener', { ping: true, consumed: 1 })
  say('host', { pong: true, consumed: 1 })
  say('host', {
    first: 2,
    lines: [line('{"jsonrpc":"2.0","method":"a"}'), line('{"jsonrpc":"2.0","method":"é"}')],
    consumed: 1
  })
  say('host', {
    consumed: 1,
    end: { code: 'TUNNEL_HOST_STOPPED', message: "the tool's host was stopped by its owner" }
  })
  say('opener', { consumed: 3, end: { code: '', message: '' } })

  return {
    about:
      'Known answers for docs/spec/wire.md and docs/spec/tunnel.md. Byte strings are hex; onTheWire is with the length in front.',
    lengthPrefixes: [0, 1, 127, 128, 300, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455].map(length => ({
      length,
      prefix: hex(encodeVarint(length))
    })),
    malformedLengthPrefixes: ['8000', '808000', '80808080', 'ffffffff01'],
    prekeys: {
      request: frame(PrekeyRequest.encode({ oneTime: true })),
      requestWithoutOneTime: frame(PrekeyRequest.encode({ oneTime: false })),
      response: frame(PrekeyResponse.encode({ bundle: Uint8Array.of(1, 2, 3), refused: 0 })),
      refusedNotAuthorised: frame(PrekeyResponse.encode({ refused: 1 })),
      refusedTooMany: frame(PrekeyResponse.encode({ refused: 2 }))
    },
    opener: { publicKey: hex(openerKey.publicKey), peerId: opener.toString() },
    host: { publicKey: hex(hostKey.publicKey), peerId: host.toString() },
    tunnelId: hex(tunnelId),
    hostId: hex(hostId),
    openerSecret: hex(openerHalf),
    hostSecret: hex(hostHalf),
    hostRatchetSecret: ratchetSecret,
    hostRatchetKey: hex(ratchetKey),
    // sealed by the main session before they travel; docs/spec/session.md has vectors for that
    sealedBodies: Object.fromEntries(Object.entries(messages).map(([name, bytes]) => [name, hex(bytes)])),
    refusals,
    joinedSecret: hex(secret),
    context: hex(context),
    openerFirstRatchetSecret: firstRatchetSecret,
    conversation
  }
}

function frame(bytes: Uint8Array): string {
  return hex(Buffer.concat([encodeVarint(bytes.byteLength), bytes]))
}

function framed(type: number, body: Uint8Array): string {
  return frame(encodeFrame(type, body).subarray())
}

function readable({ lines, ...rest }: OutgoingMessage): object {
  return { ...rest, ...(lines === undefined ? {} : { lines: lines.map(bytes => Buffer.from(bytes).toString()) }) }
}
