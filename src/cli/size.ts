const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB']

/** A number of bytes for a person, in units of 1,000: `512 bytes`, `1.4 MB`. */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit]}`
}
