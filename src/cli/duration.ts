import { TalosError } from '../errors.ts'

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a duration as people write it: `500ms`, `30s`, `5m`, `1h`, `7d`. Throws USAGE_INVALID. */
export function duration(text: string): number {
  const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  const value = Number(digits) * (UNITS[unit ?? ''] ?? Number.NaN)
  if (value > 0) return Math.ceil(value)
  throw new TalosError('USAGE_INVALID', `${JSON.stringify(text)} is not a duration`, {
    hint: 'Write 500ms, 30s, 5m, 1h or 7d.'
  })
}
