import { Uint8ArrayList } from 'uint8arraylist'
import { encodeVarint } from './varint.ts'

/** Protobuf tags: field 1 as a varint, field 2 with a length. */
const TYPE_FIELD = 0x08
const BODY_FIELD = 0x12

/** The protobuf message `{ uint32 type = 1; bytes body = 2 }` of a type below 128, without a copy of its body. */
export function encodeFrame(type: number, body: Uint8Array): Uint8ArrayList {
  return new Uint8ArrayList(Uint8Array.of(TYPE_FIELD, type, BODY_FIELD, ...encodeVarint(body.byteLength)), body)
}
