import type * as z from 'zod/mini'
import { TalosError } from '../errors.ts'
import { readPrivateFile, updatePrivateFile } from './private-file.ts'
import { checkSchema } from './schema-check.ts'

/** A small JSON file of the data directory, checked by a schema and changed by one command at a time. */
export class JsonStore<T> {
  readonly #path: string
  readonly #schema: z.ZodMiniType<T>
  readonly #empty: T

  /** @param empty what a file that is not there stands for */
  constructor(path: string, schema: z.ZodMiniType<T>, empty: T) {
    this.#path = path
    this.#schema = schema
    this.#empty = empty
  }

  /** Throws STORAGE_CORRUPT, STORAGE_READ_FAILED. */
  async read(): Promise<T> {
    return this.#decode((await readPrivateFile(this.#path))?.bytes)
  }

  /** Stores what `change` returns; the file stays as it is when `change` throws. Throws as updatePrivateFile, STORAGE_CORRUPT. */
  async update(change: (current: T) => T): Promise<void> {
    await updatePrivateFile(this.#path, bytes =>
      Buffer.from(`${JSON.stringify(change(this.#decode(bytes)), null, 2)}\n`)
    )
  }

  #decode(bytes: Buffer | undefined): T {
    if (bytes === undefined) return this.#empty
    let json: unknown
    try {
      json = JSON.parse(bytes.toString('utf8'))
    } catch (cause) {
      throw this.#corrupt('it is not JSON', cause)
    }
    const checked = checkSchema(this.#schema, json)
    if (!checked.ok) throw this.#corrupt(checked.text)
    return checked.value
  }

  #corrupt(why: string, cause?: unknown): TalosError {
    return new TalosError('STORAGE_CORRUPT', `${this.#path} is damaged: ${why}`, {
      hint: 'Mend it by hand, or move it away to begin with an empty one.',
      cause
    })
  }
}
