import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface TunnelFrame {
  type: number
  body: Uint8Array<ArrayBuffer>
}

export namespace TunnelFrame {
  let _codec: Codec<TunnelFrame>

  export const codec = (): Codec<TunnelFrame> => {
    if (_codec == null) {
      _codec = message<TunnelFrame>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.type != null && obj.type !== 0)) {
          w.uint32(8)
          w.uint32(obj.type)
        }

        if ((obj.body != null && obj.body.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.body)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          type: 0,
          body: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.type = reader.uint32()
              break
            }
            case 2: {
              obj.body = reader.bytes()
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
                field: `${prefix}.type`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.body`,
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

  export interface TunnelFrameTypeFieldEvent {
    field: '$.type'
    value: number
  }

  export interface TunnelFrameBodyFieldEvent {
    field: '$.body'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<TunnelFrame>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TunnelFrame.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelFrame>): TunnelFrame {
    return decodeMessage(buf, TunnelFrame.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelFrame>): Generator<TunnelFrameTypeFieldEvent | TunnelFrameBodyFieldEvent> {
    return streamMessage(buf, TunnelFrame.codec(), opts)
  }
}

export interface TunnelOpen {
  tunnelId: Uint8Array<ArrayBuffer>
  secret: Uint8Array<ArrayBuffer>
  service: string
  resume: boolean
  received: number
  maxLine: number
}

export namespace TunnelOpen {
  let _codec: Codec<TunnelOpen>

  export const codec = (): Codec<TunnelOpen> => {
    if (_codec == null) {
      _codec = message<TunnelOpen>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.tunnelId != null && obj.tunnelId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.tunnelId)
        }

        if ((obj.secret != null && obj.secret.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.secret)
        }

        if ((obj.service != null && obj.service !== '')) {
          w.uint32(26)
          w.string(obj.service)
        }

        if ((obj.resume != null && obj.resume !== false)) {
          w.uint32(32)
          w.bool(obj.resume)
        }

        if ((obj.received != null && obj.received !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.received)
        }

        if ((obj.maxLine != null && obj.maxLine !== 0)) {
          w.uint32(48)
          w.uint32(obj.maxLine)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          tunnelId: uint8ArrayAlloc(0),
          secret: uint8ArrayAlloc(0),
          service: '',
          resume: false,
          received: 0,
          maxLine: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.tunnelId = reader.bytes()
              break
            }
            case 2: {
              obj.secret = reader.bytes()
              break
            }
            case 3: {
              obj.service = reader.string()
              break
            }
            case 4: {
              obj.resume = reader.bool()
              break
            }
            case 5: {
              obj.received = reader.uint64Number()
              break
            }
            case 6: {
              obj.maxLine = reader.uint32()
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
                field: `${prefix}.tunnelId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.secret`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.service`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.resume`,
                value: reader.bool()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.received`,
                value: reader.uint64Number()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.maxLine`,
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

  export interface TunnelOpenTunnelIdFieldEvent {
    field: '$.tunnelId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TunnelOpenSecretFieldEvent {
    field: '$.secret'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TunnelOpenServiceFieldEvent {
    field: '$.service'
    value: string
  }

  export interface TunnelOpenResumeFieldEvent {
    field: '$.resume'
    value: boolean
  }

  export interface TunnelOpenReceivedFieldEvent {
    field: '$.received'
    value: number
  }

  export interface TunnelOpenMaxLineFieldEvent {
    field: '$.maxLine'
    value: number
  }

  export function encode (obj: Partial<TunnelOpen>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TunnelOpen.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelOpen>): TunnelOpen {
    return decodeMessage(buf, TunnelOpen.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelOpen>): Generator<TunnelOpenTunnelIdFieldEvent | TunnelOpenSecretFieldEvent | TunnelOpenServiceFieldEvent | TunnelOpenResumeFieldEvent | TunnelOpenReceivedFieldEvent | TunnelOpenMaxLineFieldEvent> {
    return streamMessage(buf, TunnelOpen.codec(), opts)
  }
}

export interface TunnelAccept {
  tunnelId: Uint8Array<ArrayBuffer>
  secret: Uint8Array<ArrayBuffer>
  ratchetKey: Uint8Array<ArrayBuffer>
  received: number
  maxLine: number
  service: string
  grace: number
  hostId: Uint8Array<ArrayBuffer>
}

export namespace TunnelAccept {
  let _codec: Codec<TunnelAccept>

  export const codec = (): Codec<TunnelAccept> => {
    if (_codec == null) {
      _codec = message<TunnelAccept>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.tunnelId != null && obj.tunnelId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.tunnelId)
        }

        if ((obj.secret != null && obj.secret.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.secret)
        }

        if ((obj.ratchetKey != null && obj.ratchetKey.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.ratchetKey)
        }

        if ((obj.received != null && obj.received !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.received)
        }

        if ((obj.maxLine != null && obj.maxLine !== 0)) {
          w.uint32(40)
          w.uint32(obj.maxLine)
        }

        if ((obj.service != null && obj.service !== '')) {
          w.uint32(50)
          w.string(obj.service)
        }

        if ((obj.grace != null && obj.grace !== 0)) {
          w.uint32(56)
          w.uint32(obj.grace)
        }

        if ((obj.hostId != null && obj.hostId.byteLength > 0)) {
          w.uint32(66)
          w.bytes(obj.hostId)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          tunnelId: uint8ArrayAlloc(0),
          secret: uint8ArrayAlloc(0),
          ratchetKey: uint8ArrayAlloc(0),
          received: 0,
          maxLine: 0,
          service: '',
          grace: 0,
          hostId: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.tunnelId = reader.bytes()
              break
            }
            case 2: {
              obj.secret = reader.bytes()
              break
            }
            case 3: {
              obj.ratchetKey = reader.bytes()
              break
            }
            case 4: {
              obj.received = reader.uint64Number()
              break
            }
            case 5: {
              obj.maxLine = reader.uint32()
              break
            }
            case 6: {
              obj.service = reader.string()
              break
            }
            case 7: {
              obj.grace = reader.uint32()
              break
            }
            case 8: {
              obj.hostId = reader.bytes()
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
                field: `${prefix}.tunnelId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.secret`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.ratchetKey`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.received`,
                value: reader.uint64Number()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.maxLine`,
                value: reader.uint32()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.service`,
                value: reader.string()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.grace`,
                value: reader.uint32()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.hostId`,
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

  export interface TunnelAcceptTunnelIdFieldEvent {
    field: '$.tunnelId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TunnelAcceptSecretFieldEvent {
    field: '$.secret'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TunnelAcceptRatchetKeyFieldEvent {
    field: '$.ratchetKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TunnelAcceptReceivedFieldEvent {
    field: '$.received'
    value: number
  }

  export interface TunnelAcceptMaxLineFieldEvent {
    field: '$.maxLine'
    value: number
  }

  export interface TunnelAcceptServiceFieldEvent {
    field: '$.service'
    value: string
  }

  export interface TunnelAcceptGraceFieldEvent {
    field: '$.grace'
    value: number
  }

  export interface TunnelAcceptHostIdFieldEvent {
    field: '$.hostId'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<TunnelAccept>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TunnelAccept.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelAccept>): TunnelAccept {
    return decodeMessage(buf, TunnelAccept.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelAccept>): Generator<TunnelAcceptTunnelIdFieldEvent | TunnelAcceptSecretFieldEvent | TunnelAcceptRatchetKeyFieldEvent | TunnelAcceptReceivedFieldEvent | TunnelAcceptMaxLineFieldEvent | TunnelAcceptServiceFieldEvent | TunnelAcceptGraceFieldEvent | TunnelAcceptHostIdFieldEvent> {
    return streamMessage(buf, TunnelAccept.codec(), opts)
  }
}

export interface TunnelRefuse {
  reason: number
  notice: Uint8Array<ArrayBuffer>
  withoutOneTime: boolean
}

export namespace TunnelRefuse {
  let _codec: Codec<TunnelRefuse>

  export const codec = (): Codec<TunnelRefuse> => {
    if (_codec == null) {
      _codec = message<TunnelRefuse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.reason != null && obj.reason !== 0)) {
          w.uint32(8)
          w.uint32(obj.reason)
        }

        if ((obj.notice != null && obj.notice.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.notice)
        }

        if ((obj.withoutOneTime != null && obj.withoutOneTime !== false)) {
          w.uint32(24)
          w.bool(obj.withoutOneTime)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          reason: 0,
          notice: uint8ArrayAlloc(0),
          withoutOneTime: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.reason = reader.uint32()
              break
            }
            case 2: {
              obj.notice = reader.bytes()
              break
            }
            case 3: {
              obj.withoutOneTime = reader.bool()
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
                field: `${prefix}.reason`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.notice`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.withoutOneTime`,
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

  export interface TunnelRefuseReasonFieldEvent {
    field: '$.reason'
    value: number
  }

  export interface TunnelRefuseNoticeFieldEvent {
    field: '$.notice'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TunnelRefuseWithoutOneTimeFieldEvent {
    field: '$.withoutOneTime'
    value: boolean
  }

  export function encode (obj: Partial<TunnelRefuse>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TunnelRefuse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelRefuse>): TunnelRefuse {
    return decodeMessage(buf, TunnelRefuse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelRefuse>): Generator<TunnelRefuseReasonFieldEvent | TunnelRefuseNoticeFieldEvent | TunnelRefuseWithoutOneTimeFieldEvent> {
    return streamMessage(buf, TunnelRefuse.codec(), opts)
  }
}

export interface TunnelMessage {
  first: number
  lines: Uint8Array<ArrayBuffer>[]
  consumed: number
  ping: boolean
  pong: boolean
  end?: TunnelEnd
}

export namespace TunnelMessage {
  let _codec: Codec<TunnelMessage>

  export const codec = (): Codec<TunnelMessage> => {
    if (_codec == null) {
      _codec = message<TunnelMessage>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.first != null && obj.first !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.first)
        }

        if (obj.lines != null && obj.lines.length > 0) {
          for (const value of obj.lines) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if ((obj.consumed != null && obj.consumed !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.consumed)
        }

        if ((obj.ping != null && obj.ping !== false)) {
          w.uint32(32)
          w.bool(obj.ping)
        }

        if ((obj.pong != null && obj.pong !== false)) {
          w.uint32(40)
          w.bool(obj.pong)
        }

        if (obj.end != null) {
          w.uint32(50)
          TunnelEnd.codec().encode(obj.end, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          first: 0,
          lines: [],
          consumed: 0,
          ping: false,
          pong: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.first = reader.uint64Number()
              break
            }
            case 2: {
              if (opts.limits?.lines != null && obj.lines.length === opts.limits.lines) {
                throw new MaxLengthError('Decode error - repeated field "lines" had too many elements')
              }

              obj.lines.push(reader.bytes())
              break
            }
            case 3: {
              obj.consumed = reader.uint64Number()
              break
            }
            case 4: {
              obj.ping = reader.bool()
              break
            }
            case 5: {
              obj.pong = reader.bool()
              break
            }
            case 6: {
              obj.end = TunnelEnd.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.end
              })
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
          lines: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.first`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              if (opts.limits?.lines != null && obj.lines === opts.limits.lines) {
                throw new MaxLengthError('Streaming decode error - repeated field "lines" had too many elements')
              }

              yield {
                field: `${prefix}.lines[]`,
                index: obj.lines,
                value: reader.bytes()
              }

              obj.lines++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.consumed`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.ping`,
                value: reader.bool()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.pong`,
                value: reader.bool()
              }
              break
            }
            case 6: {
              yield * TunnelEnd.codec().stream(reader, reader.uint32(), `${prefix}.end`, {
                limits: opts.limits?.end
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

  export interface TunnelMessageFirstFieldEvent {
    field: '$.first'
    value: number
  }

  export interface TunnelMessageLinesFieldEvent {
    field: '$.lines[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface TunnelMessageConsumedFieldEvent {
    field: '$.consumed'
    value: number
  }

  export interface TunnelMessagePingFieldEvent {
    field: '$.ping'
    value: boolean
  }

  export interface TunnelMessagePongFieldEvent {
    field: '$.pong'
    value: boolean
  }

  export interface TunnelMessageEndCodeFieldEvent {
    field: '$.end.code'
    value: string
  }

  export interface TunnelMessageEndMessageFieldEvent {
    field: '$.end.message'
    value: string
  }

  export function encode (obj: Partial<TunnelMessage>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TunnelMessage.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelMessage>): TunnelMessage {
    return decodeMessage(buf, TunnelMessage.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelMessage>): Generator<TunnelMessageFirstFieldEvent | TunnelMessageLinesFieldEvent | TunnelMessageConsumedFieldEvent | TunnelMessagePingFieldEvent | TunnelMessagePongFieldEvent | TunnelMessageEndCodeFieldEvent | TunnelMessageEndMessageFieldEvent> {
    return streamMessage(buf, TunnelMessage.codec(), opts)
  }
}

export interface TunnelEnd {
  code: string
  message: string
}

export namespace TunnelEnd {
  let _codec: Codec<TunnelEnd>

  export const codec = (): Codec<TunnelEnd> => {
    if (_codec == null) {
      _codec = message<TunnelEnd>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== '')) {
          w.uint32(10)
          w.string(obj.code)
        }

        if ((obj.message != null && obj.message !== '')) {
          w.uint32(18)
          w.string(obj.message)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: '',
          message: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.string()
              break
            }
            case 2: {
              obj.message = reader.string()
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
                field: `${prefix}.code`,
                value: reader.string()
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

  export interface TunnelEndCodeFieldEvent {
    field: '$.code'
    value: string
  }

  export interface TunnelEndMessageFieldEvent {
    field: '$.message'
    value: string
  }

  export function encode (obj: Partial<TunnelEnd>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TunnelEnd.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelEnd>): TunnelEnd {
    return decodeMessage(buf, TunnelEnd.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TunnelEnd>): Generator<TunnelEndCodeFieldEvent | TunnelEndMessageFieldEvent> {
    return streamMessage(buf, TunnelEnd.codec(), opts)
  }
}
