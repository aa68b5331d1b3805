import { decodeMessage, encodeMessage, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface FileFrame {
  type: number
  body: Uint8Array<ArrayBuffer>
}

export namespace FileFrame {
  let _codec: Codec<FileFrame>

  export const codec = (): Codec<FileFrame> => {
    if (_codec == null) {
      _codec = message<FileFrame>((obj, w, opts = {}) => {
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

  export interface FileFrameTypeFieldEvent {
    field: '$.type'
    value: number
  }

  export interface FileFrameBodyFieldEvent {
    field: '$.body'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<FileFrame>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, FileFrame.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileFrame>): FileFrame {
    return decodeMessage(buf, FileFrame.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileFrame>): Generator<FileFrameTypeFieldEvent | FileFrameBodyFieldEvent> {
    return streamMessage(buf, FileFrame.codec(), opts)
  }
}

export interface FileOffer {
  transferId: Uint8Array<ArrayBuffer>
  secret: Uint8Array<ArrayBuffer>
  name: string
  directory: boolean
  size: number
  entries: number
  mediaType: string
  cancelled: boolean
  aes: boolean
}

export namespace FileOffer {
  let _codec: Codec<FileOffer>

  export const codec = (): Codec<FileOffer> => {
    if (_codec == null) {
      _codec = message<FileOffer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.transferId != null && obj.transferId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.transferId)
        }

        if ((obj.secret != null && obj.secret.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.secret)
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(26)
          w.string(obj.name)
        }

        if ((obj.directory != null && obj.directory !== false)) {
          w.uint32(32)
          w.bool(obj.directory)
        }

        if ((obj.size != null && obj.size !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.size)
        }

        if ((obj.entries != null && obj.entries !== 0)) {
          w.uint32(48)
          w.uint64Number(obj.entries)
        }

        if ((obj.mediaType != null && obj.mediaType !== '')) {
          w.uint32(58)
          w.string(obj.mediaType)
        }

        if ((obj.cancelled != null && obj.cancelled !== false)) {
          w.uint32(64)
          w.bool(obj.cancelled)
        }

        if ((obj.aes != null && obj.aes !== false)) {
          w.uint32(72)
          w.bool(obj.aes)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          transferId: uint8ArrayAlloc(0),
          secret: uint8ArrayAlloc(0),
          name: '',
          directory: false,
          size: 0,
          entries: 0,
          mediaType: '',
          cancelled: false,
          aes: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.transferId = reader.bytes()
              break
            }
            case 2: {
              obj.secret = reader.bytes()
              break
            }
            case 3: {
              obj.name = reader.string()
              break
            }
            case 4: {
              obj.directory = reader.bool()
              break
            }
            case 5: {
              obj.size = reader.uint64Number()
              break
            }
            case 6: {
              obj.entries = reader.uint64Number()
              break
            }
            case 7: {
              obj.mediaType = reader.string()
              break
            }
            case 8: {
              obj.cancelled = reader.bool()
              break
            }
            case 9: {
              obj.aes = reader.bool()
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
                field: `${prefix}.transferId`,
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
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.directory`,
                value: reader.bool()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.size`,
                value: reader.uint64Number()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.entries`,
                value: reader.uint64Number()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.mediaType`,
                value: reader.string()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.cancelled`,
                value: reader.bool()
              }
              break
            }
            case 9: {
              yield {
                field: `${prefix}.aes`,
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

  export interface FileOfferTransferIdFieldEvent {
    field: '$.transferId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface FileOfferSecretFieldEvent {
    field: '$.secret'
    value: Uint8Array<ArrayBuffer>
  }

  export interface FileOfferNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface FileOfferDirectoryFieldEvent {
    field: '$.directory'
    value: boolean
  }

  export interface FileOfferSizeFieldEvent {
    field: '$.size'
    value: number
  }

  export interface FileOfferEntriesFieldEvent {
    field: '$.entries'
    value: number
  }

  export interface FileOfferMediaTypeFieldEvent {
    field: '$.mediaType'
    value: string
  }

  export interface FileOfferCancelledFieldEvent {
    field: '$.cancelled'
    value: boolean
  }

  export interface FileOfferAesFieldEvent {
    field: '$.aes'
    value: boolean
  }

  export function encode (obj: Partial<FileOffer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, FileOffer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileOffer>): FileOffer {
    return decodeMessage(buf, FileOffer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileOffer>): Generator<FileOfferTransferIdFieldEvent | FileOfferSecretFieldEvent | FileOfferNameFieldEvent | FileOfferDirectoryFieldEvent | FileOfferSizeFieldEvent | FileOfferEntriesFieldEvent | FileOfferMediaTypeFieldEvent | FileOfferCancelledFieldEvent | FileOfferAesFieldEvent> {
    return streamMessage(buf, FileOffer.codec(), opts)
  }
}

export interface FileAnswer {
  transferId: Uint8Array<ArrayBuffer>
  answer: number
  reason: string
  secret: Uint8Array<ArrayBuffer>
  entries: number
  chunks: number
  aes: boolean
}

export namespace FileAnswer {
  let _codec: Codec<FileAnswer>

  export const codec = (): Codec<FileAnswer> => {
    if (_codec == null) {
      _codec = message<FileAnswer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.transferId != null && obj.transferId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.transferId)
        }

        if ((obj.answer != null && obj.answer !== 0)) {
          w.uint32(16)
          w.uint32(obj.answer)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(26)
          w.string(obj.reason)
        }

        if ((obj.secret != null && obj.secret.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.secret)
        }

        if ((obj.entries != null && obj.entries !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.entries)
        }

        if ((obj.chunks != null && obj.chunks !== 0)) {
          w.uint32(48)
          w.uint64Number(obj.chunks)
        }

        if ((obj.aes != null && obj.aes !== false)) {
          w.uint32(56)
          w.bool(obj.aes)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          transferId: uint8ArrayAlloc(0),
          answer: 0,
          reason: '',
          secret: uint8ArrayAlloc(0),
          entries: 0,
          chunks: 0,
          aes: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.transferId = reader.bytes()
              break
            }
            case 2: {
              obj.answer = reader.uint32()
              break
            }
            case 3: {
              obj.reason = reader.string()
              break
            }
            case 4: {
              obj.secret = reader.bytes()
              break
            }
            case 5: {
              obj.entries = reader.uint64Number()
              break
            }
            case 6: {
              obj.chunks = reader.uint64Number()
              break
            }
            case 7: {
              obj.aes = reader.bool()
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
                field: `${prefix}.transferId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.answer`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.secret`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.entries`,
                value: reader.uint64Number()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.chunks`,
                value: reader.uint64Number()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.aes`,
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

  export interface FileAnswerTransferIdFieldEvent {
    field: '$.transferId'
    value: Uint8Array<ArrayBuffer>
  }

  export interface FileAnswerAnswerFieldEvent {
    field: '$.answer'
    value: number
  }

  export interface FileAnswerReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface FileAnswerSecretFieldEvent {
    field: '$.secret'
    value: Uint8Array<ArrayBuffer>
  }

  export interface FileAnswerEntriesFieldEvent {
    field: '$.entries'
    value: number
  }

  export interface FileAnswerChunksFieldEvent {
    field: '$.chunks'
    value: number
  }

  export interface FileAnswerAesFieldEvent {
    field: '$.aes'
    value: boolean
  }

  export function encode (obj: Partial<FileAnswer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, FileAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileAnswer>): FileAnswer {
    return decodeMessage(buf, FileAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileAnswer>): Generator<FileAnswerTransferIdFieldEvent | FileAnswerAnswerFieldEvent | FileAnswerReasonFieldEvent | FileAnswerSecretFieldEvent | FileAnswerEntriesFieldEvent | FileAnswerChunksFieldEvent | FileAnswerAesFieldEvent> {
    return streamMessage(buf, FileAnswer.codec(), opts)
  }
}

export interface FileRefuse {
  reason: number
  notice: Uint8Array<ArrayBuffer>
  withoutOneTime: boolean
}

export namespace FileRefuse {
  let _codec: Codec<FileRefuse>

  export const codec = (): Codec<FileRefuse> => {
    if (_codec == null) {
      _codec = message<FileRefuse>((obj, w, opts = {}) => {
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

  export interface FileRefuseReasonFieldEvent {
    field: '$.reason'
    value: number
  }

  export interface FileRefuseNoticeFieldEvent {
    field: '$.notice'
    value: Uint8Array<ArrayBuffer>
  }

  export interface FileRefuseWithoutOneTimeFieldEvent {
    field: '$.withoutOneTime'
    value: boolean
  }

  export function encode (obj: Partial<FileRefuse>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, FileRefuse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileRefuse>): FileRefuse {
    return decodeMessage(buf, FileRefuse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FileRefuse>): Generator<FileRefuseReasonFieldEvent | FileRefuseNoticeFieldEvent | FileRefuseWithoutOneTimeFieldEvent> {
    return streamMessage(buf, FileRefuse.codec(), opts)
  }
}
