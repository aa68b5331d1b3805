import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Request {
  chain: Uint8Array<ArrayBuffer>
  status?: ChainStatus
  getHeaders?: GetHeaders
  blocks?: ChainRequest
  getProof?: GetMerkleProof
  getRecords?: GetRecords
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

        if (obj.getRecords != null) {
          obj.getProof = undefined
          obj.blocks = undefined
          obj.getHeaders = undefined
          obj.status = undefined
        }

        if (obj.getProof != null) {
          obj.getRecords = undefined
          obj.blocks = undefined
          obj.getHeaders = undefined
          obj.status = undefined
        }

        if (obj.blocks != null) {
          obj.getRecords = undefined
          obj.getProof = undefined
          obj.getHeaders = undefined
          obj.status = undefined
        }

        if (obj.getHeaders != null) {
          obj.getRecords = undefined
          obj.getProof = undefined
          obj.blocks = undefined
          obj.status = undefined
        }

        if (obj.status != null) {
          obj.getRecords = undefined
          obj.getProof = undefined
          obj.blocks = undefined
          obj.getHeaders = undefined
        }

        if ((obj.chain != null && obj.chain.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.chain)
        }

        if (obj.status != null) {
          w.uint32(18)
          ChainStatus.codec().encode(obj.status, w)
        }

        if (obj.getHeaders != null) {
          w.uint32(26)
          GetHeaders.codec().encode(obj.getHeaders, w)
        }

        if (obj.blocks != null) {
          w.uint32(34)
          ChainRequest.codec().encode(obj.blocks, w)
        }

        if (obj.getProof != null) {
          w.uint32(42)
          GetMerkleProof.codec().encode(obj.getProof, w)
        }

        if (obj.getRecords != null) {
          w.uint32(50)
          GetRecords.codec().encode(obj.getRecords, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          chain: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.chain = reader.bytes()
              break
            }
            case 2: {
              obj.status = ChainStatus.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.status
              })
              break
            }
            case 3: {
              obj.getHeaders = GetHeaders.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.getHeaders
              })
              break
            }
            case 4: {
              obj.blocks = ChainRequest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.blocks
              })
              break
            }
            case 5: {
              obj.getProof = GetMerkleProof.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.getProof
              })
              break
            }
            case 6: {
              obj.getRecords = GetRecords.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.getRecords
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.getRecords != null) {
          delete obj.getProof
          delete obj.blocks
          delete obj.getHeaders
          delete obj.status
        }

        if (obj.getProof != null) {
          delete obj.getRecords
          delete obj.blocks
          delete obj.getHeaders
          delete obj.status
        }

        if (obj.blocks != null) {
          delete obj.getRecords
          delete obj.getProof
          delete obj.getHeaders
          delete obj.status
        }

        if (obj.getHeaders != null) {
          delete obj.getRecords
          delete obj.getProof
          delete obj.blocks
          delete obj.status
        }

        if (obj.status != null) {
          delete obj.getRecords
          delete obj.getProof
          delete obj.blocks
          delete obj.getHeaders
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.chain`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield * ChainStatus.codec().stream(reader, reader.uint32(), `${prefix}.status`, {
                limits: opts.limits?.status
              })

              break
            }
            case 3: {
              yield * GetHeaders.codec().stream(reader, reader.uint32(), `${prefix}.getHeaders`, {
                limits: opts.limits?.getHeaders
              })

              break
            }
            case 4: {
              yield * ChainRequest.codec().stream(reader, reader.uint32(), `${prefix}.blocks`, {
                limits: opts.limits?.blocks
              })

              break
            }
            case 5: {
              yield * GetMerkleProof.codec().stream(reader, reader.uint32(), `${prefix}.getProof`, {
                limits: opts.limits?.getProof
              })

              break
            }
            case 6: {
              yield * GetRecords.codec().stream(reader, reader.uint32(), `${prefix}.getRecords`, {
                limits: opts.limits?.getRecords
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

  export interface RequestChainFieldEvent {
    field: '$.chain'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestStatusGenesisFieldEvent {
    field: '$.status.genesis'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestStatusTipFieldEvent {
    field: '$.status.tip'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestStatusHeightFieldEvent {
    field: '$.status.height'
    value: number
  }

  export interface RequestStatusWorkFieldEvent {
    field: '$.status.work'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestStatusBodiesFromFieldEvent {
    field: '$.status.bodiesFrom'
    value: number
  }

  export interface RequestGetHeadersLocatorFieldEvent {
    field: '$.getHeaders.locator[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestGetHeadersMaxFieldEvent {
    field: '$.getHeaders.max'
    value: number
  }

  export interface RequestBlocksHashesFieldEvent {
    field: '$.blocks.hashes[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestGetProofRecordFieldEvent {
    field: '$.getProof.record'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestGetProofSizeFieldEvent {
    field: '$.getProof.size'
    value: number
  }

  export interface RequestGetRecordsAfterFieldEvent {
    field: '$.getRecords.after'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Request>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Request.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Request>): Request {
    return decodeMessage(buf, Request.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Request>): Generator<RequestChainFieldEvent | RequestStatusGenesisFieldEvent | RequestStatusTipFieldEvent | RequestStatusHeightFieldEvent | RequestStatusWorkFieldEvent | RequestStatusBodiesFromFieldEvent | RequestGetHeadersLocatorFieldEvent | RequestGetHeadersMaxFieldEvent | RequestBlocksHashesFieldEvent | RequestGetProofRecordFieldEvent | RequestGetProofSizeFieldEvent | RequestGetRecordsAfterFieldEvent> {
    return streamMessage(buf, Request.codec(), opts)
  }
}

export interface ChainStatus {
  genesis: Uint8Array<ArrayBuffer>
  tip: Uint8Array<ArrayBuffer>
  height: number
  work: Uint8Array<ArrayBuffer>
  bodiesFrom: number
}

export namespace ChainStatus {
  let _codec: Codec<ChainStatus>

  export const codec = (): Codec<ChainStatus> => {
    if (_codec == null) {
      _codec = message<ChainStatus>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.genesis != null && obj.genesis.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.genesis)
        }

        if ((obj.tip != null && obj.tip.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.tip)
        }

        if ((obj.height != null && obj.height !== 0)) {
          w.uint32(24)
          w.uint32(obj.height)
        }

        if ((obj.work != null && obj.work.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.work)
        }

        if ((obj.bodiesFrom != null && obj.bodiesFrom !== 0)) {
          w.uint32(40)
          w.uint32(obj.bodiesFrom)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          genesis: uint8ArrayAlloc(0),
          tip: uint8ArrayAlloc(0),
          height: 0,
          work: uint8ArrayAlloc(0),
          bodiesFrom: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.genesis = reader.bytes()
              break
            }
            case 2: {
              obj.tip = reader.bytes()
              break
            }
            case 3: {
              obj.height = reader.uint32()
              break
            }
            case 4: {
              obj.work = reader.bytes()
              break
            }
            case 5: {
              obj.bodiesFrom = reader.uint32()
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
                field: `${prefix}.genesis`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.tip`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.height`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.work`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.bodiesFrom`,
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

  export interface ChainStatusGenesisFieldEvent {
    field: '$.genesis'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ChainStatusTipFieldEvent {
    field: '$.tip'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ChainStatusHeightFieldEvent {
    field: '$.height'
    value: number
  }

  export interface ChainStatusWorkFieldEvent {
    field: '$.work'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ChainStatusBodiesFromFieldEvent {
    field: '$.bodiesFrom'
    value: number
  }

  export function encode (obj: Partial<ChainStatus>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ChainStatus.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChainStatus>): ChainStatus {
    return decodeMessage(buf, ChainStatus.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChainStatus>): Generator<ChainStatusGenesisFieldEvent | ChainStatusTipFieldEvent | ChainStatusHeightFieldEvent | ChainStatusWorkFieldEvent | ChainStatusBodiesFromFieldEvent> {
    return streamMessage(buf, ChainStatus.codec(), opts)
  }
}

export interface GetHeaders {
  locator: Uint8Array<ArrayBuffer>[]
  max: number
}

export namespace GetHeaders {
  let _codec: Codec<GetHeaders>

  export const codec = (): Codec<GetHeaders> => {
    if (_codec == null) {
      _codec = message<GetHeaders>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.locator != null && obj.locator.length > 0) {
          for (const value of obj.locator) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if ((obj.max != null && obj.max !== 0)) {
          w.uint32(16)
          w.uint32(obj.max)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          locator: [],
          max: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.locator != null && obj.locator.length === opts.limits.locator) {
                throw new MaxLengthError('Decode error - repeated field "locator" had too many elements')
              }

              obj.locator.push(reader.bytes())
              break
            }
            case 2: {
              obj.max = reader.uint32()
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
          locator: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.locator != null && obj.locator === opts.limits.locator) {
                throw new MaxLengthError('Streaming decode error - repeated field "locator" had too many elements')
              }

              yield {
                field: `${prefix}.locator[]`,
                index: obj.locator,
                value: reader.bytes()
              }

              obj.locator++

              break
            }
            case 2: {
              yield {
                field: `${prefix}.max`,
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

  export interface GetHeadersLocatorFieldEvent {
    field: '$.locator[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface GetHeadersMaxFieldEvent {
    field: '$.max'
    value: number
  }

  export function encode (obj: Partial<GetHeaders>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, GetHeaders.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<GetHeaders>): GetHeaders {
    return decodeMessage(buf, GetHeaders.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<GetHeaders>): Generator<GetHeadersLocatorFieldEvent | GetHeadersMaxFieldEvent> {
    return streamMessage(buf, GetHeaders.codec(), opts)
  }
}

export interface ChainRequest {
  hashes: Uint8Array<ArrayBuffer>[]
}

export namespace ChainRequest {
  let _codec: Codec<ChainRequest>

  export const codec = (): Codec<ChainRequest> => {
    if (_codec == null) {
      _codec = message<ChainRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.hashes != null && obj.hashes.length > 0) {
          for (const value of obj.hashes) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          hashes: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.hashes != null && obj.hashes.length === opts.limits.hashes) {
                throw new MaxLengthError('Decode error - repeated field "hashes" had too many elements')
              }

              obj.hashes.push(reader.bytes())
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
          hashes: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.hashes != null && obj.hashes === opts.limits.hashes) {
                throw new MaxLengthError('Streaming decode error - repeated field "hashes" had too many elements')
              }

              yield {
                field: `${prefix}.hashes[]`,
                index: obj.hashes,
                value: reader.bytes()
              }

              obj.hashes++

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

  export interface ChainRequestHashesFieldEvent {
    field: '$.hashes[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<ChainRequest>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ChainRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChainRequest>): ChainRequest {
    return decodeMessage(buf, ChainRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChainRequest>): Generator<ChainRequestHashesFieldEvent> {
    return streamMessage(buf, ChainRequest.codec(), opts)
  }
}

export interface GetMerkleProof {
  record: Uint8Array<ArrayBuffer>
  size: number
}

export namespace GetMerkleProof {
  let _codec: Codec<GetMerkleProof>

  export const codec = (): Codec<GetMerkleProof> => {
    if (_codec == null) {
      _codec = message<GetMerkleProof>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.record != null && obj.record.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.record)
        }

        if ((obj.size != null && obj.size !== 0)) {
          w.uint32(16)
          w.uint32(obj.size)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          record: uint8ArrayAlloc(0),
          size: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.record = reader.bytes()
              break
            }
            case 2: {
              obj.size = reader.uint32()
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
                field: `${prefix}.record`,
                value: reader.bytes()
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

  export interface GetMerkleProofRecordFieldEvent {
    field: '$.record'
    value: Uint8Array<ArrayBuffer>
  }

  export interface GetMerkleProofSizeFieldEvent {
    field: '$.size'
    value: number
  }

  export function encode (obj: Partial<GetMerkleProof>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, GetMerkleProof.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<GetMerkleProof>): GetMerkleProof {
    return decodeMessage(buf, GetMerkleProof.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<GetMerkleProof>): Generator<GetMerkleProofRecordFieldEvent | GetMerkleProofSizeFieldEvent> {
    return streamMessage(buf, GetMerkleProof.codec(), opts)
  }
}

export interface GetRecords {
  after: Uint8Array<ArrayBuffer>
}

export namespace GetRecords {
  let _codec: Codec<GetRecords>

  export const codec = (): Codec<GetRecords> => {
    if (_codec == null) {
      _codec = message<GetRecords>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.after != null && obj.after.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.after)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          after: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.after = reader.bytes()
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

  export interface GetRecordsAfterFieldEvent {
    field: '$.after'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<GetRecords>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, GetRecords.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<GetRecords>): GetRecords {
    return decodeMessage(buf, GetRecords.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<GetRecords>): Generator<GetRecordsAfterFieldEvent> {
    return streamMessage(buf, GetRecords.codec(), opts)
  }
}

export interface Response {
  status: number
  message: string
  retryAfter: number
  chainStatus?: ChainStatus
  headers?: Headers
  blocks?: ChainResponse
  proof: Uint8Array<ArrayBuffer>
  records?: Records
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

        if ((obj.retryAfter != null && obj.retryAfter !== 0)) {
          w.uint32(24)
          w.uint32(obj.retryAfter)
        }

        if (obj.chainStatus != null) {
          w.uint32(34)
          ChainStatus.codec().encode(obj.chainStatus, w)
        }

        if (obj.headers != null) {
          w.uint32(42)
          Headers.codec().encode(obj.headers, w)
        }

        if (obj.blocks != null) {
          w.uint32(50)
          ChainResponse.codec().encode(obj.blocks, w)
        }

        if ((obj.proof != null && obj.proof.byteLength > 0)) {
          w.uint32(58)
          w.bytes(obj.proof)
        }

        if (obj.records != null) {
          w.uint32(66)
          Records.codec().encode(obj.records, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          status: 0,
          message: '',
          retryAfter: 0,
          proof: uint8ArrayAlloc(0)
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
              obj.retryAfter = reader.uint32()
              break
            }
            case 4: {
              obj.chainStatus = ChainStatus.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.chainStatus
              })
              break
            }
            case 5: {
              obj.headers = Headers.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.headers
              })
              break
            }
            case 6: {
              obj.blocks = ChainResponse.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.blocks
              })
              break
            }
            case 7: {
              obj.proof = reader.bytes()
              break
            }
            case 8: {
              obj.records = Records.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.records
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
                field: `${prefix}.retryAfter`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield * ChainStatus.codec().stream(reader, reader.uint32(), `${prefix}.chainStatus`, {
                limits: opts.limits?.chainStatus
              })

              break
            }
            case 5: {
              yield * Headers.codec().stream(reader, reader.uint32(), `${prefix}.headers`, {
                limits: opts.limits?.headers
              })

              break
            }
            case 6: {
              yield * ChainResponse.codec().stream(reader, reader.uint32(), `${prefix}.blocks`, {
                limits: opts.limits?.blocks
              })

              break
            }
            case 7: {
              yield {
                field: `${prefix}.proof`,
                value: reader.bytes()
              }
              break
            }
            case 8: {
              yield * Records.codec().stream(reader, reader.uint32(), `${prefix}.records`, {
                limits: opts.limits?.records
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

  export interface ResponseStatusFieldEvent {
    field: '$.status'
    value: number
  }

  export interface ResponseMessageFieldEvent {
    field: '$.message'
    value: string
  }

  export interface ResponseRetryAfterFieldEvent {
    field: '$.retryAfter'
    value: number
  }

  export interface ResponseChainStatusGenesisFieldEvent {
    field: '$.chainStatus.genesis'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseChainStatusTipFieldEvent {
    field: '$.chainStatus.tip'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseChainStatusHeightFieldEvent {
    field: '$.chainStatus.height'
    value: number
  }

  export interface ResponseChainStatusWorkFieldEvent {
    field: '$.chainStatus.work'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseChainStatusBodiesFromFieldEvent {
    field: '$.chainStatus.bodiesFrom'
    value: number
  }

  export interface ResponseHeadersHeightFieldEvent {
    field: '$.headers.height'
    value: number
  }

  export interface ResponseHeadersHeadersFieldEvent {
    field: '$.headers.headers'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseBlocksDataFieldEvent {
    field: '$.blocks.data'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseProofFieldEvent {
    field: '$.proof'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseRecordsRecordsRecordFieldEvent {
    field: '$.records.records[].record'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ResponseRecordsRecordsSignatureFieldEvent {
    field: '$.records.records[].signature'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface ResponseRecordsNextFieldEvent {
    field: '$.records.next'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponseRecordsEvidenceFieldEvent {
    field: '$.records.evidence[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Response>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Response.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Response>): Response {
    return decodeMessage(buf, Response.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Response>): Generator<ResponseStatusFieldEvent | ResponseMessageFieldEvent | ResponseRetryAfterFieldEvent | ResponseChainStatusGenesisFieldEvent | ResponseChainStatusTipFieldEvent | ResponseChainStatusHeightFieldEvent | ResponseChainStatusWorkFieldEvent | ResponseChainStatusBodiesFromFieldEvent | ResponseHeadersHeightFieldEvent | ResponseHeadersHeadersFieldEvent | ResponseBlocksDataFieldEvent | ResponseProofFieldEvent | ResponseRecordsRecordsRecordFieldEvent | ResponseRecordsRecordsSignatureFieldEvent | ResponseRecordsNextFieldEvent | ResponseRecordsEvidenceFieldEvent> {
    return streamMessage(buf, Response.codec(), opts)
  }
}

export interface Headers {
  height: number
  headers: Uint8Array<ArrayBuffer>
}

export namespace Headers {
  let _codec: Codec<Headers>

  export const codec = (): Codec<Headers> => {
    if (_codec == null) {
      _codec = message<Headers>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.height != null && obj.height !== 0)) {
          w.uint32(8)
          w.uint32(obj.height)
        }

        if ((obj.headers != null && obj.headers.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.headers)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          height: 0,
          headers: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.height = reader.uint32()
              break
            }
            case 2: {
              obj.headers = reader.bytes()
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
                field: `${prefix}.height`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.headers`,
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

  export interface HeadersHeightFieldEvent {
    field: '$.height'
    value: number
  }

  export interface HeadersHeadersFieldEvent {
    field: '$.headers'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Headers>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Headers.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Headers>): Headers {
    return decodeMessage(buf, Headers.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Headers>): Generator<HeadersHeightFieldEvent | HeadersHeadersFieldEvent> {
    return streamMessage(buf, Headers.codec(), opts)
  }
}

export interface ChainResponse {
  data: Uint8Array<ArrayBuffer>
}

export namespace ChainResponse {
  let _codec: Codec<ChainResponse>

  export const codec = (): Codec<ChainResponse> => {
    if (_codec == null) {
      _codec = message<ChainResponse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.data != null && obj.data.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.data)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          data: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.data = reader.bytes()
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
                field: `${prefix}.data`,
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

  export interface ChainResponseDataFieldEvent {
    field: '$.data'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<ChainResponse>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, ChainResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChainResponse>): ChainResponse {
    return decodeMessage(buf, ChainResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChainResponse>): Generator<ChainResponseDataFieldEvent> {
    return streamMessage(buf, ChainResponse.codec(), opts)
  }
}

export interface Records {
  records: SignedRecord[]
  next: Uint8Array<ArrayBuffer>
  evidence: Uint8Array<ArrayBuffer>[]
}

export namespace Records {
  let _codec: Codec<Records>

  export const codec = (): Codec<Records> => {
    if (_codec == null) {
      _codec = message<Records>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.records != null && obj.records.length > 0) {
          for (const value of obj.records) {
            w.uint32(10)
            SignedRecord.codec().encode(value, w)
          }
        }

        if ((obj.next != null && obj.next.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.next)
        }

        if (obj.evidence != null && obj.evidence.length > 0) {
          for (const value of obj.evidence) {
            w.uint32(26)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          records: [],
          next: uint8ArrayAlloc(0),
          evidence: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.records != null && obj.records.length === opts.limits.records) {
                throw new MaxLengthError('Decode error - repeated field "records" had too many elements')
              }

              obj.records.push(SignedRecord.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.records$
              }))
              break
            }
            case 2: {
              obj.next = reader.bytes()
              break
            }
            case 3: {
              if (opts.limits?.evidence != null && obj.evidence.length === opts.limits.evidence) {
                throw new MaxLengthError('Decode error - repeated field "evidence" had too many elements')
              }

              obj.evidence.push(reader.bytes())
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
          records: 0,
          evidence: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.records != null && obj.records === opts.limits.records) {
                throw new MaxLengthError('Streaming decode error - repeated field "records" had too many elements')
              }

              for (const evt of SignedRecord.codec().stream(reader, reader.uint32(), `${prefix}.records[]`, {
                limits: opts.limits?.records$
              })) {
                yield {
                  ...evt,
                  index: obj.records
                }
              }

              obj.records++

              break
            }
            case 2: {
              yield {
                field: `${prefix}.next`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              if (opts.limits?.evidence != null && obj.evidence === opts.limits.evidence) {
                throw new MaxLengthError('Streaming decode error - repeated field "evidence" had too many elements')
              }

              yield {
                field: `${prefix}.evidence[]`,
                index: obj.evidence,
                value: reader.bytes()
              }

              obj.evidence++

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

  export interface RecordsRecordsRecordFieldEvent {
    field: '$.records[].record'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface RecordsRecordsSignatureFieldEvent {
    field: '$.records[].signature'
    value: Uint8Array<ArrayBuffer>
    index: number
  }

  export interface RecordsNextFieldEvent {
    field: '$.next'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RecordsEvidenceFieldEvent {
    field: '$.evidence[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Records>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Records.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Records>): Records {
    return decodeMessage(buf, Records.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Records>): Generator<RecordsRecordsRecordFieldEvent | RecordsRecordsSignatureFieldEvent | RecordsNextFieldEvent | RecordsEvidenceFieldEvent> {
    return streamMessage(buf, Records.codec(), opts)
  }
}

export interface SignedRecord {
  record: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

export namespace SignedRecord {
  let _codec: Codec<SignedRecord>

  export const codec = (): Codec<SignedRecord> => {
    if (_codec == null) {
      _codec = message<SignedRecord>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.record != null && obj.record.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.record)
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
          record: uint8ArrayAlloc(0),
          signature: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.record = reader.bytes()
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
                field: `${prefix}.record`,
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

  export interface SignedRecordRecordFieldEvent {
    field: '$.record'
    value: Uint8Array<ArrayBuffer>
  }

  export interface SignedRecordSignatureFieldEvent {
    field: '$.signature'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<SignedRecord>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, SignedRecord.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedRecord>): SignedRecord {
    return decodeMessage(buf, SignedRecord.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedRecord>): Generator<SignedRecordRecordFieldEvent | SignedRecordSignatureFieldEvent> {
    return streamMessage(buf, SignedRecord.codec(), opts)
  }
}
