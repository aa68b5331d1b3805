import { Flags } from '@oclif/core'
import { queryFlags, queryOf } from '../../cli/audit-flags.ts'
import { ChainCommand } from '../../cli/chain-command.ts'
import { ProgressLine } from '../../cli/progress.ts'
import { writeOutputFile } from '../../index.ts'

export default class AuditExport extends ChainCommand {
  static override summary = 'Write records of the audit chain into a file, with their contents'
  static override description =
    'As JSON (one array), NDJSON (one object a line) or CSV (RFC 4180; cells that a spreadsheet would take for formulas begin with an apostrophe). A file is readable by its owner only, and appears when it is whole. Without --output the records go to standard output.'
  static override examples = [
    '<%= config.bin %> audit export --format csv --since 30d --output november.csv',
    '<%= config.bin %> audit export --format ndjson --peer alice --include-proofs --output for-alice.ndjson'
  ]
  static override flags = {
    ...queryFlags,
    format: Flags.option({
      description: 'How the records are written',
      options: ['json', 'csv', 'ndjson'] as const,
      required: true
    })(),
    'include-proofs': Flags.boolean({ description: 'With each record its proof, which opens all of its fields' }),
    output: Flags.string({ char: 'o', description: 'The file to write (default: standard output)' })
  }

  async run(): Promise<object | undefined> {
    const { flags } = await this.parse(AuditExport)
    const { format, output } = flags
    const query = queryOf(flags)
    await using talos = await this.openClient(flags)
    const progress = new ProgressLine(this.interactive && output !== undefined)
    let records = 0
    const chunks = talos.audit.export({
      ...query,
      format,
      includeProofs: flags['include-proofs'],
      signal: this.interrupted,
      onProgress: count => {
        records = count
        progress.show(`${count} records`)
      }
    })
    if (output === undefined) {
      for await (const chunk of chunks) await print(chunk)
      return undefined
    }
    try {
      const { bytes } = await writeOutputFile(output, chunks)
      progress.end()
      this.note(`${records} records are in ${output}`)
      return { output, format, records, bytes }
    } finally {
      progress.end()
    }
  }

  /** What is written to standard output is the export, whatever its format. */
  protected override logJson(json: unknown): void {
    if (json !== undefined) super.logJson(json)
  }
}

/** Waits for a reader that is slower. */
async function print(chunk: string): Promise<void> {
  if (chunk === '' || process.stdout.write(chunk)) return
  await new Promise<void>(resolve => process.stdout.once('drain', resolve))
}
