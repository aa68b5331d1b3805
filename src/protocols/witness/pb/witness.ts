import { decodeMessage, encodeMessage, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface WitnessRequest {
  addCheckpoint: Uint8Array<ArrayBuffer>
  params: Uint8Array<ArrayBuffer>
  latest: Uint8Array<ArrayBuffer>
}

export namespace WitnessRequest {
  let _codec: Codec<WitnessRequest>

  export const codec = (): Codec<WitnessRequest> => {
    if (_codec == null) {
      _codec = message<WitnessRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.addCheckpoint != null && obj.addCheckpoint.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.addCheckpoint)
        }

        if ((obj.params != null && obj.params.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.params)
        }

        if ((obj.latest != null && obj.latest.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.latest)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          addCheckpoint: uint8ArrayAlloc(0),
          params: uint8ArrayAlloc(0),
          latest: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.addCheckpoint = reader.bytes()
              break
            }
            case 2: {
              obj.params = reader.bytes()
              break
            }
            case 3: {
              obj.latest = reader.bytes()
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
                field: `${prefix}.addCheckpoint`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.params`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.latest`,
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

  export interface WitnessRequestAddCheckpointFieldEvent {
    field: '$.addCheckpoint'
    value: Uint8Array<ArrayBuffer>
  }

  export interface WitnessRequestParamsFieldEvent {
    field: '$.params'
    value: Uint8Array<ArrayBuffer>
  }

  export interface WitnessRequestLatestFieldEvent {
    field: '$.latest'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<WitnessRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, WitnessRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<WitnessRequest>): WitnessRequest {
    return decodeMessage(buf, WitnessRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<WitnessRequest>): Generator<WitnessRequestAddCheckpointFieldEvent | WitnessRequestParamsFieldEvent | WitnessRequestLatestFieldEvent> {
    return streamMessage(buf, WitnessRequest.codec(), opts)
  }
}

export interface WitnessResponse {
  status: number
  body: Uint8Array<ArrayBuffer>
  evidence: Uint8Array<ArrayBuffer>
  retryAfter: number
}

export namespace WitnessResponse {
  let _codec: Codec<WitnessResponse>

  export const codec = (): Codec<WitnessResponse> => {
    if (_codec == null) {
      _codec = message<WitnessResponse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.status != null && obj.status !== 0)) {
          w.uint32(8)
          w.uint32(obj.status)
        }

        if ((obj.body != null && obj.body.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.body)
        }

        if ((obj.evidence != null && obj.evidence.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.evidence)
        }

        if ((obj.retryAfter != null && obj.retryAfter !== 0)) {
          w.uint32(32)
          w.uint32(obj.retryAfter)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          status: 0,
          body: uint8ArrayAlloc(0),
          evidence: uint8ArrayAlloc(0),
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
              obj.body = reader.bytes()
              break
            }
            case 3: {
              obj.evidence = reader.bytes()
              break
            }
            case 4: {
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
                field: `${prefix}.body`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.evidence`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
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

  export interface WitnessResponseStatusFieldEvent {
    field: '$.status'
    value: number
  }

  export interface WitnessResponseBodyFieldEvent {
    field: '$.body'
    value: Uint8Array<ArrayBuffer>
  }

  export interface WitnessResponseEvidenceFieldEvent {
    field: '$.evidence'
    value: Uint8Array<ArrayBuffer>
  }

  export interface WitnessResponseRetryAfterFieldEvent {
    field: '$.retryAfter'
    value: number
  }

  export function encode (obj: Partial<WitnessResponse>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, WitnessResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<WitnessResponse>): WitnessResponse {
    return decodeMessage(buf, WitnessResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<WitnessResponse>): Generator<WitnessResponseStatusFieldEvent | WitnessResponseBodyFieldEvent | WitnessResponseEvidenceFieldEvent | WitnessResponseRetryAfterFieldEvent> {
    return streamMessage(buf, WitnessResponse.codec(), opts)
  }
}
