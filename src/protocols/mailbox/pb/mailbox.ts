import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Request {
  put?: Put
  askBundle?: AskBundle
  subscribe?: Subscribe
  fetch?: Fetch
  remove?: Remove
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

        if (obj.remove != null) {
          obj.fetch = undefined
          obj.subscribe = undefined
          obj.askBundle = undefined
          obj.put = undefined
        }

        if (obj.fetch != null) {
          obj.remove = undefined
          obj.subscribe = undefined
          obj.askBundle = undefined
          obj.put = undefined
        }

        if (obj.subscribe != null) {
          obj.remove = undefined
          obj.fetch = undefined
          obj.askBundle = undefined
          obj.put = undefined
        }

        if (obj.askBundle != null) {
          obj.remove = undefined
          obj.fetch = undefined
          obj.subscribe = undefined
          obj.put = undefined
        }

        if (obj.put != null) {
          obj.remove = undefined
          obj.fetch = undefined
          obj.subscribe = undefined
          obj.askBundle = undefined
        }

        if (obj.put != null) {
          w.uint32(10)
          Put.codec().encode(obj.put, w)
        }

        if (obj.askBundle != null) {
          w.uint32(18)
          AskBundle.codec().encode(obj.askBundle, w)
        }

        if (obj.subscribe != null) {
          w.uint32(26)
          Subscribe.codec().encode(obj.subscribe, w)
        }

        if (obj.fetch != null) {
          w.uint32(34)
          Fetch.codec().encode(obj.fetch, w)
        }

        if (obj.remove != null) {
          w.uint32(42)
          Remove.codec().encode(obj.remove, w)
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
              obj.put = Put.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.put
              })
              break
            }
            case 2: {
              obj.askBundle = AskBundle.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.askBundle
              })
              break
            }
            case 3: {
              obj.subscribe = Subscribe.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.subscribe
              })
              break
            }
            case 4: {
              obj.fetch = Fetch.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.fetch
              })
              break
            }
            case 5: {
              obj.remove = Remove.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.remove
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.remove != null) {
          delete obj.fetch
          delete obj.subscribe
          delete obj.askBundle
          delete obj.put
        }

        if (obj.fetch != null) {
          delete obj.remove
          delete obj.subscribe
          delete obj.askBundle
          delete obj.put
        }

        if (obj.subscribe != null) {
          delete obj.remove
          delete obj.fetch
          delete obj.askBundle
          delete obj.put
        }

        if (obj.askBundle != null) {
          delete obj.remove
          delete obj.fetch
          delete obj.subscribe
          delete obj.put
        }

        if (obj.put != null) {
          delete obj.remove
          delete obj.fetch
          delete obj.subscribe
          delete obj.askBundle
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * Put.codec().stream(reader, reader.uint32(), `${prefix}.put`, {
                limits: opts.limits?.put
              })

              break
            }
            case 2: {
              yield * AskBundle.codec().stream(reader, reader.uint32(), `${prefix}.askBundle`, {
                limits: opts.limits?.askBundle
              })

              break
            }
            case 3: {
              yield * Subscribe.codec().stream(reader, reader.uint32(), `${prefix}.subscribe`, {
                limits: opts.limits?.subscribe
              })

              break
            }
            case 4: {
              yield * Fetch.codec().stream(reader, reader.uint32(), `${prefix}.fetch`, {
                limits: opts.limits?.fetch
              })

              break
            }
            case 5: {
              yield * Remove.codec().stream(reader, reader.uint32(), `${prefix}.remove`, {
                limits: opts.limits?.remove
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

  export interface RequestPutTagFieldEvent {
    field: '$.put.tag'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestPutExpiresAtFieldEvent {
    field: '$.put.expiresAt'
    value: bigint
  }

  export interface RequestPutBoxFieldEvent {
    field: '$.put.box'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestAskBundleTagFieldEvent {
    field: '$.askBundle.tag'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestSubscribeBundleFieldEvent {
    field: '$.subscribe.bundle'
    value: Uint8Array<ArrayBuffer>
  }

  export interface RequestFetchAfterFieldEvent {
    field: '$.fetch.after'
    value: bigint
  }

  export interface RequestRemoveIdsFieldEvent {
    field: '$.remove.ids[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Request>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Request.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Request>): Request {
    return decodeMessage(buf, Request.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Request>): Generator<RequestPutTagFieldEvent | RequestPutExpiresAtFieldEvent | RequestPutBoxFieldEvent | RequestAskBundleTagFieldEvent | RequestSubscribeBundleFieldEvent | RequestFetchAfterFieldEvent | RequestRemoveIdsFieldEvent> {
    return streamMessage(buf, Request.codec(), opts)
  }
}

export interface Put {
  tag: Uint8Array<ArrayBuffer>
  expiresAt: bigint
  box: Uint8Array<ArrayBuffer>
}

export namespace Put {
  let _codec: Codec<Put>

  export const codec = (): Codec<Put> => {
    if (_codec == null) {
      _codec = message<Put>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.tag != null && obj.tag.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.tag)
        }

        if ((obj.expiresAt != null && obj.expiresAt !== 0n)) {
          w.uint32(16)
          w.uint64(obj.expiresAt)
        }

        if ((obj.box != null && obj.box.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.box)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          tag: uint8ArrayAlloc(0),
          expiresAt: 0n,
          box: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.tag = reader.bytes()
              break
            }
            case 2: {
              obj.expiresAt = reader.uint64()
              break
            }
            case 3: {
              obj.box = reader.bytes()
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
                field: `${prefix}.tag`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.expiresAt`,
                value: reader.uint64()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.box`,
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

  export interface PutTagFieldEvent {
    field: '$.tag'
    value: Uint8Array<ArrayBuffer>
  }

  export interface PutExpiresAtFieldEvent {
    field: '$.expiresAt'
    value: bigint
  }

  export interface PutBoxFieldEvent {
    field: '$.box'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Put>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Put.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Put>): Put {
    return decodeMessage(buf, Put.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Put>): Generator<PutTagFieldEvent | PutExpiresAtFieldEvent | PutBoxFieldEvent> {
    return streamMessage(buf, Put.codec(), opts)
  }
}

export interface AskBundle {
  tag: Uint8Array<ArrayBuffer>
}

export namespace AskBundle {
  let _codec: Codec<AskBundle>

  export const codec = (): Codec<AskBundle> => {
    if (_codec == null) {
      _codec = message<AskBundle>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.tag != null && obj.tag.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.tag)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          tag: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.tag = reader.bytes()
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
                field: `${prefix}.tag`,
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

  export interface AskBundleTagFieldEvent {
    field: '$.tag'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<AskBundle>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, AskBundle.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AskBundle>): AskBundle {
    return decodeMessage(buf, AskBundle.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<AskBundle>): Generator<AskBundleTagFieldEvent> {
    return streamMessage(buf, AskBundle.codec(), opts)
  }
}

export interface Subscribe {
  bundle: Uint8Array<ArrayBuffer>
}

export namespace Subscribe {
  let _codec: Codec<Subscribe>

  export const codec = (): Codec<Subscribe> => {
    if (_codec == null) {
      _codec = message<Subscribe>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.bundle != null && obj.bundle.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.bundle)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          bundle: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.bundle = reader.bytes()
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
                field: `${prefix}.bundle`,
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

  export interface SubscribeBundleFieldEvent {
    field: '$.bundle'
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Subscribe>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Subscribe.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Subscribe>): Subscribe {
    return decodeMessage(buf, Subscribe.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Subscribe>): Generator<SubscribeBundleFieldEvent> {
    return streamMessage(buf, Subscribe.codec(), opts)
  }
}

export interface Fetch {
  after: bigint
}

export namespace Fetch {
  let _codec: Codec<Fetch>

  export const codec = (): Codec<Fetch> => {
    if (_codec == null) {
      _codec = message<Fetch>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.after != null && obj.after !== 0n)) {
          w.uint32(8)
          w.uint64(obj.after)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          after: 0n
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.after = reader.uint64()
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

  export interface FetchAfterFieldEvent {
    field: '$.after'
    value: bigint
  }

  export function encode (obj: Partial<Fetch>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Fetch.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Fetch>): Fetch {
    return decodeMessage(buf, Fetch.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Fetch>): Generator<FetchAfterFieldEvent> {
    return streamMessage(buf, Fetch.codec(), opts)
  }
}

export interface Remove {
  ids: Uint8Array<ArrayBuffer>[]
}

export namespace Remove {
  let _codec: Codec<Remove>

  export const codec = (): Codec<Remove> => {
    if (_codec == null) {
      _codec = message<Remove>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.ids != null && obj.ids.length > 0) {
          for (const value of obj.ids) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          ids: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
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
          ids: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
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

  export interface RemoveIdsFieldEvent {
    field: '$.ids[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export function encode (obj: Partial<Remove>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Remove.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Remove>): Remove {
    return decodeMessage(buf, Remove.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Remove>): Generator<RemoveIdsFieldEvent> {
    return streamMessage(buf, Remove.codec(), opts)
  }
}

export interface Response {
  status: number
  message: string
  retryAfter: number
  until: bigint
  bundle: Uint8Array<ArrayBuffer>
  page?: Page
  news: boolean
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

        if ((obj.until != null && obj.until !== 0n)) {
          w.uint32(32)
          w.uint64(obj.until)
        }

        if ((obj.bundle != null && obj.bundle.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.bundle)
        }

        if (obj.page != null) {
          w.uint32(50)
          Page.codec().encode(obj.page, w)
        }

        if ((obj.news != null && obj.news !== false)) {
          w.uint32(56)
          w.bool(obj.news)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          status: 0,
          message: '',
          retryAfter: 0,
          until: 0n,
          bundle: uint8ArrayAlloc(0),
          news: false
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
              obj.until = reader.uint64()
              break
            }
            case 5: {
              obj.bundle = reader.bytes()
              break
            }
            case 6: {
              obj.page = Page.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.page
              })
              break
            }
            case 7: {
              obj.news = reader.bool()
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
              yield {
                field: `${prefix}.until`,
                value: reader.uint64()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.bundle`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
              yield * Page.codec().stream(reader, reader.uint32(), `${prefix}.page`, {
                limits: opts.limits?.page
              })

              break
            }
            case 7: {
              yield {
                field: `${prefix}.news`,
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

  export interface ResponseUntilFieldEvent {
    field: '$.until'
    value: bigint
  }

  export interface ResponseBundleFieldEvent {
    field: '$.bundle'
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponsePageBoxesFieldEvent {
    field: '$.page.boxes[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface ResponsePageNextFieldEvent {
    field: '$.page.next'
    value: bigint
  }

  export interface ResponsePageMoreFieldEvent {
    field: '$.page.more'
    value: boolean
  }

  export interface ResponseNewsFieldEvent {
    field: '$.news'
    value: boolean
  }

  export function encode (obj: Partial<Response>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Response.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Response>): Response {
    return decodeMessage(buf, Response.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Response>): Generator<ResponseStatusFieldEvent | ResponseMessageFieldEvent | ResponseRetryAfterFieldEvent | ResponseUntilFieldEvent | ResponseBundleFieldEvent | ResponsePageBoxesFieldEvent | ResponsePageNextFieldEvent | ResponsePageMoreFieldEvent | ResponseNewsFieldEvent> {
    return streamMessage(buf, Response.codec(), opts)
  }
}

export interface Page {
  boxes: Uint8Array<ArrayBuffer>[]
  next: bigint
  more: boolean
}

export namespace Page {
  let _codec: Codec<Page>

  export const codec = (): Codec<Page> => {
    if (_codec == null) {
      _codec = message<Page>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.boxes != null && obj.boxes.length > 0) {
          for (const value of obj.boxes) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if ((obj.next != null && obj.next !== 0n)) {
          w.uint32(16)
          w.uint64(obj.next)
        }

        if ((obj.more != null && obj.more !== false)) {
          w.uint32(24)
          w.bool(obj.more)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          boxes: [],
          next: 0n,
          more: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.boxes != null && obj.boxes.length === opts.limits.boxes) {
                throw new MaxLengthError('Decode error - repeated field "boxes" had too many elements')
              }

              obj.boxes.push(reader.bytes())
              break
            }
            case 2: {
              obj.next = reader.uint64()
              break
            }
            case 3: {
              obj.more = reader.bool()
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
          boxes: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.boxes != null && obj.boxes === opts.limits.boxes) {
                throw new MaxLengthError('Streaming decode error - repeated field "boxes" had too many elements')
              }

              yield {
                field: `${prefix}.boxes[]`,
                index: obj.boxes,
                value: reader.bytes()
              }

              obj.boxes++

              break
            }
            case 2: {
              yield {
                field: `${prefix}.next`,
                value: reader.uint64()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.more`,
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

  export interface PageBoxesFieldEvent {
    field: '$.boxes[]'
    index: number
    value: Uint8Array<ArrayBuffer>
  }

  export interface PageNextFieldEvent {
    field: '$.next'
    value: bigint
  }

  export interface PageMoreFieldEvent {
    field: '$.more'
    value: boolean
  }

  export function encode (obj: Partial<Page>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, Page.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Page>): Page {
    return decodeMessage(buf, Page.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Page>): Generator<PageBoxesFieldEvent | PageNextFieldEvent | PageMoreFieldEvent> {
    return streamMessage(buf, Page.codec(), opts)
  }
}

export interface StoredRecipient {
  seenAt: bigint
  bundle: Uint8Array<ArrayBuffer>
  address: string
}

export namespace StoredRecipient {
  let _codec: Codec<StoredRecipient>

  export const codec = (): Codec<StoredRecipient> => {
    if (_codec == null) {
      _codec = message<StoredRecipient>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.seenAt != null && obj.seenAt !== 0n)) {
          w.uint32(8)
          w.uint64(obj.seenAt)
        }

        if ((obj.bundle != null && obj.bundle.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.bundle)
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
          seenAt: 0n,
          bundle: uint8ArrayAlloc(0),
          address: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.seenAt = reader.uint64()
              break
            }
            case 2: {
              obj.bundle = reader.bytes()
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
                field: `${prefix}.seenAt`,
                value: reader.uint64()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.bundle`,
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

  export interface StoredRecipientSeenAtFieldEvent {
    field: '$.seenAt'
    value: bigint
  }

  export interface StoredRecipientBundleFieldEvent {
    field: '$.bundle'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StoredRecipientAddressFieldEvent {
    field: '$.address'
    value: string
  }

  export function encode (obj: Partial<StoredRecipient>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StoredRecipient.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredRecipient>): StoredRecipient {
    return decodeMessage(buf, StoredRecipient.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredRecipient>): Generator<StoredRecipientSeenAtFieldEvent | StoredRecipientBundleFieldEvent | StoredRecipientAddressFieldEvent> {
    return streamMessage(buf, StoredRecipient.codec(), opts)
  }
}

export interface StoredItem {
  id: Uint8Array<ArrayBuffer>
  expiresAt: bigint
  size: number
}

export namespace StoredItem {
  let _codec: Codec<StoredItem>

  export const codec = (): Codec<StoredItem> => {
    if (_codec == null) {
      _codec = message<StoredItem>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.id)
        }

        if ((obj.expiresAt != null && obj.expiresAt !== 0n)) {
          w.uint32(16)
          w.uint64(obj.expiresAt)
        }

        if ((obj.size != null && obj.size !== 0)) {
          w.uint32(24)
          w.uint32(obj.size)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: uint8ArrayAlloc(0),
          expiresAt: 0n,
          size: 0
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
              obj.expiresAt = reader.uint64()
              break
            }
            case 3: {
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
                field: `${prefix}.id`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.expiresAt`,
                value: reader.uint64()
              }
              break
            }
            case 3: {
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

  export interface StoredItemIdFieldEvent {
    field: '$.id'
    value: Uint8Array<ArrayBuffer>
  }

  export interface StoredItemExpiresAtFieldEvent {
    field: '$.expiresAt'
    value: bigint
  }

  export interface StoredItemSizeFieldEvent {
    field: '$.size'
    value: number
  }

  export function encode (obj: Partial<StoredItem>): Uint8Array<ArrayBuffer> {
    return encodeMessage(obj, StoredItem.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredItem>): StoredItem {
    return decodeMessage(buf, StoredItem.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<StoredItem>): Generator<StoredItemIdFieldEvent | StoredItemExpiresAtFieldEvent | StoredItemSizeFieldEvent> {
    return streamMessage(buf, StoredItem.codec(), opts)
  }
}
