import { duration } from './duration.ts'

/** A point in the past as people write it: a duration before now (`1h`, `7d`), or a date with or without time. Throws USAGE_INVALID. */
export function instant(text: string): number {
  const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? Date.now() - duration(text) : date
}

/** A point in time for a person: `14:05` today, else with its date. Local time. */
export function clock(time: number, now = Date.now()): string {
  const date = new Date(time)
  const minutes = date.toTimeString().slice(0, 5)
  const isToday = date.toDateString() === new Date(now).toDateString()
  if (isToday) return minutes
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map(part => String(part).padStart(2, '0'))
    .join('-')
  return `${day} ${minutes}`
}

/** Milliseconds for a person: two digits below ten, none after the point above. */
export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`
}
