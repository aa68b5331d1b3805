import type { CryptoProvider } from '../../crypto/index.ts'
import { corrupt, Reader, Writer } from './codec.ts'
import { RATCHET_LIMITS, type Ratchet, type SkippedKey } from './double-ratchet.ts'

const VERSION = 1
const HAS_REMOTE = 1
const HAS_SEND = 2
const HAS_RECEIVE = 4
const STEP_DUE = 8
/** In a skipped key: its chain is the current one, not one of the old chains. */
const CURRENT = 0xff

/** The whole state with its secrets (docs/spec/session.md §8), for sealed storage only. The caller wipes the result. */
export function encodeRatchet(ratchet: Ratchet): Uint8Array {
  const writer = new Writer(320 + ratchet.oldChains.length * 32 + ratchet.skipped.length * 45)
  const { remote, sendChain, receiveChain, oldChains } = ratchet
  writer.u8(VERSION)
  writer.u8(
    (remote === undefined ? 0 : HAS_REMOTE) |
      (sendChain === undefined ? 0 : HAS_SEND) |
      (receiveChain === undefined ? 0 : HAS_RECEIVE) |
      (ratchet.stepDue ? STEP_DUE : 0)
  )
  writer.bytes(ratchet.rootKey).secret(ratchet.own.exportSecret())
  for (const field of [remote, sendChain, receiveChain]) if (field !== undefined) writer.bytes(field)
  writer.u32(ratchet.ns).u32(ratchet.nr).u32(ratchet.pn).u32(ratchet.steps)
  writer.u8(oldChains.length)
  for (const chain of oldChains) writer.bytes(chain)
  writer.u16(ratchet.skipped.length)
  const indexes = new Map(oldChains.map((chain, i) => [chain, i]))
  for (const entry of ratchet.skipped) {
    writer
      .u8(indexes.get(entry.dh) ?? CURRENT)
      .u32(entry.n)
      .bytes(entry.key)
      .u64(entry.at)
  }
  return writer.finish()
}

/** @throws STORAGE_SESSION_CORRUPT */
export function decodeRatchet(crypto: CryptoProvider, bytes: Uint8Array): Ratchet {
  const fail = corrupt('A session')
  const reader = new Reader(bytes, fail)
  if (reader.u8() !== VERSION) throw fail('its version is unknown')
  const flags = reader.flags(HAS_REMOTE | HAS_SEND | HAS_RECEIVE | STEP_DUE)
  const optional = (flag: number) => ((flags & flag) !== 0 ? reader.bytes(32) : undefined)
  const rootKey = reader.bytes(32)
  const secret = reader.bytes(32)
  const own = crypto.x25519.lazy(secret)
  secret.fill(0)
  const remote = optional(HAS_REMOTE)
  const sendChain = optional(HAS_SEND)
  const receiveChain = optional(HAS_RECEIVE)
  const stepDue = (flags & STEP_DUE) !== 0
  if (remote === undefined && (receiveChain !== undefined || stepDue)) throw fail('it has no remote key')
  const [ns, nr, pn, steps] = [reader.u32(), reader.u32(), reader.u32(), reader.u32()]
  const chainCount = reader.u8()
  if (chainCount > RATCHET_LIMITS.maxOldChains) throw fail(`it has ${chainCount} old chains`)
  const oldChains = Array.from({ length: chainCount }, () => reader.bytes(32))
  const skippedCount = reader.u16()
  if (skippedCount > RATCHET_LIMITS.maxStored) throw fail(`it has ${skippedCount} skipped keys`)
  const skipped: SkippedKey[] = []
  for (let i = 0; i < skippedCount; i++) {
    const chain = reader.u8()
    const dh = chain === CURRENT ? remote : oldChains[chain]
    if (dh === undefined) throw fail('a skipped key names no chain')
    skipped.push({ dh, n: reader.u32(), key: reader.bytes(32), at: reader.u64() })
  }
  reader.end()
  return { rootKey, own, remote, sendChain, receiveChain, ns, nr, pn, stepDue, steps, oldChains, skipped }
}
