/** What `DEBUG` prints begins with the time and the component, whose suffix is the level. */
const DEBUG_LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z ([\w-]+(?::[\w-]+)*?)(?::(error|trace))? /

interface LogLine {
  /** ISO 8601. */
  time: string
  level: 'error' | 'info' | 'trace'
  component?: string
  message: string
}

/**
 * From now on each write to standard error, whoever it comes from (a note, DEBUG, a warning of Node's), is one line with one JSON
 * object: time, level, message, and the component where there is one.
 */
export function logAsJson(stream: NodeJS.WriteStream = process.stderr): void {
  const write = stream.write.bind(stream)
  stream.write = ((chunk: Uint8Array | string, ...rest: [never]) => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')
    return write(`${JSON.stringify(logLine(text.trimEnd(), new Date()))}\n`, ...rest)
  }) as typeof stream.write
}

/** @param text as it was to be written, without the last line break */
export function logLine(text: string, now: Date): LogLine {
  const found = /^\d{4}-/.test(text) ? DEBUG_LINE.exec(text) : null
  const time = now.toISOString()
  if (found === null) return { time, level: 'info', message: text }
  const [prefix, component, level] = found
  return {
    time,
    level: (level as LogLine['level'] | undefined) ?? 'info',
    component: component!,
    message: text.slice(prefix.length)
  }
}
