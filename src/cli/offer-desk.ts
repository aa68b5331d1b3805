import type { FileOffer, TalosClient, Transfer } from '../index.ts'
import { bytes } from './size.ts'
import { withTerminal } from './terminal.ts'

export interface OfferDeskInit {
  /** Take every offer, unasked. */
  takeAll: boolean
  /** Ask a person on the terminal, one offer after the other. */
  isAsking: boolean
  nameOf(peer: string): Promise<string>
  tell(event: object, line: string): void
}

/** Where the files that are offered while `talos listen` runs are decided, and those that have come are told. */
export class OfferDesk {
  readonly #talos: TalosClient
  readonly #init: OfferDeskInit
  readonly #seen = new Set<string>()
  #asked: Promise<void> = Promise.resolve()

  constructor(talos: TalosClient, init: OfferDeskInit) {
    this.#talos = talos
    this.#init = init
  }

  /** Begins with the offers that wait already. */
  async start(): Promise<void> {
    this.#talos.addEventListener('file-offer', ({ detail: { offer } }) => this.#add(offer))
    this.#talos.addEventListener('file-answered', ({ detail: { id } }) => this.#seen.delete(id))
    this.#talos.addEventListener('transfer', ({ detail: { transfer } }) => void this.#arrived(transfer))
    for (const offer of (await this.#talos.files()).offers) this.#add(offer)
  }

  #add(offer: FileOffer): void {
    if (this.#seen.has(offer.id)) return
    this.#seen.add(offer.id)
    this.#asked = this.#asked.then(() => this.#decide(offer)).catch(() => {}) // the offer is gone: its peer is
  }

  async #decide(offer: FileOffer): Promise<void> {
    const { takeAll, isAsking, nameOf, tell } = this.#init
    const what = `${await nameOf(offer.peer)} offers ${offer.directory ? 'the directory ' : ''}${offer.name}, ${bytes(offer.size)}`
    if (takeAll) return this.#talos.answerOffer(offer.id, true)
    const answer = isAsking ? await withTerminal(terminal => terminal.ask(`${what}. Take it? [y/N] `)) : undefined
    if (answer !== undefined) return this.#talos.answerOffer(offer.id, /^y(es)?$/i.test(answer.trim()))
    tell({ event: 'file-offer', ...offer }, `${what}: talos files accept ${offer.id}`)
  }

  async #arrived(transfer: Transfer): Promise<void> {
    const { direction, state, peer, name, path } = transfer
    if (direction !== 'in' || state !== 'done') return
    this.#init.tell({ event: 'file', ...transfer }, `${name} from ${await this.#init.nameOf(peer)} is in ${path}`)
  }
}
