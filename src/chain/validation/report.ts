import { LAYERS } from './codes.ts'
import type { Issue } from './context.ts'
import type { ChainReport } from './validate-chain.ts'

/** The report as one JSON object, for programs. */
export function reportJson(report: ChainReport): string {
  return `${JSON.stringify({ format: 'talos-chain-report/1', ...report }, null, 2)}\n`
}

/** Rows of name and value: what every form of the report says. */
function summaryOf(report: ChainReport): Array<[string, string]> {
  const { counts } = report
  return [
    ['Chain', report.chainId],
    ['Level', report.level],
    [
      'Blocks',
      `${report.blocks} (${report.from} to ${report.to}${report.headersOnly > 0 ? `, ${report.headersOnly} of them headers only` : ''})`
    ],
    ['Records', String(counts.records)],
    [
      'Signatures verified',
      `${counts.signatures}${counts.knownSignatures > 0 ? `, ${counts.knownSignatures} known from before` : ''}`
    ],
    ['Contents compared', String(counts.commitments)],
    [
      'Anchors confirmed',
      `${counts.anchors}${report.anchoredBy.length > 0 ? ` by ${report.anchoredBy.join(', ')}` : ''}`
    ],
    ['Bytes', String(counts.bytes)],
    ['Time', `${report.duration.toFixed(1)} ms${report.threads > 0 ? `, with ${report.threads} threads more` : ''}`]
  ]
}

const layerRows = ({ layers }: ChainReport): string[][] =>
  LAYERS.map(layer => [layer, layers[layer].state, `${layers[layer].duration.toFixed(1)} ms`])

const issueRow = ({ code, violation, height, record, message }: Issue): string[] => [
  `${code} ${violation}`,
  height === undefined ? '' : String(height),
  record === undefined ? '' : String(record),
  message
]
const ISSUE_HEAD = ['violation', 'block', 'record', 'what']

const titleOf = ({ valid }: ChainReport): string => `The chain is ${valid ? 'valid' : 'NOT valid'}`
const listTitle = (name: string, count: number, listed: number): string =>
  `${name} (${count}${count > listed ? `, the first ${listed}` : ''})`

/** The report as Markdown, for people. */
export function reportMarkdown(report: ChainReport): string {
  const escaped = (text: string) => text.replace(/[\\`*_[\]<>&|#]/g, '\\$&').replace(/\s+/g, ' ')
  const row = (cells: string[]) => `| ${cells.map(escaped).join(' | ')} |`
  const table = (head: string[], rows: string[][]) =>
    [row(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(row)].join('\n')
  const parts = [`# ${titleOf(report)}`, table(['', ''], summaryOf(report)), '## Layers']
  parts.push(table(['layer', 'state', 'time'], layerRows(report)))
  for (const [name, issues, count] of listsOf(report)) {
    parts.push(`## ${listTitle(name, count, issues.length)}`, table(ISSUE_HEAD, issues.map(issueRow)))
  }
  return `${parts.join('\n\n')}\n`
}

/** The report as a page of its own: no script, nothing loaded, everything escaped. */
export function reportHtml(report: ChainReport): string {
  const inHtml = (text: string) => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
  const cells = (tag: string, row: string[]) =>
    `<tr>${row.map(cell => `<${tag}>${inHtml(cell)}</${tag}>`).join('')}</tr>`
  const table = (head: string[], rows: string[][]) =>
    `<table>${head.length > 0 ? cells('th', head) : ''}${rows.map(row => cells('td', row)).join('')}</table>`
  const lists = listsOf(report).map(
    ([name, issues, count]) =>
      `<h2>${inHtml(listTitle(name, count, issues.length))}</h2>${table(ISSUE_HEAD, issues.map(issueRow))}`
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${inHtml(titleOf(report))}</title>
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2em;max-width:60em}table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2em .6em;text-align:left;overflow-wrap:anywhere}h1{color:${report.valid ? '#0a6' : '#c22'}}</style>
<h1>${inHtml(titleOf(report))}</h1>
${table([], summaryOf(report))}
<h2>Layers</h2>
${table(['layer', 'state', 'time'], layerRows(report))}
${lists.join('\n')}
</html>
`
}

function listsOf({
  errors,
  errorCount,
  warnings,
  warningCount
}: ChainReport): Array<[string, readonly Issue[], number]> {
  const lists: Array<[string, readonly Issue[], number]> = [
    ['Errors', errors, errorCount],
    ['Warnings', warnings, warningCount]
  ]
  return lists.filter(([, , count]) => count > 0)
}
