/** Rows as aligned columns, two spaces apart, with a heading. */
export function table(heading: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const all = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...all.map(row => lengthOf(row[column] ?? ''))))
  return all
    .map(row =>
      row
        .map((cell, column) => cell + ' '.repeat(widths[column]! - lengthOf(cell)))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

const lengthOf = (cell: string) => [...cell].length
