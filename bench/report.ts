import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const REPORT = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))
const HEAD = `# Benchmarks

Each section is written by its script (\`npm run bench:<name> -- --write\`): everything it compares ran side by side in one
run on one machine, in alternating rounds, so that the ratios hold even where the numbers depend on the machine.
`

/** Writes `body` between the markers of section `name` in docs/benchmarks.md, and leaves the other sections alone. */
export function writeSection(name: string, title: string, body: string): void {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`]
  let text = HEAD
  try {
    text = readFileSync(REPORT, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    mkdirSync(dirname(REPORT), { recursive: true })
  }
  const section = `${begin}\n## ${title}\n\n${machine()}\n\n${body.trim()}\n${end}`
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  const next =
    from === -1 || to === -1
      ? `${text.trimEnd()}\n\n${section}\n`
      : `${text.slice(0, from)}${section}${text.slice(to + end.length)}`
  writeFileSync(REPORT, next)
  console.log(`written to docs/benchmarks.md, section '${title}'`)
}

function machine(): string {
  const cpu = cpus()
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const day = new Date().toISOString().slice(0, 10)
  return `Node ${process.versions.node}, ${process.platform}-${process.arch}, ${cpu.length} × ${cpu[0]?.model.trim()}; commit ${commit}, ${day}, load average ${loadavg()[0]!.toFixed(1)}.`
}

/** A Markdown table, its columns padded so that it also reads well on a terminal. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]!.length)))
  const line = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
