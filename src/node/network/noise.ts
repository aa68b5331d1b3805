import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { type ICryptoInterface, noise as libp2pNoise } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import type { ConnectionEncrypter } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { release } from '../../crypto/index.ts'
import { joinWrites } from './join-writes.ts'

/** Below this WebAssembly is quicker than a call of OpenSSL, as libp2p's own noise has it. Bytes. */
const NATIVE_FROM = 1200
/** It takes 20 ms to compile, for which the first connection need not wait. Milliseconds. */
const WARM_AFTER = 400
const TAG_LENGTH = 16
const PREFIX_LENGTH = 2
/** Plaintext of the longest noise message. Bytes. */
const MAX_PLAINTEXT = 65_535 - TAG_LENGTH

const CIPHER = 'chacha20-poly1305'
const OPTIONS = { authTagLength: TAG_LENGTH }

/** The part of a connection that noise has secured which is its own business: how messages are cut, sealed and opened. */
interface Secured {
  handshake: {
    encrypt(plaintext: Uint8Array | Uint8ArrayList): Uint8Array | Uint8ArrayList
    decrypt(ciphertext: Uint8Array | Uint8ArrayList, target?: Uint8Array): Uint8Array | Uint8ArrayList
  }
  decoder: { decode(data: Uint8Array | Uint8ArrayList): Iterable<Message[]> } & { readonly buffer?: Uint8ArrayList }
  encrypt(data: Uint8Array | Uint8ArrayList): Uint8ArrayList
  decrypt(messages: Message[]): Uint8ArrayList
  sendData(data: Uint8Array | Uint8ArrayList): { canSendMore: boolean }
  send(data: Uint8Array | Uint8ArrayList): boolean
  readonly status: string
}

/** One noise message, whole or in the pieces that it came in. */
type Message = Uint8Array | Uint8ArrayList

/**
 * libp2p's noise, with the same bytes on the wire and less work for each message: keys are prepared once and not for every
 * message, what came in several pieces is not copied together, a message is one buffer and not three, and all that came at
 * once goes up as one event. Writes of one tick are joined ({@link joinWrites}).
 */
export function noise(): (components: Parameters<ReturnType<typeof libp2pNoise>>[0]) => ConnectionEncrypter {
  return components => {
    warmSoon()
    const inner = libp2pNoise({ crypto: preparedCrypto })(components)
    const secureOutbound = inner.secureOutbound.bind(inner)
    const secureInbound = inner.secureInbound.bind(inner)
    inner.secureOutbound = async (connection, options) =>
      quickened(await secureOutbound(joinWrites(connection), options))
    inner.secureInbound = async (connection, options) => quickened(await secureInbound(joinWrites(connection), options))
    return inner
  }
}

/** Whether WebAssembly is there. */
let isWarm = false
let isWarming = false

function warmSoon(): void {
  if (isWarming) return
  isWarming = true
  setTimeout(() => {
    defaultCrypto.chaCha20Poly1305Encrypt(EMPTY, new Uint8Array(12), EMPTY, new Uint8Array(32))
    isWarm = true
  }, WARM_AFTER).unref()
}

function quickened<T extends { connection: unknown }>(result: T): T {
  const stream = result.connection as Secured
  const { encrypt, decrypt } = stream.handshake
  stream.decoder = new MessageDecoder(stream.decoder.buffer)
  const send = stream.send.bind(stream)
  // sealed at once even if it cannot go out yet: whoever wrote it may use its memory again
  stream.send = data => (stream.status === 'open' ? stream.sendData(data).canSendMore : send(data))
  stream.encrypt = data => {
    const output = new Uint8ArrayList()
    for (let at = 0; at < data.byteLength; at += MAX_PLAINTEXT) {
      const end = Math.min(at + MAX_PLAINTEXT, data.byteLength)
      const part = data instanceof Uint8Array ? data.subarray(at, end) : data.sublist(at, end)
      output.append(prefixed(encrypt(part) as Uint8Array))
    }
    return output
  }
  stream.decrypt = messages => {
    const output = new Uint8ArrayList()
    for (const message of messages) {
      if (message.byteLength < TAG_LENGTH) throw new Error('a noise message is too short')
      // wasm decrypts in place: what came is not needed any more
      const target = message instanceof Uint8Array ? message.subarray(0, message.byteLength - TAG_LENGTH) : undefined
      output.append(decrypt(message, target))
    }
    return output
  }
  return result
}

/** The message behind its length; a sealed one of ours has room for it in front. */
function prefixed(message: Uint8Array): Uint8Array {
  const { length } = message
  const hasRoom = message.byteOffset === PREFIX_LENGTH && message.buffer.byteLength === PREFIX_LENGTH + length
  const whole = hasRoom ? new Uint8Array(message.buffer) : new Uint8Array(PREFIX_LENGTH + length)
  if (!hasRoom) whole.set(message, PREFIX_LENGTH)
  whole[0] = length >> 8
  whole[1] = length
  return whole
}

/** Cuts what comes into noise messages. All that one chunk completes are handed out together. */
class MessageDecoder {
  readonly #pieces: Uint8Array[]
  #length: number

  /** `begun`: what came with the last message of the handshake. */
  constructor(begun = new Uint8ArrayList()) {
    this.#pieces = [...begun]
    this.#length = begun.byteLength
  }

  decode(data: Uint8Array | Uint8ArrayList): Message[][] {
    if (data instanceof Uint8Array) this.#pieces.push(data)
    else for (const piece of data) this.#pieces.push(piece)
    this.#length += data.byteLength
    const messages: Message[] = []
    while (this.#length >= PREFIX_LENGTH) {
      const length = (this.#byte(0) << 8) | this.#byte(1)
      if (this.#length < PREFIX_LENGTH + length) break
      this.#drop(PREFIX_LENGTH)
      messages.push(this.#take(length))
    }
    return messages.length === 0 ? [] : [messages]
  }

  #byte(index: number): number {
    const first = this.#pieces[0]!
    return index < first.length ? first[index]! : this.#pieces[1]![index - first.length]!
  }

  #drop(count: number): void {
    this.#length -= count
    for (let left = count; left > 0; ) {
      const first = this.#pieces[0]!
      if (first.length > left) {
        this.#pieces[0] = first.subarray(left)
        return
      }
      left -= first.length
      this.#pieces.shift()
    }
  }

  #take(length: number): Message {
    const first = this.#pieces[0]
    if (first === undefined || first.length >= length) {
      const whole = first?.subarray(0, length) ?? EMPTY
      this.#drop(length)
      return whole
    }
    const pieces: Uint8Array[] = []
    for (let left = length; left > 0; left -= pieces.at(-1)!.length) {
      const piece = this.#pieces[0]!
      pieces.push(piece.length > left ? piece.subarray(0, left) : piece)
      this.#drop(pieces.at(-1)!.length)
    }
    // short ones are opened whole
    return length < NATIVE_FROM ? Buffer.concat(pieces, length) : new Uint8ArrayList(...pieces)
  }
}

const EMPTY = new Uint8Array(0)

/** Keys as OpenSSL wants them, for as long as noise holds them. */
const keys = new WeakMap<Uint8Array, KeyObject>()

function prepared(raw: Uint8Array): KeyObject {
  let key = keys.get(raw)
  if (key === undefined) {
    key = createSecretKey(raw)
    keys.set(raw, key)
  }
  return key
}

const preparedCrypto: ICryptoInterface = {
  ...defaultCrypto,
  chaCha20Poly1305Encrypt: (plaintext, nonce, ad, k) => {
    const length = plaintext.byteLength
    if (isWarm && length < NATIVE_FROM) return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, k)
    const cipher = createCipheriv(CIPHER, prepared(k), nonce, OPTIONS)
    cipher.setAAD(ad, { plaintextLength: length })
    const sealed = new Uint8Array(new ArrayBuffer(PREFIX_LENGTH + length + TAG_LENGTH), PREFIX_LENGTH)
    let at = 0
    for (const piece of plaintext instanceof Uint8Array ? [plaintext] : plaintext) {
      const update = cipher.update(piece)
      sealed.set(update, at)
      at += update.length
      release(update)
    }
    cipher.final()
    sealed.set(cipher.getAuthTag(), length)
    return sealed
  },
  chaCha20Poly1305Decrypt: (ciphertext, nonce, ad, k, target) => {
    const length = ciphertext.byteLength - TAG_LENGTH
    if (isWarm && ciphertext.byteLength < NATIVE_FROM) {
      return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k, target)
    }
    const decipher = createDecipheriv(CIPHER, prepared(k), nonce, OPTIONS)
    decipher.setAAD(ad, { plaintextLength: length })
    decipher.setAuthTag(ciphertext.subarray(length))
    if (ciphertext instanceof Uint8Array) {
      const plaintext = decipher.update(ciphertext.subarray(0, length))
      decipher.final()
      return plaintext
    }
    // of noise's own, older make, which is the same
    const plaintext = ciphertext.sublist(0, 0)
    for (const piece of ciphertext.sublist(0, length)) plaintext.append(decipher.update(piece))
    decipher.final()
    return plaintext
  }
}
