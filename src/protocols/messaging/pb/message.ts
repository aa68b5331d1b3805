import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface MessageFrame {
  type: number
  envelopes: Uint8Array<ArrayBuffer>[]
  refusal: Uint8Array<ArrayBuffer>
  ids: Uint8Array<ArrayBuffer>[]
}

export namespace MessageFrame {
  let _codec: Codec<MessageFrame>

  export const codec = (): Codec<MessageFrame> => {
    if (_codec == null) {
      _codec = message<MessageFrame>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.type != null && obj.type !== 0)) {
          w.uint32(8)
          w.uint32(obj.type)
        }

        if (obj.envelopes != null && obj.envelopes.length > 0) {
          for (const value of obj.envelopes) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if ((obj.refusal != null && obj.refusal.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.refusal)
        }

        if (obj.ids != null && obj.ids.length > 0) {
          for (const value of obj.ids) {
            w.uint32(34)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          type: 0,
          envelopes: [],
          refusal: uint8ArrayAlloc(0),
          ids: []
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
              if (opts.limits?.envelopes != null && obj.envelopes.length === opts.limits.envelopes) {
                throw new MaxLengthError('Decode error - repeated field "envelopes" had too many elements')
              }

              obj.envelopes.push(reader.bytes())
              break
            }
            case 3: {
              obj.refusal = reader.bytes()
              break
            }
            case 4: {
              if (opts.limits?.ids != null && obj.ids.length === opts.limits.ids) {
                throw new MaxLengthError('Decode error - repeated field "ids" had too many elements')
              }

              obj.ids.push(reader.bytes())
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
          envelopes: 0,
          ids: 0
        }

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
              if (opts.limits?.envelopes != null && obj.envelopes === opts.limits.envelopes) {
                throw new MaxLengthError('Streaming decode error - repeated field "envelopes" had too many elements')
              }

              yield {
                field: `${prefix}.envelopes[]`,
                index: obj.envelopes,
                value: reader.bytes()
              }

              obj.envelopes++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.refusal`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              if (opts.limits?.ids != null && obj.ids === opts.limits.ids) {
                throw new MaxLengthError('Streaming decode error - repeated field "ids" had too many elements')
              }

              yield {
                field: `${prefix}.ids[]`,
                index: obj.ids,
                value: reader.bytes()
              }

              obj.ids++

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

  export interface MessageFrameTypeFieldEvent {
    field: '$.type'
    value: number
  }

  export interface MessageFrameEnvelopesFieldEvent {
    field: '$.envelopes[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageFrameRefusalFieldEvent {
    field: '$.refusal'
    value: Uint8Array<ArrayBuffer>
  }

  export interface MessageFrameIdsFieldEvent {
    field: '$.ids[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<MessageFrame>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, MessageFrame.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<MessageFrame>): MessageFrame {
    return decodeMessage(buf, MessageFrame.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<MessageFrame>): Generator<MessageFrameTypeFieldEvent | MessageFrameEnvelopesFieldEvent | MessageFrameRefusalFieldEvent | MessageFrameIdsFieldEvent> {
    return streamMessage(buf, MessageFrame.codec(), opts)
  }
}

export interface Envelope {
  content: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

export namespace Envelope {
  let _codec: Codec<Envelope>

  export const codec = (): Codec<Envelope> => {
    if (_codec == null) {
      _codec = message<Envelope>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.content != null && obj.content.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.content)
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
          content: uint8ArrayAlloc(0),
          signature: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.content = reader.bytes()
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
                field: `${prefix}.content`,
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

  export interface EnvelopeContentFieldEvent {
    field: '$.content'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EnvelopeSignatureFieldEvent {
    field: '$.signature'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Envelope>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Envelope.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Envelope>): Envelope {
    return decodeMessage(buf, Envelope.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Envelope>): Generator<EnvelopeContentFieldEvent | EnvelopeSignatureFieldEvent> {
    return streamMessage(buf, Envelope.codec(), opts)
  }
}

export interface EnvelopeContent {
  id: Uint8Array<ArrayBuffer>
  type: number
  sender: Uint8Array<ArrayBuffer>
  recipient: Uint8Array<ArrayBuffer>
  timestamp: number
  epoch: Uint8Array<ArrayBuffer>
  sequence: number
  floor: number
  confirm: boolean
  body: Uint8Array<ArrayBuffer>
}

export namespace EnvelopeContent {
  let _codec: Codec<EnvelopeContent>

  export const codec = (): Codec<EnvelopeContent> => {
    if (_codec == null) {
      _codec = message<EnvelopeContent>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.id)
        }

        if ((obj.type != null && obj.type !== 0)) {
          w.uint32(16)
          w.uint32(obj.type)
        }

        if ((obj.sender != null && obj.sender.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.sender)
        }

        if ((obj.recipient != null && obj.recipient.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.recipient)
        }

        if ((obj.timestamp != null && obj.timestamp !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.timestamp)
        }

        if ((obj.epoch != null && obj.epoch.byteLength > 0)) {
          w.uint32(50)
          w.bytes(obj.epoch)
        }

        if ((obj.sequence != null && obj.sequence !== 0)) {
          w.uint32(56)
          w.uint64Number(obj.sequence)
        }

        if ((obj.floor != null && obj.floor !== 0)) {
          w.uint32(64)
          w.uint64Number(obj.floor)
        }

        if ((obj.confirm != null && obj.confirm !== false)) {
          w.uint32(72)
          w.bool(obj.confirm)
        }

        if ((obj.body != null && obj.body.byteLength > 0)) {
          w.uint32(82)
          w.bytes(obj.body)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: uint8ArrayAlloc(0),
          type: 0,
          sender: uint8ArrayAlloc(0),
          recipient: uint8ArrayAlloc(0),
          timestamp: 0,
          epoch: uint8ArrayAlloc(0),
          sequence: 0,
          floor: 0,
          confirm: false,
          body: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.id = reader.bytes()
              break
            }
            case 2: {
              obj.type = reader.uint32()
              break
            }
            case 3: {
              obj.sender = reader.bytes()
              break
            }
            case 4: {
              obj.recipient = reader.bytes()
              break
            }
            case 5: {
              obj.timestamp = reader.uint64Number()
              break
            }
            case 6: {
              obj.epoch = reader.bytes()
              break
            }
            case 7: {
              obj.sequence = reader.uint64Number()
              break
            }
            case 8: {
              obj.floor = reader.uint64Number()
              break
            }
            case 9: {
              obj.confirm = reader.bool()
              break
            }
            case 10: {
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
                field: `${prefix}.id`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.type`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.sender`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.recipient`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.timestamp`,
                value: reader.uint64Number()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.epoch`,
                value: reader.bytes()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.sequence`,
                value: reader.uint64Number()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.floor`,
                value: reader.uint64Number()
              }
              break
            }
            case 9: {
              yield {
                field: `${prefix}.confirm`,
                value: reader.bool()
              }
              break
            }
            case 10: {
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

  export interface EnvelopeContentIdFieldEvent {
    field: '$.id'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EnvelopeContentTypeFieldEvent {
    field: '$.type'
    value: number
  }

  export interface EnvelopeContentSenderFieldEvent {
    field: '$.sender'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EnvelopeContentRecipientFieldEvent {
    field: '$.recipient'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EnvelopeContentTimestampFieldEvent {
    field: '$.timestamp'
    value: number
  }

  export interface EnvelopeContentEpochFieldEvent {
    field: '$.epoch'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EnvelopeContentSequenceFieldEvent {
    field: '$.sequence'
    value: number
  }

  export interface EnvelopeContentFloorFieldEvent {
    field: '$.floor'
    value: number
  }

  export interface EnvelopeContentConfirmFieldEvent {
    field: '$.confirm'
    value: boolean
  }

  export interface EnvelopeContentBodyFieldEvent {
    field: '$.body'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<EnvelopeContent>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, EnvelopeContent.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EnvelopeContent>): EnvelopeContent {
    return decodeMessage(buf, EnvelopeContent.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EnvelopeContent>): Generator<EnvelopeContentIdFieldEvent | EnvelopeContentTypeFieldEvent | EnvelopeContentSenderFieldEvent | EnvelopeContentRecipientFieldEvent | EnvelopeContentTimestampFieldEvent | EnvelopeContentEpochFieldEvent | EnvelopeContentSequenceFieldEvent | EnvelopeContentFloorFieldEvent | EnvelopeContentConfirmFieldEvent | EnvelopeContentBodyFieldEvent> {
    return streamMessage(buf, EnvelopeContent.codec(), opts)
  }
}

export interface TextBody {
  contentType: string
  content: Uint8Array<ArrayBuffer>
  sentAt: number
  delivered: Delivered[]
}

export namespace TextBody {
  let _codec: Codec<TextBody>

  export const codec = (): Codec<TextBody> => {
    if (_codec == null) {
      _codec = message<TextBody>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.contentType != null && obj.contentType !== '')) {
          w.uint32(10)
          w.string(obj.contentType)
        }

        if ((obj.content != null && obj.content.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.content)
        }

        if ((obj.sentAt != null && obj.sentAt !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.sentAt)
        }

        if (obj.delivered != null && obj.delivered.length > 0) {
          for (const value of obj.delivered) {
            w.uint32(34)
            Delivered.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          contentType: '',
          content: uint8ArrayAlloc(0),
          sentAt: 0,
          delivered: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.contentType = reader.string()
              break
            }
            case 2: {
              obj.content = reader.bytes()
              break
            }
            case 3: {
              obj.sentAt = reader.uint64Number()
              break
            }
            case 4: {
              if (opts.limits?.delivered != null && obj.delivered.length === opts.limits.delivered) {
                throw new MaxLengthError('Decode error - repeated field "delivered" had too many elements')
              }

              obj.delivered.push(Delivered.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.delivered$
              }))
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
          delivered: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.contentType`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.content`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.sentAt`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              if (opts.limits?.delivered != null && obj.delivered === opts.limits.delivered) {
                throw new MaxLengthError('Streaming decode error - repeated field "delivered" had too many elements')
              }

              for (const evt of Delivered.codec().stream(reader, reader.uint32(), `${prefix}.delivered[]`, {
                limits: opts.limits?.delivered$
              })) {
                yield {
                  ...evt,
                  index: obj.delivered
                }
              }

              obj.delivered++

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

  export interface TextBodyContentTypeFieldEvent {
    field: '$.contentType'
    value: string
  }

  export interface TextBodyContentFieldEvent {
    field: '$.content'
    value: Uint8Array<ArrayBuffer>
  }

  export interface TextBodySentAtFieldEvent {
    field: '$.sentAt'
    value: number
  }

  export interface TextBodyDeliveredEpochFieldEvent {
    field: '$.delivered[].epoch'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface TextBodyDeliveredRangesFieldEvent {
    field: '$.delivered[].ranges[]'
    index: number
    value: number
  }

  export function encode (obj: Partial<TextBody>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, TextBody.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TextBody>): TextBody {
    return decodeMessage(buf, TextBody.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TextBody>): Generator<TextBodyContentTypeFieldEvent | TextBodyContentFieldEvent | TextBodySentAtFieldEvent | TextBodyDeliveredEpochFieldEvent | TextBodyDeliveredRangesFieldEvent> {
    return streamMessage(buf, TextBody.codec(), opts)
  }
}

export interface AckBody {
  delivered: Delivered[]
  read: Uint8Array<ArrayBuffer>[]
}

export namespace AckBody {
  let _codec: Codec<AckBody>

  export const codec = (): Codec<AckBody> => {
    if (_codec == null) {
      _codec = message<AckBody>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.delivered != null && obj.delivered.length > 0) {
          for (const value of obj.delivered) {
            w.uint32(10)
            Delivered.codec().encode(value, w)
          }
        }

        if (obj.read != null && obj.read.length > 0) {
          for (const value of obj.read) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          delivered: [],
          read: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.delivered != null && obj.delivered.length === opts.limits.delivered) {
                throw new MaxLengthError('Decode error - repeated field "delivered" had too many elements')
              }

              obj.delivered.push(Delivered.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.delivered$
              }))
              break
            }
            case 2: {
              if (opts.limits?.read != null && obj.read.length === opts.limits.read) {
                throw new MaxLengthError('Decode error - repeated field "read" had too many elements')
              }

              obj.read.push(reader.bytes())
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
          delivered: 0,
          read: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.delivered != null && obj.delivered === opts.limits.delivered) {
                throw new MaxLengthError('Streaming decode error - repeated field "delivered" had too many elements')
              }

              for (const evt of Delivered.codec().stream(reader, reader.uint32(), `${prefix}.delivered[]`, {
                limits: opts.limits?.delivered$
              })) {
                yield {
                  ...evt,
                  index: obj.delivered
                }
              }

              obj.delivered++

              break
            }
            case 2: {
              if (opts.limits?.read != null && obj.read === opts.limits.read) {
                throw new MaxLengthError('Streaming decode error - repeated field "read" had too many elements')
              }

              yield {
                field: `${prefix}.read[]`,
                index: obj.read,
                value: reader.bytes()
              }

              obj.read++

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

  export interface AckBodyDeliveredEpochFieldEvent {
    field: '$.delivered[].epoch'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface AckBodyDeliveredRangesFieldEvent {
    field: '$.delivered[].ranges[]'
    index: number
    value: number
  }

  export interface AckBodyReadFieldEvent {
    field: '$.read[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<AckBody>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, AckBody.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AckBody>): AckBody {
    return decodeMessage(buf, AckBody.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AckBody>): Generator<AckBodyDeliveredEpochFieldEvent | AckBodyDeliveredRangesFieldEvent | AckBodyReadFieldEvent> {
    return streamMessage(buf, AckBody.codec(), opts)
  }
}

export interface Delivered {
  epoch: Uint8Array<ArrayBuffer>
  ranges: number[]
}

export namespace Delivered {
  let _codec: Codec<Delivered>

  export const codec = (): Codec<Delivered> => {
    if (_codec == null) {
      _codec = message<Delivered>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.epoch != null && obj.epoch.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.epoch)
        }

        if (obj.ranges != null && obj.ranges.length > 0) {
          for (const value of obj.ranges) {
            w.uint32(16)
            w.uint64Number(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          epoch: uint8ArrayAlloc(0),
          ranges: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.epoch = reader.bytes()
              break
            }
            case 2: {
              if (opts.limits?.ranges != null && obj.ranges.length === opts.limits.ranges) {
                throw new MaxLengthError('Decode error - repeated field "ranges" had too many elements')
              }

              obj.ranges.push(reader.uint64Number())
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
          ranges: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.epoch`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              if (opts.limits?.ranges != null && obj.ranges === opts.limits.ranges) {
                throw new MaxLengthError('Streaming decode error - repeated field "ranges" had too many elements')
              }

              yield {
                field: `${prefix}.ranges[]`,
                index: obj.ranges,
                value: reader.uint64Number()
              }

              obj.ranges++

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

  export interface DeliveredEpochFieldEvent {
    field: '$.epoch'
    value: Uint8Array<ArrayBuffer>
  }

  export interface DeliveredRangesFieldEvent {
    field: '$.ranges[]'
    index: number
    value: number
  }

  export function encode (obj: Partial<Delivered>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Delivered.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Delivered>): Delivered {
    return decodeMessage(buf, Delivered.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Delivered>): Generator<DeliveredEpochFieldEvent | DeliveredRangesFieldEvent> {
    return streamMessage(buf, Delivered.codec(), opts)
  }
}

export interface Refusal {
  reason: number
  ids: Uint8Array<ArrayBuffer>[]
  notice: Uint8Array<ArrayBuffer>
  withoutOneTime: boolean
}

export namespace Refusal {
  let _codec: Codec<Refusal>

  export const codec = (): Codec<Refusal> => {
    if (_codec == null) {
      _codec = message<Refusal>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.reason != null && obj.reason !== 0)) {
          w.uint32(8)
          w.uint32(obj.reason)
        }

        if (obj.ids != null && obj.ids.length > 0) {
          for (const value of obj.ids) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if ((obj.notice != null && obj.notice.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.notice)
        }

        if ((obj.withoutOneTime != null && obj.withoutOneTime !== false)) {
          w.uint32(32)
          w.bool(obj.withoutOneTime)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          reason: 0,
          ids: [],
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
              if (opts.limits?.ids != null && obj.ids.length === opts.limits.ids) {
                throw new MaxLengthError('Decode error - repeated field "ids" had too many elements')
              }

              obj.ids.push(reader.bytes())
              break
            }
            case 3: {
              obj.notice = reader.bytes()
              break
            }
            case 4: {
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
        const obj = {
          ids: 0
        }

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
              if (opts.limits?.ids != null && obj.ids === opts.limits.ids) {
                throw new MaxLengthError('Streaming decode error - repeated field "ids" had too many elements')
              }

              yield {
                field: `${prefix}.ids[]`,
                index: obj.ids,
                value: reader.bytes()
              }

              obj.ids++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.notice`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
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

  export interface RefusalReasonFieldEvent {
    field: '$.reason'
    value: number
  }

  export interface RefusalIdsFieldEvent {
    field: '$.ids[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface RefusalNoticeFieldEvent {
    field: '$.notice'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RefusalWithoutOneTimeFieldEvent {
    field: '$.withoutOneTime'
    value: boolean
  }

  export function encode (obj: Partial<Refusal>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Refusal.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Refusal>): Refusal {
    return decodeMessage(buf, Refusal.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Refusal>): Generator<RefusalReasonFieldEvent | RefusalIdsFieldEvent | RefusalNoticeFieldEvent | RefusalWithoutOneTimeFieldEvent> {
    return streamMessage(buf, Refusal.codec(), opts)
  }
}
