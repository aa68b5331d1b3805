/** Text of files and peers for a terminal: nothing in it steers it, line breaks and tabs stay. */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, '\u{fffd}')
}

/** The same on one line, and not longer than `most` characters. */
export function oneLine(text: string, most = 200): string {
  const line = [...printable(text).replace(/[\n\t\p{Zl}\p{Zp}]/gu, ' ')]
  return line.length > most ? `${line.slice(0, most - 1).join('')}…` : line.join('')
}
