import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface AuditRequest {
  nonce: Uint8Array<ArrayBuffer>
}

export namespace AuditRequest {
  let _codec: Codec<AuditRequest>

  export const codec = (): Codec<AuditRequest> => {
    if (_codec == null) {
      _codec = message<AuditRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.nonce != null && obj.nonce.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.nonce)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          nonce: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.nonce = reader.bytes()
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
                field: `${prefix}.nonce`,
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

  export interface AuditRequestNonceFieldEvent {
    field: '$.nonce'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<AuditRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, AuditRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AuditRequest>): AuditRequest {
    return decodeMessage(buf, AuditRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AuditRequest>): Generator<AuditRequestNonceFieldEvent> {
    return streamMessage(buf, AuditRequest.codec(), opts)
  }
}

export interface AuditAnswer {
  refused: number
  checkpoint: string
  entries: SharedEntry[]
  last: boolean
}

export namespace AuditAnswer {
  let _codec: Codec<AuditAnswer>

  export const codec = (): Codec<AuditAnswer> => {
    if (_codec == null) {
      _codec = message<AuditAnswer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.refused != null && obj.refused !== 0)) {
          w.uint32(8)
          w.uint32(obj.refused)
        }

        if ((obj.checkpoint != null && obj.checkpoint !== '')) {
          w.uint32(18)
          w.string(obj.checkpoint)
        }

        if (obj.entries != null && obj.entries.length > 0) {
          for (const value of obj.entries) {
            w.uint32(26)
            SharedEntry.codec().encode(value, w)
          }
        }

        if ((obj.last != null && obj.last !== false)) {
          w.uint32(32)
          w.bool(obj.last)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          refused: 0,
          checkpoint: '',
          entries: [],
          last: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.refused = reader.uint32()
              break
            }
            case 2: {
              obj.checkpoint = reader.string()
              break
            }
            case 3: {
              if (opts.limits?.entries != null && obj.entries.length === opts.limits.entries) {
                throw new MaxLengthError('Decode error - repeated field "entries" had too many elements')
              }

              obj.entries.push(SharedEntry.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.entries$
              }))
              break
            }
            case 4: {
              obj.last = reader.bool()
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
          entries: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.refused`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.checkpoint`,
                value: reader.string()
              }
              break
            }
            case 3: {
              if (opts.limits?.entries != null && obj.entries === opts.limits.entries) {
                throw new MaxLengthError('Streaming decode error - repeated field "entries" had too many elements')
              }

              for (const evt of SharedEntry.codec().stream(reader, reader.uint32(), `${prefix}.entries[]`, {
                limits: opts.limits?.entries$
              })) {
                yield {
                  ...evt,
                  index: obj.entries
                }
              }

              obj.entries++

              break
            }
            case 4: {
              yield {
                field: `${prefix}.last`,
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

  export interface AuditAnswerRefusedFieldEvent {
    field: '$.refused'
    value: number
  }

  export interface AuditAnswerCheckpointFieldEvent {
    field: '$.checkpoint'
    value: string
  }

  export interface AuditAnswerEntriesOperationFieldEvent {
    field: '$.entries[].operation'
    value: string
    index: number
  }

  export interface AuditAnswerEntriesKindFieldEvent {
    field: '$.entries[].kind'
    value: number
    index: number
  }

  export interface AuditAnswerEntriesRecordFieldEvent {
    field: '$.entries[].record'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface AuditAnswerEntriesTimeFieldEvent {
    field: '$.entries[].time'
    value: bigint
    index: number
  }

  export interface AuditAnswerEntriesFieldsNameFieldEvent {
    field: '$.entries[].fields[].name'
    value: string
    index: number
  }

  export interface AuditAnswerEntriesFieldsDigestFieldEvent {
    field: '$.entries[].fields[].digest'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface AuditAnswerLastFieldEvent {
    field: '$.last'
    value: boolean
  }

  export function encode (obj: Partial<AuditAnswer>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, AuditAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AuditAnswer>): AuditAnswer {
    return decodeMessage(buf, AuditAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AuditAnswer>): Generator<AuditAnswerRefusedFieldEvent | AuditAnswerCheckpointFieldEvent | AuditAnswerEntriesOperationFieldEvent | AuditAnswerEntriesKindFieldEvent | AuditAnswerEntriesRecordFieldEvent | AuditAnswerEntriesTimeFieldEvent | AuditAnswerEntriesFieldsNameFieldEvent | AuditAnswerEntriesFieldsDigestFieldEvent | AuditAnswerLastFieldEvent> {
    return streamMessage(buf, AuditAnswer.codec(), opts)
  }
}

export interface SharedEntry {
  operation: string
  kind: number
  record: Uint8Array<ArrayBuffer>
  time: bigint
  fields: FieldDigest[]
}

export namespace SharedEntry {
  let _codec: Codec<SharedEntry>

  export const codec = (): Codec<SharedEntry> => {
    if (_codec == null) {
      _codec = message<SharedEntry>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.operation != null && obj.operation !== '')) {
          w.uint32(10)
          w.string(obj.operation)
        }

        if ((obj.kind != null && obj.kind !== 0)) {
          w.uint32(16)
          w.uint32(obj.kind)
        }

        if ((obj.record != null && obj.record.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.record)
        }

        if ((obj.time != null && obj.time !== 0n)) {
          w.uint32(32)
          w.uint64(obj.time)
        }

        if (obj.fields != null && obj.fields.length > 0) {
          for (const value of obj.fields) {
            w.uint32(42)
            FieldDigest.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          operation: '',
          kind: 0,
          record: uint8ArrayAlloc(0),
          time: 0n,
          fields: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.operation = reader.string()
              break
            }
            case 2: {
              obj.kind = reader.uint32()
              break
            }
            case 3: {
              obj.record = reader.bytes()
              break
            }
            case 4: {
              obj.time = reader.uint64()
              break
            }
            case 5: {
              if (opts.limits?.fields != null && obj.fields.length === opts.limits.fields) {
                throw new MaxLengthError('Decode error - repeated field "fields" had too many elements')
              }

              obj.fields.push(FieldDigest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.fields$
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
          fields: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.operation`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.kind`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.record`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.time`,
                value: reader.uint64()
              }
              break
            }
            case 5: {
              if (opts.limits?.fields != null && obj.fields === opts.limits.fields) {
                throw new MaxLengthError('Streaming decode error - repeated field "fields" had too many elements')
              }

              for (const evt of FieldDigest.codec().stream(reader, reader.uint32(), `${prefix}.fields[]`, {
                limits: opts.limits?.fields$
              })) {
                yield {
                  ...evt,
                  index: obj.fields
                }
              }

              obj.fields++

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

  export interface SharedEntryOperationFieldEvent {
    field: '$.operation'
    value: string
  }

  export interface SharedEntryKindFieldEvent {
    field: '$.kind'
    value: number
  }

  export interface SharedEntryRecordFieldEvent {
    field: '$.record'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SharedEntryTimeFieldEvent {
    field: '$.time'
    value: bigint
  }

  export interface SharedEntryFieldsNameFieldEvent {
    field: '$.fields[].name'
    value: string
    index: number
  }

  export interface SharedEntryFieldsDigestFieldEvent {
    field: '$.fields[].digest'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export function encode (obj: Partial<SharedEntry>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SharedEntry.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SharedEntry>): SharedEntry {
    return decodeMessage(buf, SharedEntry.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SharedEntry>): Generator<SharedEntryOperationFieldEvent | SharedEntryKindFieldEvent | SharedEntryRecordFieldEvent | SharedEntryTimeFieldEvent | SharedEntryFieldsNameFieldEvent | SharedEntryFieldsDigestFieldEvent> {
    return streamMessage(buf, SharedEntry.codec(), opts)
  }
}

export interface FieldDigest {
  name: string
  digest: Uint8Array<ArrayBuffer>
}

export namespace FieldDigest {
  let _codec: Codec<FieldDigest>

  export const codec = (): Codec<FieldDigest> => {
    if (_codec == null) {
      _codec = message<FieldDigest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(10)
          w.string(obj.name)
        }

        if ((obj.digest != null && obj.digest.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.digest)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          name: '',
          digest: uint8ArrayAlloc(0)
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
              obj.digest = reader.bytes()
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
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.digest`,
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

  export interface FieldDigestNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface FieldDigestDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<FieldDigest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, FieldDigest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FieldDigest>): FieldDigest {
    return decodeMessage(buf, FieldDigest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<FieldDigest>): Generator<FieldDigestNameFieldEvent | FieldDigestDigestFieldEvent> {
    return streamMessage(buf, FieldDigest.codec(), opts)
  }
}
