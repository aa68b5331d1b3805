/* eslint-disable require-yield */

import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Registration {
  version: number
  name: string
  publicKey: Uint8Array<ArrayBuffer>
  addresses: Uint8Array<ArrayBuffer>[]
  issuedAt: bigint
  expiresAt: bigint
  sequence: bigint
  mailboxes: Uint8Array<ArrayBuffer>[]
}

export namespace Registration {
  let _codec: Codec<Registration>

  export const codec = (): Codec<Registration> => {
    if (_codec == null) {
      _codec = message<Registration>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.version != null && obj.version !== 0)) {
          w.uint32(8)
          w.uint32(obj.version)
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(18)
          w.string(obj.name)
        }

        if ((obj.publicKey != null && obj.publicKey.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.publicKey)
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(34)
            w.bytes(value)
          }
        }

        if ((obj.issuedAt != null && obj.issuedAt !== 0n)) {
          w.uint32(40)
          w.uint64(obj.issuedAt)
        }

        if ((obj.expiresAt != null && obj.expiresAt !== 0n)) {
          w.uint32(48)
          w.uint64(obj.expiresAt)
        }

        if ((obj.sequence != null && obj.sequence !== 0n)) {
          w.uint32(56)
          w.uint64(obj.sequence)
        }

        if (obj.mailboxes != null && obj.mailboxes.length > 0) {
          for (const value of obj.mailboxes) {
            w.uint32(66)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          version: 0,
          name: '',
          publicKey: uint8ArrayAlloc(0),
          addresses: [],
          issuedAt: 0n,
          expiresAt: 0n,
          sequence: 0n,
          mailboxes: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.version = reader.uint32()
              break
            }
            case 2: {
              obj.name = reader.string()
              break
            }
            case 3: {
              obj.publicKey = reader.bytes()
              break
            }
            case 4: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.bytes())
              break
            }
            case 5: {
              obj.issuedAt = reader.uint64()
              break
            }
            case 6: {
              obj.expiresAt = reader.uint64()
              break
            }
            case 7: {
              obj.sequence = reader.uint64()
              break
            }
            case 8: {
              if (opts.limits?.mailboxes != null && obj.mailboxes.length === opts.limits.mailboxes) {
                throw new MaxLengthError('Decode error - repeated field "mailboxes" had too many elements')
              }

              obj.mailboxes.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          addresses: 0,
          mailboxes: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.version`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.publicKey`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              yield {
                field: `${prefix}.addresses[]`,
                index: obj.addresses,
                value: reader.bytes()
              }

              obj.addresses++

              break
            }
            case 5: {
              yield {
                field: `${prefix}.issuedAt`,
                value: reader.uint64()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.expiresAt`,
                value: reader.uint64()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.sequence`,
                value: reader.uint64()
              }
              break
            }
            case 8: {
              if (opts.limits?.mailboxes != null && obj.mailboxes === opts.limits.mailboxes) {
                throw new MaxLengthError('Streaming decode error - repeated field "mailboxes" had too many elements')
              }

              yield {
                field: `${prefix}.mailboxes[]`,
                index: obj.mailboxes,
                value: reader.bytes()
              }

              obj.mailboxes++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RegistrationVersionFieldEvent {
    field: '$.version'
    value: number
  }

  export interface RegistrationNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface RegistrationPublicKeyFieldEvent {
    field: '$.publicKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RegistrationAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface RegistrationIssuedAtFieldEvent {
    field: '$.issuedAt'
    value: bigint
  }

  export interface RegistrationExpiresAtFieldEvent {
    field: '$.expiresAt'
    value: bigint
  }

  export interface RegistrationSequenceFieldEvent {
    field: '$.sequence'
    value: bigint
  }

  export interface RegistrationMailboxesFieldEvent {
    field: '$.mailboxes[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Registration>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Registration.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Registration>): Registration {
    return decodeMessage(buf, Registration.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Registration>): Generator<RegistrationVersionFieldEvent | RegistrationNameFieldEvent | RegistrationPublicKeyFieldEvent | RegistrationAddressesFieldEvent | RegistrationIssuedAtFieldEvent | RegistrationExpiresAtFieldEvent | RegistrationSequenceFieldEvent | RegistrationMailboxesFieldEvent> {
    return streamMessage(buf, Registration.codec(), opts)
  }
}

export interface SignedRegistration {
  registration: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

export namespace SignedRegistration {
  let _codec: Codec<SignedRegistration>

  export const codec = (): Codec<SignedRegistration> => {
    if (_codec == null) {
      _codec = message<SignedRegistration>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.registration != null && obj.registration.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.registration)
        }

        if ((obj.signature != null && obj.signature.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.signature)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          registration: uint8ArrayAlloc(0),
          signature: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.registration = reader.bytes()
              break
            }
            case 2: {
              obj.signature = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.registration`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.signature`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface SignedRegistrationRegistrationFieldEvent {
    field: '$.registration'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SignedRegistrationSignatureFieldEvent {
    field: '$.signature'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<SignedRegistration>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SignedRegistration.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedRegistration>): SignedRegistration {
    return decodeMessage(buf, SignedRegistration.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedRegistration>): Generator<SignedRegistrationRegistrationFieldEvent | SignedRegistrationSignatureFieldEvent> {
    return streamMessage(buf, SignedRegistration.codec(), opts)
  }
}

export interface Request {
  register?: SignedRegistration
  unregister?: Unregister
  lookUp?: LookUp
  list?: List
}

export namespace Request {
  let _codec: Codec<Request>

  export const codec = (): Codec<Request> => {
    if (_codec == null) {
      _codec = message<Request>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.list != null) {
          obj.lookUp = undefined
          obj.unregister = undefined
          obj.register = undefined
        }

        if (obj.lookUp != null) {
          obj.list = undefined
          obj.unregister = undefined
          obj.register = undefined
        }

        if (obj.unregister != null) {
          obj.list = undefined
          obj.lookUp = undefined
          obj.register = undefined
        }

        if (obj.register != null) {
          obj.list = undefined
          obj.lookUp = undefined
          obj.unregister = undefined
        }

        if (obj.register != null) {
          w.uint32(10)
          SignedRegistration.codec().encode(obj.register, w)
        }

        if (obj.unregister != null) {
          w.uint32(18)
          Unregister.codec().encode(obj.unregister, w)
        }

        if (obj.lookUp != null) {
          w.uint32(26)
          LookUp.codec().encode(obj.lookUp, w)
        }

        if (obj.list != null) {
          w.uint32(34)
          List.codec().encode(obj.list, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.register = SignedRegistration.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.register
              })
              break
            }
            case 2: {
              obj.unregister = Unregister.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.unregister
              })
              break
            }
            case 3: {
              obj.lookUp = LookUp.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.lookUp
              })
              break
            }
            case 4: {
              obj.list = List.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.list
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.list != null) {
          delete obj.lookUp
          delete obj.unregister
          delete obj.register
        }

        if (obj.lookUp != null) {
          delete obj.list
          delete obj.unregister
          delete obj.register
        }

        if (obj.unregister != null) {
          delete obj.list
          delete obj.lookUp
          delete obj.register
        }

        if (obj.register != null) {
          delete obj.list
          delete obj.lookUp
          delete obj.unregister
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * SignedRegistration.codec().stream(reader, reader.uint32(), `${prefix}.register`, {
                limits: opts.limits?.register
              })

              break
            }
            case 2: {
              yield * Unregister.codec().stream(reader, reader.uint32(), `${prefix}.unregister`, {
                limits: opts.limits?.unregister
              })

              break
            }
            case 3: {
              yield * LookUp.codec().stream(reader, reader.uint32(), `${prefix}.lookUp`, {
                limits: opts.limits?.lookUp
              })

              break
            }
            case 4: {
              yield * List.codec().stream(reader, reader.uint32(), `${prefix}.list`, {
                limits: opts.limits?.list
              })

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RequestRegisterRegistrationFieldEvent {
    field: '$.register.registration'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestRegisterSignatureFieldEvent {
    field: '$.register.signature'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestLookUpNameFieldEvent {
    field: '$.lookUp.name'
    value: string
  }

  export interface RequestLookUpPublicKeyFieldEvent {
    field: '$.lookUp.publicKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestLookUpPrefixFieldEvent {
    field: '$.lookUp.prefix'
    value: string
  }

  export interface RequestLookUpAwayFieldEvent {
    field: '$.lookUp.away'
    value: boolean
  }

  export interface RequestListAfterFieldEvent {
    field: '$.list.after'
    value: string
  }

  export interface RequestListLimitFieldEvent {
    field: '$.list.limit'
    value: number
  }

  export function encode (obj: Partial<Request>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Request.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Request>): Request {
    return decodeMessage(buf, Request.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Request>): Generator<RequestRegisterRegistrationFieldEvent | RequestRegisterSignatureFieldEvent | RequestLookUpNameFieldEvent | RequestLookUpPublicKeyFieldEvent | RequestLookUpPrefixFieldEvent | RequestLookUpAwayFieldEvent | RequestListAfterFieldEvent | RequestListLimitFieldEvent> {
    return streamMessage(buf, Request.codec(), opts)
  }
}

export interface Unregister {}

export namespace Unregister {
  let _codec: Codec<Unregister>

  export const codec = (): Codec<Unregister> => {
    if (_codec == null) {
      _codec = message<Unregister>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export function encode (obj: Partial<Unregister>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Unregister.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Unregister>): Unregister {
    return decodeMessage(buf, Unregister.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Unregister>): Generator<{}> {
    return streamMessage(buf, Unregister.codec(), opts)
  }
}

export interface LookUp {
  name?: string
  publicKey?: Uint8Array<ArrayBuffer>
  prefix?: string
  away: boolean
}

export namespace LookUp {
  let _codec: Codec<LookUp>

  export const codec = (): Codec<LookUp> => {
    if (_codec == null) {
      _codec = message<LookUp>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.prefix != null) {
          obj.publicKey = undefined
          obj.name = undefined
        }

        if (obj.publicKey != null) {
          obj.prefix = undefined
          obj.name = undefined
        }

        if (obj.name != null) {
          obj.prefix = undefined
          obj.publicKey = undefined
        }

        if (obj.name != null) {
          w.uint32(10)
          w.string(obj.name)
        }

        if (obj.publicKey != null) {
          w.uint32(18)
          w.bytes(obj.publicKey)
        }

        if (obj.prefix != null) {
          w.uint32(26)
          w.string(obj.prefix)
        }

        if ((obj.away != null && obj.away !== false)) {
          w.uint32(32)
          w.bool(obj.away)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          away: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.name = reader.string()
              break
            }
            case 2: {
              obj.publicKey = reader.bytes()
              break
            }
            case 3: {
              obj.prefix = reader.string()
              break
            }
            case 4: {
              obj.away = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.prefix != null) {
          delete obj.publicKey
          delete obj.name
        }

        if (obj.publicKey != null) {
          delete obj.prefix
          delete obj.name
        }

        if (obj.name != null) {
          delete obj.prefix
          delete obj.publicKey
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.publicKey`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.prefix`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.away`,
                value: reader.bool()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface LookUpNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface LookUpPublicKeyFieldEvent {
    field: '$.publicKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface LookUpPrefixFieldEvent {
    field: '$.prefix'
    value: string
  }

  export interface LookUpAwayFieldEvent {
    field: '$.away'
    value: boolean
  }

  export function encode (obj: Partial<LookUp>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, LookUp.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LookUp>): LookUp {
    return decodeMessage(buf, LookUp.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LookUp>): Generator<LookUpNameFieldEvent | LookUpPublicKeyFieldEvent | LookUpPrefixFieldEvent | LookUpAwayFieldEvent> {
    return streamMessage(buf, LookUp.codec(), opts)
  }
}

export interface List {
  after: string
  limit: number
}

export namespace List {
  let _codec: Codec<List>

  export const codec = (): Codec<List> => {
    if (_codec == null) {
      _codec = message<List>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.after != null && obj.after !== '')) {
          w.uint32(10)
          w.string(obj.after)
        }

        if ((obj.limit != null && obj.limit !== 0)) {
          w.uint32(16)
          w.uint32(obj.limit)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          after: '',
          limit: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.after = reader.string()
              break
            }
            case 2: {
              obj.limit = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.after`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.limit`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ListAfterFieldEvent {
    field: '$.after'
    value: string
  }

  export interface ListLimitFieldEvent {
    field: '$.limit'
    value: number
  }

  export function encode (obj: Partial<List>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, List.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<List>): List {
    return decodeMessage(buf, List.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<List>): Generator<ListAfterFieldEvent | ListLimitFieldEvent> {
    return streamMessage(buf, List.codec(), opts)
  }
}

export interface Response {
  status: number
  message: string
  serverTime: bigint
  registered?: Registered
  page?: Page
  holder?: Holder
  sequence: bigint
  retryAfter: number
}

export namespace Response {
  let _codec: Codec<Response>

  export const codec = (): Codec<Response> => {
    if (_codec == null) {
      _codec = message<Response>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.status != null && obj.status !== 0)) {
          w.uint32(8)
          w.uint32(obj.status)
        }

        if ((obj.message != null && obj.message !== '')) {
          w.uint32(18)
          w.string(obj.message)
        }

        if ((obj.serverTime != null && obj.serverTime !== 0n)) {
          w.uint32(24)
          w.uint64(obj.serverTime)
        }

        if (obj.registered != null) {
          w.uint32(34)
          Registered.codec().encode(obj.registered, w)
        }

        if (obj.page != null) {
          w.uint32(42)
          Page.codec().encode(obj.page, w)
        }

        if (obj.holder != null) {
          w.uint32(50)
          Holder.codec().encode(obj.holder, w)
        }

        if ((obj.sequence != null && obj.sequence !== 0n)) {
          w.uint32(56)
          w.uint64(obj.sequence)
        }

        if ((obj.retryAfter != null && obj.retryAfter !== 0)) {
          w.uint32(64)
          w.uint32(obj.retryAfter)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          status: 0,
          message: '',
          serverTime: 0n,
          sequence: 0n,
          retryAfter: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.status = reader.uint32()
              break
            }
            case 2: {
              obj.message = reader.string()
              break
            }
            case 3: {
              obj.serverTime = reader.uint64()
              break
            }
            case 4: {
              obj.registered = Registered.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.registered
              })
              break
            }
            case 5: {
              obj.page = Page.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.page
              })
              break
            }
            case 6: {
              obj.holder = Holder.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.holder
              })
              break
            }
            case 7: {
              obj.sequence = reader.uint64()
              break
            }
            case 8: {
              obj.retryAfter = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.status`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.message`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.serverTime`,
                value: reader.uint64()
              }
              break
            }
            case 4: {
              yield * Registered.codec().stream(reader, reader.uint32(), `${prefix}.registered`, {
                limits: opts.limits?.registered
              })

              break
            }
            case 5: {
              yield * Page.codec().stream(reader, reader.uint32(), `${prefix}.page`, {
                limits: opts.limits?.page
              })

              break
            }
            case 6: {
              yield * Holder.codec().stream(reader, reader.uint32(), `${prefix}.holder`, {
                limits: opts.limits?.holder
              })

              break
            }
            case 7: {
              yield {
                field: `${prefix}.sequence`,
                value: reader.uint64()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.retryAfter`,
                value: reader.uint32()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ResponseStatusFieldEvent {
    field: '$.status'
    value: number
  }

  export interface ResponseMessageFieldEvent {
    field: '$.message'
    value: string
  }

  export interface ResponseServerTimeFieldEvent {
    field: '$.serverTime'
    value: bigint
  }

  export interface ResponseRegisteredExpiresAtFieldEvent {
    field: '$.registered.expiresAt'
    value: bigint
  }

  export interface ResponseRegisteredHeldUntilFieldEvent {
    field: '$.registered.heldUntil'
    value: bigint
  }

  export interface ResponsePageRegistrationsRegistrationFieldEvent {
    field: '$.page.registrations[].registration'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ResponsePageRegistrationsSignatureFieldEvent {
    field: '$.page.registrations[].signature'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ResponsePageNextFieldEvent {
    field: '$.page.next'
    value: string
  }

  export interface ResponseHolderPublicKeyFieldEvent {
    field: '$.holder.publicKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseHolderUntilFieldEvent {
    field: '$.holder.until'
    value: bigint
  }

  export interface ResponseSequenceFieldEvent {
    field: '$.sequence'
    value: bigint
  }

  export interface ResponseRetryAfterFieldEvent {
    field: '$.retryAfter'
    value: number
  }

  export function encode (obj: Partial<Response>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Response.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Response>): Response {
    return decodeMessage(buf, Response.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Response>): Generator<ResponseStatusFieldEvent | ResponseMessageFieldEvent | ResponseServerTimeFieldEvent | ResponseRegisteredExpiresAtFieldEvent | ResponseRegisteredHeldUntilFieldEvent | ResponsePageRegistrationsRegistrationFieldEvent | ResponsePageRegistrationsSignatureFieldEvent | ResponsePageNextFieldEvent | ResponseHolderPublicKeyFieldEvent | ResponseHolderUntilFieldEvent | ResponseSequenceFieldEvent | ResponseRetryAfterFieldEvent> {
    return streamMessage(buf, Response.codec(), opts)
  }
}

export interface Registered {
  expiresAt: bigint
  heldUntil: bigint
}

export namespace Registered {
  let _codec: Codec<Registered>

  export const codec = (): Codec<Registered> => {
    if (_codec == null) {
      _codec = message<Registered>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.expiresAt != null && obj.expiresAt !== 0n)) {
          w.uint32(8)
          w.uint64(obj.expiresAt)
        }

        if ((obj.heldUntil != null && obj.heldUntil !== 0n)) {
          w.uint32(16)
          w.uint64(obj.heldUntil)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          expiresAt: 0n,
          heldUntil: 0n
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.expiresAt = reader.uint64()
              break
            }
            case 2: {
              obj.heldUntil = reader.uint64()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.expiresAt`,
                value: reader.uint64()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.heldUntil`,
                value: reader.uint64()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface RegisteredExpiresAtFieldEvent {
    field: '$.expiresAt'
    value: bigint
  }

  export interface RegisteredHeldUntilFieldEvent {
    field: '$.heldUntil'
    value: bigint
  }

  export function encode (obj: Partial<Registered>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Registered.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Registered>): Registered {
    return decodeMessage(buf, Registered.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Registered>): Generator<RegisteredExpiresAtFieldEvent | RegisteredHeldUntilFieldEvent> {
    return streamMessage(buf, Registered.codec(), opts)
  }
}

export interface Page {
  registrations: SignedRegistration[]
  next: string
}

export namespace Page {
  let _codec: Codec<Page>

  export const codec = (): Codec<Page> => {
    if (_codec == null) {
      _codec = message<Page>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.registrations != null && obj.registrations.length > 0) {
          for (const value of obj.registrations) {
            w.uint32(10)
            SignedRegistration.codec().encode(value, w)
          }
        }

        if ((obj.next != null && obj.next !== '')) {
          w.uint32(18)
          w.string(obj.next)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          registrations: [],
          next: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.registrations != null && obj.registrations.length === opts.limits.registrations) {
                throw new MaxLengthError('Decode error - repeated field "registrations" had too many elements')
              }

              obj.registrations.push(SignedRegistration.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.registrations$
              }))
              break
            }
            case 2: {
              obj.next = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          registrations: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.registrations != null && obj.registrations === opts.limits.registrations) {
                throw new MaxLengthError('Streaming decode error - repeated field "registrations" had too many elements')
              }

              for (const evt of SignedRegistration.codec().stream(reader, reader.uint32(), `${prefix}.registrations[]`, {
                limits: opts.limits?.registrations$
              })) {
                yield {
                  ...evt,
                  index: obj.registrations
                }
              }

              obj.registrations++

              break
            }
            case 2: {
              yield {
                field: `${prefix}.next`,
                value: reader.string()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface PageRegistrationsRegistrationFieldEvent {
    field: '$.registrations[].registration'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface PageRegistrationsSignatureFieldEvent {
    field: '$.registrations[].signature'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface PageNextFieldEvent {
    field: '$.next'
    value: string
  }

  export function encode (obj: Partial<Page>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Page.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Page>): Page {
    return decodeMessage(buf, Page.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Page>): Generator<PageRegistrationsRegistrationFieldEvent | PageRegistrationsSignatureFieldEvent | PageNextFieldEvent> {
    return streamMessage(buf, Page.codec(), opts)
  }
}

export interface Holder {
  publicKey: Uint8Array<ArrayBuffer>
  until: bigint
}

export namespace Holder {
  let _codec: Codec<Holder>

  export const codec = (): Codec<Holder> => {
    if (_codec == null) {
      _codec = message<Holder>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.publicKey != null && obj.publicKey.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.publicKey)
        }

        if ((obj.until != null && obj.until !== 0n)) {
          w.uint32(16)
          w.uint64(obj.until)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          publicKey: uint8ArrayAlloc(0),
          until: 0n
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.publicKey = reader.bytes()
              break
            }
            case 2: {
              obj.until = reader.uint64()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.publicKey`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.until`,
                value: reader.uint64()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface HolderPublicKeyFieldEvent {
    field: '$.publicKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface HolderUntilFieldEvent {
    field: '$.until'
    value: bigint
  }

  export function encode (obj: Partial<Holder>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Holder.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Holder>): Holder {
    return decodeMessage(buf, Holder.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Holder>): Generator<HolderPublicKeyFieldEvent | HolderUntilFieldEvent> {
    return streamMessage(buf, Holder.codec(), opts)
  }
}

export interface StoredRegistration {
  registration: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
  address: string
}

export namespace StoredRegistration {
  let _codec: Codec<StoredRegistration>

  export const codec = (): Codec<StoredRegistration> => {
    if (_codec == null) {
      _codec = message<StoredRegistration>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.registration != null && obj.registration.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.registration)
        }

        if ((obj.signature != null && obj.signature.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.signature)
        }

        if ((obj.address != null && obj.address !== '')) {
          w.uint32(26)
          w.string(obj.address)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          registration: uint8ArrayAlloc(0),
          signature: uint8ArrayAlloc(0),
          address: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.registration = reader.bytes()
              break
            }
            case 2: {
              obj.signature = reader.bytes()
              break
            }
            case 3: {
              obj.address = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.registration`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.signature`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.address`,
                value: reader.string()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface StoredRegistrationRegistrationFieldEvent {
    field: '$.registration'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StoredRegistrationSignatureFieldEvent {
    field: '$.signature'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StoredRegistrationAddressFieldEvent {
    field: '$.address'
    value: string
  }

  export function encode (obj: Partial<StoredRegistration>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StoredRegistration.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredRegistration>): StoredRegistration {
    return decodeMessage(buf, StoredRegistration.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredRegistration>): Generator<StoredRegistrationRegistrationFieldEvent | StoredRegistrationSignatureFieldEvent | StoredRegistrationAddressFieldEvent> {
    return streamMessage(buf, StoredRegistration.codec(), opts)
  }
}
