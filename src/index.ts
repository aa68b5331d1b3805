export { isTalosError, TalosError, type TalosErrorOptions } from './errors.ts'
