/** The candidates by how few letters differ from `word`, the nearest first. */
export function nearestFirst<T>(word: string, candidates: readonly T[], spelling: (candidate: T) => string): T[] {
  return candidates
    .map(candidate => ({ candidate, distance: distanceOf(word.toLowerCase(), spelling(candidate).toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
    .map(({ candidate }) => candidate)
}

/** Levenshtein's distance, of the first 64 characters. */
function distanceOf(a: string, b: string): number {
  const [left, right] = [a.slice(0, 64), b.slice(0, 64)]
  let row = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const changed = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[right.length]!
}
