import { Args, Flags } from '@oclif/core'
import {
  type ChainReport,
  reportHtml,
  reportJson,
  reportMarkdown,
  type TalosClient,
  writeOutputFile
} from '../index.ts'
import { countText, ProgressLine } from './progress.ts'

/** What `talos audit verify` and `talos audit chain verify` take. */
export const verifyFlags = {
  level: Flags.option({
    description:
      'How thoroughly: MINIMAL reads and hashes, STANDARD checks work, links and history, STRICT signatures, trees and order too, PARANOID anchors too',
    options: ['MINIMAL', 'STANDARD', 'STRICT', 'PARANOID'] as const,
    default: 'STRICT' as const
  })(),
  report: Flags.option({
    description: 'Write a report of this kind, to the file or to standard output',
    options: ['json', 'markdown', 'html'] as const
  })()
}

export const verifyArgs = {
  file: Args.string({ description: 'Where the report goes; with --report only' })
}

const REPORTS = { json: reportJson, markdown: reportMarkdown, html: reportHtml }

/** Checks the chain, with progress for a person, and writes the report that was asked for. */
export async function verifyChain(
  talos: TalosClient,
  options: {
    level: ChainReport['level']
    contents: boolean
    report: keyof typeof REPORTS | undefined
    file: string | undefined
    interactive: boolean
    signal: AbortSignal
    log: (text: string) => void
  }
): Promise<ChainReport> {
  const { level, contents, report: kind, file, signal } = options
  const progress = new ProgressLine(options.interactive)
  let report: ChainReport
  try {
    report = await talos.audit.verify({
      level,
      contents,
      signal,
      onProgress: (done, of) => progress.show(countText(done, of, 'blocks'))
    })
  } finally {
    progress.end()
  }
  const text = kind === undefined ? undefined : REPORTS[kind](report)
  if (text !== undefined && file !== undefined) await writeOutputFile(file, text)
  options.log(text !== undefined && file === undefined ? text.trimEnd() : verdict(report))
  return report
}

/** The result in a few lines. */
function verdict({
  valid,
  blocks,
  headersOnly,
  counts,
  level,
  duration,
  errors,
  errorCount,
  chainId
}: ChainReport): string {
  const what = `${blocks} blocks with ${counts.records} records`
  const pruned = headersOnly > 0 ? `, of ${headersOnly} blocks only the headers: they were pruned` : ''
  const contents = counts.commitments > 0 ? `, the contents of ${counts.commitments} compared` : ''
  const head = valid ? 'The chain is valid' : 'The chain is NOT valid'
  return [
    `${head}: ${what} checked (${level}), ${counts.signatures} signatures verified${contents}${pruned}, ${(duration / 1000).toFixed(1)} s`,
    `  chain ${chainId}`,
    ...errors.map(({ code, violation, height, message }) => {
      const where = height === undefined ? '' : `block ${height}: `
      return `  ${code} ${violation}  ${where}${message}`
    }),
    ...(errorCount > errors.length ? [`  … and ${errorCount - errors.length} more`] : [])
  ].join('\n')
}
