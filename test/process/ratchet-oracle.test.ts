import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import {
  initiatorRatchet,
  open,
  type Ratchet,
  responderRatchet,
  seal
} from '../../src/protocols/ratchet/double-ratchet.ts'
import { decodeRatchet, encodeRatchet } from '../../src/protocols/ratchet/ratchet-codec.ts'
import { findPython } from '../support/python.ts'
import { Oracle } from '../support/ratchet-oracle.ts'
import { codeOf } from '../support/session-party.ts'

const python = findPython(
  'the differential run against python3-doubleratchet',
  ['doubleratchet', 'cryptography'],
  'python3-doubleratchet python3-cryptography'
)

const STEPS = 2000
const AD = crypto.randomBytes(80)

/** A small repeatable generator, so that a failure can be run again from the seed in the test's name. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

describe.skipIf(python === undefined)('against python3-doubleratchet', () => {
  let oracle: Oracle
  beforeAll(() => {
    oracle = new Oracle(python!)
  })
  afterAll(() => oracle.close())

  for (const seed of [1, 2]) {
    const oursFirst = seed % 2 === 1
    it(`${STEPS} random steps agree (seed ${seed}, ${oursFirst ? 'we' : 'it'} began)`, {
      timeout: 120_000
    }, async () => {
      const random = generator(seed)
      const root = crypto.randomBytes(32)
      const key = crypto.x25519.generate()
      let ours: Ratchet
      if (oursFirst) {
        ours = initiatorRatchet(crypto, root, key.publicKey)
        await oracle.setup({ root, ad: AD, own: key.exportSecret() })
      } else {
        ours = responderRatchet(root.slice(), key)
        await oracle.setup({ root, ad: AD, remote: key.publicKey })
      }
      const context = { crypto, ad: AD, now: 0 }
      type Sent = { message: Uint8Array; body: Uint8Array; due: number }
      const queues = { toUs: [] as Sent[], toOracle: [] as Sent[] }
      const sent = { toUs: 0, toOracle: 0 }
      const count = { delivered: 0, lost: 0, forged: 0, replayed: 0 }

      const openHere = (message: Uint8Array) => {
        const result = open(ours, message, context)
        ours = result.ratchet
        return result.plaintext
      }
      const deliver = async (direction: 'toUs' | 'toOracle', { message, body }: Sent) => {
        if (random(4) === 0) {
          const forged = message.slice()
          const at = random(3) === 0 ? random(41) : random(forged.length)
          forged[at]! ^= 1 << random(8)
          if (direction === 'toUs') {
            const before = Buffer.from(encodeRatchet(ours))
            expect(codeOf(() => openHere(forged))).toMatch(/^SESSION_/)
            expect(Buffer.compare(encodeRatchet(ours), before)).toBe(0)
          } else if (at > 0) {
            expect(await oracle.open(forged)).toHaveProperty('error') // byte 0 is our version, which it does not have
          }
          count.forged++
        }
        const opened = direction === 'toUs' ? openHere(message) : await oracle.open(message)
        expect(opened instanceof Uint8Array ? { data: opened } : opened).toEqual({ data: body })
        count.delivered++
        if (random(5) === 0) {
          if (direction === 'toUs') expect(codeOf(() => openHere(message))).toBe('SESSION_DUPLICATE')
          else expect(await oracle.open(message)).toHaveProperty('error')
          count.replayed++
        }
      }

      let canSend = { toUs: !oursFirst, toOracle: oursFirst } // a responder speaks second
      for (let step = 0; step < STEPS; step++) {
        const direction =
          canSend.toUs && canSend.toOracle
            ? (['toUs', 'toOracle'] as const)[random(2)]!
            : oursFirst
              ? 'toOracle'
              : 'toUs'
        const body = crypto.randomBytes(random(100))
        let message: Uint8Array
        if (direction === 'toOracle') {
          const sealed = seal(ours, body, context)
          ours = sealed.ratchet
          message = sealed.message
        } else {
          message = ((await oracle.seal(body)) as { data: Uint8Array }).data
        }
        sent[direction]++
        if (random(8) === 0) count.lost++
        // late by at most five of its direction, so within the five chains of which keys are kept
        else queues[direction].push({ message, body, due: sent[direction] + random(3) * random(3) })
        for (const way of ['toUs', 'toOracle'] as const) {
          for (const item of queues[way].filter(({ due }) => due <= sent[way])) {
            queues[way].splice(queues[way].indexOf(item), 1)
            await deliver(way, item)
            canSend = { toUs: true, toOracle: true }
          }
        }
        if (step % 50 === 0) ours = decodeRatchet(crypto, encodeRatchet(ours))
      }
      expect(count.delivered).toBeGreaterThan(STEPS * 0.8)
      expect(count.forged).toBeGreaterThan(STEPS / 10)
      expect(count.replayed).toBeGreaterThan(STEPS / 10)
      expect(count.lost).toBeGreaterThan(STEPS / 20)
      expect(ours.steps).toBeGreaterThan(STEPS / 10)
    })
  }
})
