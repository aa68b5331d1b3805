import { en } from 'zod/locales'
import type * as z from 'zod/mini'

export type Checked<T> = { ok: true; value: T } | { ok: false; issue: z.core.$ZodIssue; text: string }

/** Checks `value` by `schema`; on failure the first issue, and what is wrong where as text: `limits.maxConnections: Invalid …`. */
export function checkSchema<T>(schema: z.ZodMiniType<T>, value: unknown): Checked<T> {
  const result = schema.safeParse(value, { error: en().localeError })
  if (result.success) return { ok: true, value: result.data }
  const issue = result.error.issues[0]!
  const where = issue.path.join('.')
  return { ok: false, issue, text: where === '' ? issue.message : `${where}: ${issue.message}` }
}
