import { decodeMessage, encodeMessage, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface StreamFrame {
  type: number
  body: Uint8Array<ArrayBuffer>
}

export namespace StreamFrame {
  let _codec: Codec<StreamFrame>

  export const codec = (): Codec<StreamFrame> => {
    if (_codec == null) {
      _codec = message<StreamFrame>((obj, w, opts = {}) => {
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

  export interface StreamFrameTypeFieldEvent {
    field: '$.type'
    value: number
  }

  export interface StreamFrameBodyFieldEvent {
    field: '$.body'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<StreamFrame>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StreamFrame.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamFrame>): StreamFrame {
    return decodeMessage(buf, StreamFrame.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamFrame>): Generator<StreamFrameTypeFieldEvent | StreamFrameBodyFieldEvent> {
    return streamMessage(buf, StreamFrame.codec(), opts)
  }
}

export interface StreamStart {
  streamId: Uint8Array<ArrayBuffer>
  secret: Uint8Array<ArrayBuffer>
  codec: string
  priority: number
  label: string
}

export namespace StreamStart {
  let _codec: Codec<StreamStart>

  export const codec = (): Codec<StreamStart> => {
    if (_codec == null) {
      _codec = message<StreamStart>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.streamId != null && obj.streamId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.streamId)
        }

        if ((obj.secret != null && obj.secret.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.secret)
        }

        if ((obj.codec != null && obj.codec !== '')) {
          w.uint32(26)
          w.string(obj.codec)
        }

        if ((obj.priority != null && obj.priority !== 0)) {
          w.uint32(32)
          w.uint32(obj.priority)
        }

        if ((obj.label != null && obj.label !== '')) {
          w.uint32(42)
          w.string(obj.label)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          streamId: uint8ArrayAlloc(0),
          secret: uint8ArrayAlloc(0),
          codec: '',
          priority: 0,
          label: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.streamId = reader.bytes()
              break
            }
            case 2: {
              obj.secret = reader.bytes()
              break
            }
            case 3: {
              obj.codec = reader.string()
              break
            }
            case 4: {
              obj.priority = reader.uint32()
              break
            }
            case 5: {
              obj.label = reader.string()
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
                field: `${prefix}.streamId`,
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
                field: `${prefix}.codec`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.priority`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.label`,
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

  export interface StreamStartStreamIdFieldEvent {
    field: '$.streamId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StreamStartSecretFieldEvent {
    field: '$.secret'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StreamStartCodecFieldEvent {
    field: '$.codec'
    value: string
  }

  export interface StreamStartPriorityFieldEvent {
    field: '$.priority'
    value: number
  }

  export interface StreamStartLabelFieldEvent {
    field: '$.label'
    value: string
  }

  export function encode (obj: Partial<StreamStart>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StreamStart.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamStart>): StreamStart {
    return decodeMessage(buf, StreamStart.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamStart>): Generator<StreamStartStreamIdFieldEvent | StreamStartSecretFieldEvent | StreamStartCodecFieldEvent | StreamStartPriorityFieldEvent | StreamStartLabelFieldEvent> {
    return streamMessage(buf, StreamStart.codec(), opts)
  }
}

export interface StreamAccept {
  streamId: Uint8Array<ArrayBuffer>
  secret: Uint8Array<ArrayBuffer>
  ratchetKey: Uint8Array<ArrayBuffer>
  window: number
}

export namespace StreamAccept {
  let _codec: Codec<StreamAccept>

  export const codec = (): Codec<StreamAccept> => {
    if (_codec == null) {
      _codec = message<StreamAccept>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.streamId != null && obj.streamId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.streamId)
        }

        if ((obj.secret != null && obj.secret.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.secret)
        }

        if ((obj.ratchetKey != null && obj.ratchetKey.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.ratchetKey)
        }

        if ((obj.window != null && obj.window !== 0)) {
          w.uint32(32)
          w.uint32(obj.window)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          streamId: uint8ArrayAlloc(0),
          secret: uint8ArrayAlloc(0),
          ratchetKey: uint8ArrayAlloc(0),
          window: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.streamId = reader.bytes()
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
              obj.window = reader.uint32()
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
                field: `${prefix}.streamId`,
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
                field: `${prefix}.window`,
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

  export interface StreamAcceptStreamIdFieldEvent {
    field: '$.streamId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StreamAcceptSecretFieldEvent {
    field: '$.secret'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StreamAcceptRatchetKeyFieldEvent {
    field: '$.ratchetKey'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StreamAcceptWindowFieldEvent {
    field: '$.window'
    value: number
  }

  export function encode (obj: Partial<StreamAccept>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StreamAccept.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamAccept>): StreamAccept {
    return decodeMessage(buf, StreamAccept.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamAccept>): Generator<StreamAcceptStreamIdFieldEvent | StreamAcceptSecretFieldEvent | StreamAcceptRatchetKeyFieldEvent | StreamAcceptWindowFieldEvent> {
    return streamMessage(buf, StreamAccept.codec(), opts)
  }
}

export interface StreamRefuse {
  reason: number
  notice: Uint8Array<ArrayBuffer>
  withoutOneTime: boolean
}

export namespace StreamRefuse {
  let _codec: Codec<StreamRefuse>

  export const codec = (): Codec<StreamRefuse> => {
    if (_codec == null) {
      _codec = message<StreamRefuse>((obj, w, opts = {}) => {
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

  export interface StreamRefuseReasonFieldEvent {
    field: '$.reason'
    value: number
  }

  export interface StreamRefuseNoticeFieldEvent {
    field: '$.notice'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StreamRefuseWithoutOneTimeFieldEvent {
    field: '$.withoutOneTime'
    value: boolean
  }

  export function encode (obj: Partial<StreamRefuse>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StreamRefuse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamRefuse>): StreamRefuse {
    return decodeMessage(buf, StreamRefuse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamRefuse>): Generator<StreamRefuseReasonFieldEvent | StreamRefuseNoticeFieldEvent | StreamRefuseWithoutOneTimeFieldEvent> {
    return streamMessage(buf, StreamRefuse.codec(), opts)
  }
}

export interface StreamChunk {
  number: number
  block: Uint8Array<ArrayBuffer>
}

export namespace StreamChunk {
  let _codec: Codec<StreamChunk>

  export const codec = (): Codec<StreamChunk> => {
    if (_codec == null) {
      _codec = message<StreamChunk>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.number != null && obj.number !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.number)
        }

        if ((obj.block != null && obj.block.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.block)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          number: 0,
          block: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.number = reader.uint64Number()
              break
            }
            case 2: {
              obj.block = reader.bytes()
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
                field: `${prefix}.number`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.block`,
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

  export interface StreamChunkNumberFieldEvent {
    field: '$.number'
    value: number
  }

  export interface StreamChunkBlockFieldEvent {
    field: '$.block'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<StreamChunk>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StreamChunk.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamChunk>): StreamChunk {
    return decodeMessage(buf, StreamChunk.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamChunk>): Generator<StreamChunkNumberFieldEvent | StreamChunkBlockFieldEvent> {
    return streamMessage(buf, StreamChunk.codec(), opts)
  }
}

export interface StreamCredit {
  taken: number
}

export namespace StreamCredit {
  let _codec: Codec<StreamCredit>

  export const codec = (): Codec<StreamCredit> => {
    if (_codec == null) {
      _codec = message<StreamCredit>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.taken != null && obj.taken !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.taken)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          taken: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.taken = reader.uint64Number()
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
                field: `${prefix}.taken`,
                value: reader.uint64Number()
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

  export interface StreamCreditTakenFieldEvent {
    field: '$.taken'
    value: number
  }

  export function encode (obj: Partial<StreamCredit>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StreamCredit.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamCredit>): StreamCredit {
    return decodeMessage(buf, StreamCredit.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamCredit>): Generator<StreamCreditTakenFieldEvent> {
    return streamMessage(buf, StreamCredit.codec(), opts)
  }
}

export interface StreamEnd {
  code: string
  message: string
  chunks: number
}

export namespace StreamEnd {
  let _codec: Codec<StreamEnd>

  export const codec = (): Codec<StreamEnd> => {
    if (_codec == null) {
      _codec = message<StreamEnd>((obj, w, opts = {}) => {
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

        if ((obj.chunks != null && obj.chunks !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.chunks)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: '',
          message: '',
          chunks: 0
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
            case 3: {
              obj.chunks = reader.uint64Number()
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
            case 3: {
              yield {
                field: `${prefix}.chunks`,
                value: reader.uint64Number()
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

  export interface StreamEndCodeFieldEvent {
    field: '$.code'
    value: string
  }

  export interface StreamEndMessageFieldEvent {
    field: '$.message'
    value: string
  }

  export interface StreamEndChunksFieldEvent {
    field: '$.chunks'
    value: number
  }

  export function encode (obj: Partial<StreamEnd>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StreamEnd.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamEnd>): StreamEnd {
    return decodeMessage(buf, StreamEnd.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StreamEnd>): Generator<StreamEndCodeFieldEvent | StreamEndMessageFieldEvent | StreamEndChunksFieldEvent> {
    return streamMessage(buf, StreamEnd.codec(), opts)
  }
}
