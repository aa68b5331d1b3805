import { BaseCommand } from '../cli/base-command.ts'
import { type DemoStep, demo } from '../cli/demo/demo.ts'
import { interruption } from '../cli/interrupt.ts'

export default class Demo extends BaseCommand {
  static override description = `Watch an agent use a tool on another machine

Starts a bootstrap server, a tool's owner and an agent as separate processes in a temporary folder, and shows step by step
what happens, with a stranger and a hostile network between them. Takes under 20 seconds, cleans up after itself, and fails
when any step is not true.`
  static override examples = ['<%= config.bin %> demo', '<%= config.bin %> demo --json']

  async run(): Promise<{ steps: DemoStep[]; seconds: number }> {
    await this.parse(Demo)
    const started = performance.now()
    const steps: DemoStep[] = []
    const isColoured = process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
    const bold = (text: string) => (isColoured ? `\x1b[1m${text}\x1b[0m` : text)
    for await (const step of demo(interruption(['SIGINT', 'SIGTERM', 'SIGHUP']))) {
      steps.push(step)
      this.log(`${String(steps.length).padStart(2)}  ${bold(step.title)}`)
      for (const line of step.lines) this.log(`    ${line}`)
    }
    const seconds = Number(((performance.now() - started) / 1000).toFixed(1))
    this.log(`\nAll ${steps.length} steps held, in ${seconds} s. Two machines: see "Quick start" in README.md.`)
    return { steps, seconds }
  }
}
