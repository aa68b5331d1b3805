import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const TALOS = fileURLToPath(new URL('../../bin/talos.cjs', import.meta.url))

export interface Run {
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv
  cwd?: string
  input?: string | Buffer
  /** @default 20_000 */
  timeout?: number
}

/** Runs the built command line as a real process and waits for its end. */
export async function talos(args: string[], options: RunOptions = {}): Promise<Run> {
  const child = spawn(process.execPath, [TALOS, ...args], {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    stdio: 'pipe',
    timeout: options.timeout ?? 20_000,
    killSignal: 'SIGKILL'
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', chunk => (stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', chunk => (stderr += chunk))
  child.stdin.on('error', () => {}) // a command that does not read its input closes it
  child.stdin.end(options.input ?? '')
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signalName) => resolve([code, signalName]))
  })
  return { status, signal, stdout, stderr }
}
