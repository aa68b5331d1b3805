import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface PeerRecord {
  epoch: Uint8Array<ArrayBuffer>
  next: number
  outCount: number
  outBytes: number
  epochs: EpochRecord[]
  inCount: number
  inBytes: number
  due?: Due
  sealed?: Acknowledgement
  sealedTo: number
  heardTo: number
}

export namespace PeerRecord {
  let _codec: Codec<PeerRecord>

  export const codec = (): Codec<PeerRecord> => {
    if (_codec == null) {
      _codec = message<PeerRecord>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.epoch != null && obj.epoch.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.epoch)
        }

        if ((obj.next != null && obj.next !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.next)
        }

        if ((obj.outCount != null && obj.outCount !== 0)) {
          w.uint32(24)
          w.uint32(obj.outCount)
        }

        if ((obj.outBytes != null && obj.outBytes !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.outBytes)
        }

        if (obj.epochs != null && obj.epochs.length > 0) {
          for (const value of obj.epochs) {
            w.uint32(42)
            EpochRecord.codec().encode(value, w)
          }
        }

        if ((obj.inCount != null && obj.inCount !== 0)) {
          w.uint32(48)
          w.uint32(obj.inCount)
        }

        if ((obj.inBytes != null && obj.inBytes !== 0)) {
          w.uint32(56)
          w.uint64Number(obj.inBytes)
        }

        if (obj.due != null) {
          w.uint32(66)
          Due.codec().encode(obj.due, w)
        }

        if (obj.sealed != null) {
          w.uint32(74)
          Acknowledgement.codec().encode(obj.sealed, w)
        }

        if ((obj.sealedTo != null && obj.sealedTo !== 0)) {
          w.uint32(80)
          w.uint64Number(obj.sealedTo)
        }

        if ((obj.heardTo != null && obj.heardTo !== 0)) {
          w.uint32(88)
          w.uint64Number(obj.heardTo)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          epoch: uint8ArrayAlloc(0),
          next: 0,
          outCount: 0,
          outBytes: 0,
          epochs: [],
          inCount: 0,
          inBytes: 0,
          sealedTo: 0,
          heardTo: 0
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
              obj.next = reader.uint64Number()
              break
            }
            case 3: {
              obj.outCount = reader.uint32()
              break
            }
            case 4: {
              obj.outBytes = reader.uint64Number()
              break
            }
            case 5: {
              if (opts.limits?.epochs != null && obj.epochs.length === opts.limits.epochs) {
                throw new MaxLengthError('Decode error - repeated field "epochs" had too many elements')
              }

              obj.epochs.push(EpochRecord.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.epochs$
              }))
              break
            }
            case 6: {
              obj.inCount = reader.uint32()
              break
            }
            case 7: {
              obj.inBytes = reader.uint64Number()
              break
            }
            case 8: {
              obj.due = Due.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.due
              })
              break
            }
            case 9: {
              obj.sealed = Acknowledgement.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.sealed
              })
              break
            }
            case 10: {
              obj.sealedTo = reader.uint64Number()
              break
            }
            case 11: {
              obj.heardTo = reader.uint64Number()
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
          epochs: 0
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
              yield {
                field: `${prefix}.next`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.outCount`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.outBytes`,
                value: reader.uint64Number()
              }
              break
            }
            case 5: {
              if (opts.limits?.epochs != null && obj.epochs === opts.limits.epochs) {
                throw new MaxLengthError('Streaming decode error - repeated field "epochs" had too many elements')
              }

              for (const evt of EpochRecord.codec().stream(reader, reader.uint32(), `${prefix}.epochs[]`, {
                limits: opts.limits?.epochs$
              })) {
                yield {
                  ...evt,
                  index: obj.epochs
                }
              }

              obj.epochs++

              break
            }
            case 6: {
              yield {
                field: `${prefix}.inCount`,
                value: reader.uint32()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.inBytes`,
                value: reader.uint64Number()
              }
              break
            }
            case 8: {
              yield * Due.codec().stream(reader, reader.uint32(), `${prefix}.due`, {
                limits: opts.limits?.due
              })

              break
            }
            case 9: {
              yield * Acknowledgement.codec().stream(reader, reader.uint32(), `${prefix}.sealed`, {
                limits: opts.limits?.sealed
              })

              break
            }
            case 10: {
              yield {
                field: `${prefix}.sealedTo`,
                value: reader.uint64Number()
              }
              break
            }
            case 11: {
              yield {
                field: `${prefix}.heardTo`,
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

  export interface PeerRecordEpochFieldEvent {
    field: '$.epoch'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PeerRecordNextFieldEvent {
    field: '$.next'
    value: number
  }

  export interface PeerRecordOutCountFieldEvent {
    field: '$.outCount'
    value: number
  }

  export interface PeerRecordOutBytesFieldEvent {
    field: '$.outBytes'
    value: number
  }

  export interface PeerRecordEpochsEpochFieldEvent {
    field: '$.epochs[].epoch'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface PeerRecordEpochsNextFieldEvent {
    field: '$.epochs[].next'
    value: number
    index: number
  }

  export interface PeerRecordEpochsHeldFieldEvent {
    field: '$.epochs[].held[]'
    index: number
    value: number
  }

  export interface PeerRecordEpochsGapsFieldEvent {
    field: '$.epochs[].gaps[]'
    index: number
    value: number
  }

  export interface PeerRecordEpochsLastAtFieldEvent {
    field: '$.epochs[].lastAt'
    value: number
    index: number
  }

  export interface PeerRecordInCountFieldEvent {
    field: '$.inCount'
    value: number
  }

  export interface PeerRecordInBytesFieldEvent {
    field: '$.inBytes'
    value: number
  }

  export interface PeerRecordDueDeliveredEpochFieldEvent {
    field: '$.due.delivered[].epoch'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface PeerRecordDueDeliveredRangesFieldEvent {
    field: '$.due.delivered[].ranges[]'
    index: number
    value: number
  }

  export interface PeerRecordDueReadFieldEvent {
    field: '$.due.read[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface PeerRecordDueUnreadableFieldEvent {
    field: '$.due.unreadable[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface PeerRecordDueNoticeFieldEvent {
    field: '$.due.notice'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PeerRecordDueWithoutOneTimeFieldEvent {
    field: '$.due.withoutOneTime'
    value: boolean
  }

  export interface PeerRecordSealedIdFieldEvent {
    field: '$.sealed.id'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PeerRecordSealedEnvelopeFieldEvent {
    field: '$.sealed.envelope'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PeerRecordSealedCoversDeliveredEpochFieldEvent {
    field: '$.sealed.covers.delivered[].epoch'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface PeerRecordSealedCoversDeliveredRangesFieldEvent {
    field: '$.sealed.covers.delivered[].ranges[]'
    index: number
    value: number
  }

  export interface PeerRecordSealedCoversReadFieldEvent {
    field: '$.sealed.covers.read[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface PeerRecordSealedCoversUnreadableFieldEvent {
    field: '$.sealed.covers.unreadable[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface PeerRecordSealedCoversNoticeFieldEvent {
    field: '$.sealed.covers.notice'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PeerRecordSealedCoversWithoutOneTimeFieldEvent {
    field: '$.sealed.covers.withoutOneTime'
    value: boolean
  }

  export interface PeerRecordSealedToFieldEvent {
    field: '$.sealedTo'
    value: number
  }

  export interface PeerRecordHeardToFieldEvent {
    field: '$.heardTo'
    value: number
  }

  export function encode (obj: Partial<PeerRecord>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, PeerRecord.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PeerRecord>): PeerRecord {
    return decodeMessage(buf, PeerRecord.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PeerRecord>): Generator<PeerRecordEpochFieldEvent | PeerRecordNextFieldEvent | PeerRecordOutCountFieldEvent | PeerRecordOutBytesFieldEvent | PeerRecordEpochsEpochFieldEvent | PeerRecordEpochsNextFieldEvent | PeerRecordEpochsHeldFieldEvent | PeerRecordEpochsGapsFieldEvent | PeerRecordEpochsLastAtFieldEvent | PeerRecordInCountFieldEvent | PeerRecordInBytesFieldEvent | PeerRecordDueDeliveredEpochFieldEvent | PeerRecordDueDeliveredRangesFieldEvent | PeerRecordDueReadFieldEvent | PeerRecordDueUnreadableFieldEvent | PeerRecordDueNoticeFieldEvent | PeerRecordDueWithoutOneTimeFieldEvent | PeerRecordSealedIdFieldEvent | PeerRecordSealedEnvelopeFieldEvent | PeerRecordSealedCoversDeliveredEpochFieldEvent | PeerRecordSealedCoversDeliveredRangesFieldEvent | PeerRecordSealedCoversReadFieldEvent | PeerRecordSealedCoversUnreadableFieldEvent | PeerRecordSealedCoversNoticeFieldEvent | PeerRecordSealedCoversWithoutOneTimeFieldEvent | PeerRecordSealedToFieldEvent | PeerRecordHeardToFieldEvent> {
    return streamMessage(buf, PeerRecord.codec(), opts)
  }
}

export interface EpochRecord {
  epoch: Uint8Array<ArrayBuffer>
  next: number
  held: number[]
  gaps: number[]
  lastAt: number
}

export namespace EpochRecord {
  let _codec: Codec<EpochRecord>

  export const codec = (): Codec<EpochRecord> => {
    if (_codec == null) {
      _codec = message<EpochRecord>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.epoch != null && obj.epoch.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.epoch)
        }

        if ((obj.next != null && obj.next !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.next)
        }

        if (obj.held != null && obj.held.length > 0) {
          for (const value of obj.held) {
            w.uint32(24)
            w.uint64Number(value)
          }
        }

        if (obj.gaps != null && obj.gaps.length > 0) {
          for (const value of obj.gaps) {
            w.uint32(32)
            w.uint64Number(value)
          }
        }

        if ((obj.lastAt != null && obj.lastAt !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.lastAt)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          epoch: uint8ArrayAlloc(0),
          next: 0,
          held: [],
          gaps: [],
          lastAt: 0
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
              obj.next = reader.uint64Number()
              break
            }
            case 3: {
              if (opts.limits?.held != null && obj.held.length === opts.limits.held) {
                throw new MaxLengthError('Decode error - repeated field "held" had too many elements')
              }

              obj.held.push(reader.uint64Number())
              break
            }
            case 4: {
              if (opts.limits?.gaps != null && obj.gaps.length === opts.limits.gaps) {
                throw new MaxLengthError('Decode error - repeated field "gaps" had too many elements')
              }

              obj.gaps.push(reader.uint64Number())
              break
            }
            case 5: {
              obj.lastAt = reader.uint64Number()
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
          held: 0,
          gaps: 0
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
              yield {
                field: `${prefix}.next`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              if (opts.limits?.held != null && obj.held === opts.limits.held) {
                throw new MaxLengthError('Streaming decode error - repeated field "held" had too many elements')
              }

              yield {
                field: `${prefix}.held[]`,
                index: obj.held,
                value: reader.uint64Number()
              }

              obj.held++

              break
            }
            case 4: {
              if (opts.limits?.gaps != null && obj.gaps === opts.limits.gaps) {
                throw new MaxLengthError('Streaming decode error - repeated field "gaps" had too many elements')
              }

              yield {
                field: `${prefix}.gaps[]`,
                index: obj.gaps,
                value: reader.uint64Number()
              }

              obj.gaps++

              break
            }
            case 5: {
              yield {
                field: `${prefix}.lastAt`,
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

  export interface EpochRecordEpochFieldEvent {
    field: '$.epoch'
    value: Uint8Array<ArrayBuffer>
  }

  export interface EpochRecordNextFieldEvent {
    field: '$.next'
    value: number
  }

  export interface EpochRecordHeldFieldEvent {
    field: '$.held[]'
    index: number
    value: number
  }

  export interface EpochRecordGapsFieldEvent {
    field: '$.gaps[]'
    index: number
    value: number
  }

  export interface EpochRecordLastAtFieldEvent {
    field: '$.lastAt'
    value: number
  }

  export function encode (obj: Partial<EpochRecord>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, EpochRecord.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EpochRecord>): EpochRecord {
    return decodeMessage(buf, EpochRecord.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EpochRecord>): Generator<EpochRecordEpochFieldEvent | EpochRecordNextFieldEvent | EpochRecordHeldFieldEvent | EpochRecordGapsFieldEvent | EpochRecordLastAtFieldEvent> {
    return streamMessage(buf, EpochRecord.codec(), opts)
  }
}

export interface Due {
  delivered: DueEpoch[]
  read: Uint8Array<ArrayBuffer>[]
  unreadable: Uint8Array<ArrayBuffer>[]
  notice: Uint8Array<ArrayBuffer>
  withoutOneTime: boolean
}

export namespace Due {
  let _codec: Codec<Due>

  export const codec = (): Codec<Due> => {
    if (_codec == null) {
      _codec = message<Due>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.delivered != null && obj.delivered.length > 0) {
          for (const value of obj.delivered) {
            w.uint32(10)
            DueEpoch.codec().encode(value, w)
          }
        }

        if (obj.read != null && obj.read.length > 0) {
          for (const value of obj.read) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (obj.unreadable != null && obj.unreadable.length > 0) {
          for (const value of obj.unreadable) {
            w.uint32(26)
            w.bytes(value)
          }
        }

        if ((obj.notice != null && obj.notice.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.notice)
        }

        if ((obj.withoutOneTime != null && obj.withoutOneTime !== false)) {
          w.uint32(40)
          w.bool(obj.withoutOneTime)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          delivered: [],
          read: [],
          unreadable: [],
          notice: uint8ArrayAlloc(0),
          withoutOneTime: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.delivered != null && obj.delivered.length === opts.limits.delivered) {
                throw new MaxLengthError('Decode error - repeated field "delivered" had too many elements')
              }

              obj.delivered.push(DueEpoch.codec().decode(reader, reader.uint32(), {
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
            case 3: {
              if (opts.limits?.unreadable != null && obj.unreadable.length === opts.limits.unreadable) {
                throw new MaxLengthError('Decode error - repeated field "unreadable" had too many elements')
              }

              obj.unreadable.push(reader.bytes())
              break
            }
            case 4: {
              obj.notice = reader.bytes()
              break
            }
            case 5: {
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
          delivered: 0,
          read: 0,
          unreadable: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.delivered != null && obj.delivered === opts.limits.delivered) {
                throw new MaxLengthError('Streaming decode error - repeated field "delivered" had too many elements')
              }

              for (const evt of DueEpoch.codec().stream(reader, reader.uint32(), `${prefix}.delivered[]`, {
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
            case 3: {
              if (opts.limits?.unreadable != null && obj.unreadable === opts.limits.unreadable) {
                throw new MaxLengthError('Streaming decode error - repeated field "unreadable" had too many elements')
              }

              yield {
                field: `${prefix}.unreadable[]`,
                index: obj.unreadable,
                value: reader.bytes()
              }

              obj.unreadable++

              break
            }
            case 4: {
              yield {
                field: `${prefix}.notice`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
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

  export interface DueDeliveredEpochFieldEvent {
    field: '$.delivered[].epoch'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface DueDeliveredRangesFieldEvent {
    field: '$.delivered[].ranges[]'
    index: number
    value: number
  }

  export interface DueReadFieldEvent {
    field: '$.read[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface DueUnreadableFieldEvent {
    field: '$.unreadable[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface DueNoticeFieldEvent {
    field: '$.notice'
    value: Uint8Array<ArrayBuffer>
  }

  export interface DueWithoutOneTimeFieldEvent {
    field: '$.withoutOneTime'
    value: boolean
  }

  export function encode (obj: Partial<Due>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Due.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Due>): Due {
    return decodeMessage(buf, Due.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Due>): Generator<DueDeliveredEpochFieldEvent | DueDeliveredRangesFieldEvent | DueReadFieldEvent | DueUnreadableFieldEvent | DueNoticeFieldEvent | DueWithoutOneTimeFieldEvent> {
    return streamMessage(buf, Due.codec(), opts)
  }
}

export interface DueEpoch {
  epoch: Uint8Array<ArrayBuffer>
  ranges: number[]
}

export namespace DueEpoch {
  let _codec: Codec<DueEpoch>

  export const codec = (): Codec<DueEpoch> => {
    if (_codec == null) {
      _codec = message<DueEpoch>((obj, w, opts = {}) => {
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

  export interface DueEpochEpochFieldEvent {
    field: '$.epoch'
    value: Uint8Array<ArrayBuffer>
  }

  export interface DueEpochRangesFieldEvent {
    field: '$.ranges[]'
    index: number
    value: number
  }

  export function encode (obj: Partial<DueEpoch>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, DueEpoch.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<DueEpoch>): DueEpoch {
    return decodeMessage(buf, DueEpoch.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<DueEpoch>): Generator<DueEpochEpochFieldEvent | DueEpochRangesFieldEvent> {
    return streamMessage(buf, DueEpoch.codec(), opts)
  }
}

export interface Acknowledgement {
  id: Uint8Array<ArrayBuffer>
  envelope: Uint8Array<ArrayBuffer>
  covers?: Due
}

export namespace Acknowledgement {
  let _codec: Codec<Acknowledgement>

  export const codec = (): Codec<Acknowledgement> => {
    if (_codec == null) {
      _codec = message<Acknowledgement>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.id)
        }

        if ((obj.envelope != null && obj.envelope.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.envelope)
        }

        if (obj.covers != null) {
          w.uint32(26)
          Due.codec().encode(obj.covers, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: uint8ArrayAlloc(0),
          envelope: uint8ArrayAlloc(0)
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
              obj.envelope = reader.bytes()
              break
            }
            case 3: {
              obj.covers = Due.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.covers
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
                field: `${prefix}.envelope`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield * Due.codec().stream(reader, reader.uint32(), `${prefix}.covers`, {
                limits: opts.limits?.covers
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

  export interface AcknowledgementIdFieldEvent {
    field: '$.id'
    value: Uint8Array<ArrayBuffer>
  }

  export interface AcknowledgementEnvelopeFieldEvent {
    field: '$.envelope'
    value: Uint8Array<ArrayBuffer>
  }

  export interface AcknowledgementCoversDeliveredEpochFieldEvent {
    field: '$.covers.delivered[].epoch'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface AcknowledgementCoversDeliveredRangesFieldEvent {
    field: '$.covers.delivered[].ranges[]'
    index: number
    value: number
  }

  export interface AcknowledgementCoversReadFieldEvent {
    field: '$.covers.read[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface AcknowledgementCoversUnreadableFieldEvent {
    field: '$.covers.unreadable[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface AcknowledgementCoversNoticeFieldEvent {
    field: '$.covers.notice'
    value: Uint8Array<ArrayBuffer>
  }

  export interface AcknowledgementCoversWithoutOneTimeFieldEvent {
    field: '$.covers.withoutOneTime'
    value: boolean
  }

  export function encode (obj: Partial<Acknowledgement>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Acknowledgement.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Acknowledgement>): Acknowledgement {
    return decodeMessage(buf, Acknowledgement.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Acknowledgement>): Generator<AcknowledgementIdFieldEvent | AcknowledgementEnvelopeFieldEvent | AcknowledgementCoversDeliveredEpochFieldEvent | AcknowledgementCoversDeliveredRangesFieldEvent | AcknowledgementCoversReadFieldEvent | AcknowledgementCoversUnreadableFieldEvent | AcknowledgementCoversNoticeFieldEvent | AcknowledgementCoversWithoutOneTimeFieldEvent> {
    return streamMessage(buf, Acknowledgement.codec(), opts)
  }
}

export interface OutRecord {
  id: string
  size: number
  expiresAt: number
  envelope: Uint8Array<ArrayBuffer>
  skip: boolean
  storedUntil: number
}

export namespace OutRecord {
  let _codec: Codec<OutRecord>

  export const codec = (): Codec<OutRecord> => {
    if (_codec == null) {
      _codec = message<OutRecord>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id !== '')) {
          w.uint32(10)
          w.string(obj.id)
        }

        if ((obj.size != null && obj.size !== 0)) {
          w.uint32(16)
          w.uint32(obj.size)
        }

        if ((obj.expiresAt != null && obj.expiresAt !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.expiresAt)
        }

        if ((obj.envelope != null && obj.envelope.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.envelope)
        }

        if ((obj.skip != null && obj.skip !== false)) {
          w.uint32(48)
          w.bool(obj.skip)
        }

        if ((obj.storedUntil != null && obj.storedUntil !== 0)) {
          w.uint32(56)
          w.uint64Number(obj.storedUntil)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: '',
          size: 0,
          expiresAt: 0,
          envelope: uint8ArrayAlloc(0),
          skip: false,
          storedUntil: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.id = reader.string()
              break
            }
            case 2: {
              obj.size = reader.uint32()
              break
            }
            case 3: {
              obj.expiresAt = reader.uint64Number()
              break
            }
            case 4: {
              obj.envelope = reader.bytes()
              break
            }
            case 6: {
              obj.skip = reader.bool()
              break
            }
            case 7: {
              obj.storedUntil = reader.uint64Number()
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
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.size`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.expiresAt`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.envelope`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.skip`,
                value: reader.bool()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.storedUntil`,
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

  export interface OutRecordIdFieldEvent {
    field: '$.id'
    value: string
  }

  export interface OutRecordSizeFieldEvent {
    field: '$.size'
    value: number
  }

  export interface OutRecordExpiresAtFieldEvent {
    field: '$.expiresAt'
    value: number
  }

  export interface OutRecordEnvelopeFieldEvent {
    field: '$.envelope'
    value: Uint8Array<ArrayBuffer>
  }

  export interface OutRecordSkipFieldEvent {
    field: '$.skip'
    value: boolean
  }

  export interface OutRecordStoredUntilFieldEvent {
    field: '$.storedUntil'
    value: number
  }

  export function encode (obj: Partial<OutRecord>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, OutRecord.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<OutRecord>): OutRecord {
    return decodeMessage(buf, OutRecord.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<OutRecord>): Generator<OutRecordIdFieldEvent | OutRecordSizeFieldEvent | OutRecordExpiresAtFieldEvent | OutRecordEnvelopeFieldEvent | OutRecordSkipFieldEvent | OutRecordStoredUntilFieldEvent> {
    return streamMessage(buf, OutRecord.codec(), opts)
  }
}

export interface StoredMessage {
  incoming: boolean
  peer: string
  id: string
  contentType: string
  content: Uint8Array<ArrayBuffer>
  time: number
  otherTime: number
}

export namespace StoredMessage {
  let _codec: Codec<StoredMessage>

  export const codec = (): Codec<StoredMessage> => {
    if (_codec == null) {
      _codec = message<StoredMessage>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.incoming != null && obj.incoming !== false)) {
          w.uint32(8)
          w.bool(obj.incoming)
        }

        if ((obj.peer != null && obj.peer !== '')) {
          w.uint32(18)
          w.string(obj.peer)
        }

        if ((obj.id != null && obj.id !== '')) {
          w.uint32(26)
          w.string(obj.id)
        }

        if ((obj.contentType != null && obj.contentType !== '')) {
          w.uint32(34)
          w.string(obj.contentType)
        }

        if ((obj.content != null && obj.content.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.content)
        }

        if ((obj.time != null && obj.time !== 0)) {
          w.uint32(48)
          w.uint64Number(obj.time)
        }

        if ((obj.otherTime != null && obj.otherTime !== 0)) {
          w.uint32(56)
          w.uint64Number(obj.otherTime)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          incoming: false,
          peer: '',
          id: '',
          contentType: '',
          content: uint8ArrayAlloc(0),
          time: 0,
          otherTime: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.incoming = reader.bool()
              break
            }
            case 2: {
              obj.peer = reader.string()
              break
            }
            case 3: {
              obj.id = reader.string()
              break
            }
            case 4: {
              obj.contentType = reader.string()
              break
            }
            case 5: {
              obj.content = reader.bytes()
              break
            }
            case 6: {
              obj.time = reader.uint64Number()
              break
            }
            case 7: {
              obj.otherTime = reader.uint64Number()
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
                field: `${prefix}.incoming`,
                value: reader.bool()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.peer`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.id`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.contentType`,
                value: reader.string()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.content`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.time`,
                value: reader.uint64Number()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.otherTime`,
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

  export interface StoredMessageIncomingFieldEvent {
    field: '$.incoming'
    value: boolean
  }

  export interface StoredMessagePeerFieldEvent {
    field: '$.peer'
    value: string
  }

  export interface StoredMessageIdFieldEvent {
    field: '$.id'
    value: string
  }

  export interface StoredMessageContentTypeFieldEvent {
    field: '$.contentType'
    value: string
  }

  export interface StoredMessageContentFieldEvent {
    field: '$.content'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StoredMessageTimeFieldEvent {
    field: '$.time'
    value: number
  }

  export interface StoredMessageOtherTimeFieldEvent {
    field: '$.otherTime'
    value: number
  }

  export function encode (obj: Partial<StoredMessage>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StoredMessage.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredMessage>): StoredMessage {
    return decodeMessage(buf, StoredMessage.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredMessage>): Generator<StoredMessageIncomingFieldEvent | StoredMessagePeerFieldEvent | StoredMessageIdFieldEvent | StoredMessageContentTypeFieldEvent | StoredMessageContentFieldEvent | StoredMessageTimeFieldEvent | StoredMessageOtherTimeFieldEvent> {
    return streamMessage(buf, StoredMessage.codec(), opts)
  }
}

export interface StoredState {
  state: number
  at: number
  code: string
  message: string
}

export namespace StoredState {
  let _codec: Codec<StoredState>

  export const codec = (): Codec<StoredState> => {
    if (_codec == null) {
      _codec = message<StoredState>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.state != null && obj.state !== 0)) {
          w.uint32(8)
          w.uint32(obj.state)
        }

        if ((obj.at != null && obj.at !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.at)
        }

        if ((obj.code != null && obj.code !== '')) {
          w.uint32(26)
          w.string(obj.code)
        }

        if ((obj.message != null && obj.message !== '')) {
          w.uint32(34)
          w.string(obj.message)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          state: 0,
          at: 0,
          code: '',
          message: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.state = reader.uint32()
              break
            }
            case 2: {
              obj.at = reader.uint64Number()
              break
            }
            case 3: {
              obj.code = reader.string()
              break
            }
            case 4: {
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
                field: `${prefix}.state`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.at`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.code`,
                value: reader.string()
              }
              break
            }
            case 4: {
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

  export interface StoredStateStateFieldEvent {
    field: '$.state'
    value: number
  }

  export interface StoredStateAtFieldEvent {
    field: '$.at'
    value: number
  }

  export interface StoredStateCodeFieldEvent {
    field: '$.code'
    value: string
  }

  export interface StoredStateMessageFieldEvent {
    field: '$.message'
    value: string
  }

  export function encode (obj: Partial<StoredState>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StoredState.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredState>): StoredState {
    return decodeMessage(buf, StoredState.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredState>): Generator<StoredStateStateFieldEvent | StoredStateAtFieldEvent | StoredStateCodeFieldEvent | StoredStateMessageFieldEvent> {
    return streamMessage(buf, StoredState.codec(), opts)
  }
}
