import { TalosError } from '../errors.ts'
import type { ViolationName } from './validation/codes.ts'

/** Bytes that are no record, header, block or parameters of this version. `violation` is what a validation reports. */
export class FormatError extends TalosError {
  readonly violation: ViolationName

  constructor(violation: ViolationName, message: string) {
    super('CHAIN_FORMAT', message)
    this.violation = violation
  }
}
