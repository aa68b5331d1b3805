import { MAX_IDS, TYPE } from './constants.ts'
import type { Context } from './context.ts'
import { plain, signEnvelope } from './envelope.ts'
import { AckBody } from './pb/message.ts'
import { Due, type DueEpoch, type PeerRecord } from './pb/records.ts'
import { addDelivered } from './records.ts'
import type { Step } from './step.ts'

/** What is to be acknowledged and must not be forgotten: what was read, and what came another way than over a link. */
export function dueOf(record: PeerRecord): Due {
  record.due ??= Due.decode(new Uint8Array())
  return record.due
}

export function hasDue({ due }: PeerRecord): boolean {
  return due !== undefined && (due.delivered.length > 0 || due.read.length > 0)
}

/**
 * Seals the acknowledgement of `direct`, which the sender asks for again when it gets lost, and of what is due, which it does
 * not: that part is kept, in its envelope, until the sender has confirmed it. Undefined when there is no session.
 */
export async function sealAcknowledgement(
  context: Context,
  step: Step,
  record: PeerRecord,
  recipient: Uint8Array,
  direct: DueEpoch[]
): Promise<{ id: Uint8Array; envelope: Uint8Array } | undefined> {
  const confirm = record.sealed === undefined && hasDue(record)
  const due = confirm ? dueOf(record) : undefined
  const delivered = [...direct, ...(due?.delivered ?? [])]
  const read = due?.read.slice(0, MAX_IDS) ?? []
  const body = await step.session.seal(AckBody.encode({ delivered, read }))
  if (body === undefined) return undefined
  const id = context.uuids.next()
  const fields = { id, type: TYPE.ack, recipient, timestamp: step.now, confirm, body }
  const envelope = signEnvelope(context.identity, fields)
  if (due !== undefined) {
    const covers = { ...Due.decode(new Uint8Array()), delivered: due.delivered, read }
    record.sealed = { id: plain(id), envelope: plain(envelope), covers }
    due.delivered = []
    due.read = due.read.slice(MAX_IDS)
  }
  return { id, envelope }
}

/** Makes these due. */
export function addDue(record: PeerRecord, delivered: readonly DueEpoch[]): void {
  const due = dueOf(record)
  for (const { epoch, ranges } of delivered) {
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      for (let sequence = ranges[i]!; sequence <= ranges[i + 1]!; sequence++) {
        addDelivered(due.delivered, epoch, sequence)
      }
    }
  }
}

/** The sealed acknowledgement could not be read: what it covers is due again. */
export function unsealAcknowledgement(record: PeerRecord): void {
  const covers = record.sealed?.covers
  delete record.sealed
  if (covers === undefined) return
  const due = dueOf(record)
  due.read = [...covers.read, ...due.read]
  addDue(record, covers.delivered)
}

/** Acknowledgements that are kept for when the other side cannot read them. */
const MAX_RECENT = 16

/** What the latest acknowledgements covered that are not kept on disk, by id: one that could not be read is made again. */
export class RecentAcknowledgements {
  readonly #covered = new Map<string, readonly DueEpoch[]>()

  add(id: string, covered: readonly DueEpoch[]): void {
    this.#covered.set(id, covered)
    if (this.#covered.size > MAX_RECENT) this.#covered.delete(this.#covered.keys().next().value!)
  }

  /** What the one with that id covered; it is forgotten. */
  take(id: string): readonly DueEpoch[] {
    const covered = this.#covered.get(id) ?? []
    this.#covered.delete(id)
    return covered
  }
}
