import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { TalosError } from '../../errors.ts'
import type { Guardian } from './guardian.ts'
import { LineWriter } from './lines.ts'
import { groupEnded, signalGroup } from './process-group.ts'
import type { RunningServer, ServerEnd } from './server.ts'
import { StderrLines } from './stderr-lines.ts'

/** The MCP server that a session starts. Fixed by who serves; nothing of it ever comes from a peer. */
export interface ServerSpec {
  file: string
  args: readonly string[]
  cwd?: string
  /** Added to the minimal environment. */
  env?: Readonly<Record<string, string>>
}

export interface ChildInit {
  guardian: Guardian
  /** A line of the server's standard error, with control characters escaped, shortened and rate-limited. */
  onStderr?: (line: string) => void
}

/** stop(): how long the server may take at each step. Together with the last wait at most 4 s. */
const AFTER_EOF_MS = 1500
const AFTER_TERM_MS = 1500
const AFTER_KILL_MS = 1000
/** After the server's exit, output of it that is still in the pipe is read for so long. */
const LAST_OUTPUT_MS = 250

const INHERITED =
  process.platform === 'win32'
    ? [
        'APPDATA',
        'HOMEDRIVE',
        'HOMEPATH',
        'LOCALAPPDATA',
        'PATH',
        'PATHEXT',
        'PROCESSOR_ARCHITECTURE',
        'SYSTEMDRIVE',
        'SYSTEMROOT',
        'TEMP',
        'USERNAME',
        'USERPROFILE',
        'PROGRAMFILES'
      ]
    : ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER']

/** The environment of a server: what every program needs, nothing of what our own holds besides, and what was asked for. */
export function serverEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of INHERITED) {
    const value = process.env[name]
    // an exported shell function is code
    if (value !== undefined && !value.startsWith('()')) env[name] = value
  }
  return { ...env, ...extra }
}

/** One running MCP server: a process group of its own, spoken to in lines. */
export class Child implements RunningServer {
  /** Chunks of the server's standard output; ends when no more can come. */
  readonly output: Readable
  /** Resolved when the server itself has ended, or closed its output, and all that it wrote has been handed out. */
  readonly ended: Promise<ServerEnd>
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #group: number
  readonly #guardian: Guardian
  readonly #writer: LineWriter
  #exit: ServerEnd | undefined
  #stopping: Promise<void> | undefined

  private constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, init: ChildInit) {
    this.#process = child
    this.#group = child.pid!
    this.#guardian = init.guardian
    this.#writer = new LineWriter(child.stdin)
    this.output = child.stdout
    const stderr = new StderrLines(init.onStderr ?? (() => {}))
    child.stderr.on('data', chunk => stderr.push(chunk))
    // a pipe that breaks shows as the end of the process or of its output
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {})
    this.ended = this.#whenEnded()
  }

  /**
   * Starts the server; resolves when the process runs.
   *
   * @throws TalosError TUNNEL_SERVER_START when it cannot be started
   */
  static async start(spec: ServerSpec, init: ChildInit): Promise<Child> {
    let child: ChildProcessByStdio<Writable, Readable, Readable>
    try {
      child = spawn(spec.file, spec.args, {
        cwd: spec.cwd,
        env: serverEnvironment(spec.env),
        stdio: ['pipe', 'pipe', 'pipe'],
        // a group of its own, so that all of it can be ended
        detached: process.platform !== 'win32',
        windowsHide: true
      })
      if (child.pid !== undefined) init.guardian.watch(child.pid)
      await once(child, 'spawn')
    } catch (cause) {
      throw startFailed(spec, cause)
    }
    return new Child(child, init)
  }

  get pid(): number {
    return this.#group
  }

  /** Hands lines to the server's standard input, in call order; resolves when there is room for more, or nobody to read. */
  async send(lines: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#writer.write(lines)
    } catch {
      // the server is gone, which `ended` says; whoever waits for an answer gets one there
    }
  }

  /** Ends the server and all it started: end of input, SIGTERM, SIGKILL. Resolves when none of the group runs; within 4 s. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#process.stdin.end()
    if (process.platform === 'win32') await this.#stopOnWindows()
    else if (!(await this.#leaderEnded(AFTER_EOF_MS)) || !(await groupEnded(this.#group, 0))) {
      signalGroup(this.#group, 'SIGTERM')
      if (!(await groupEnded(this.#group, AFTER_TERM_MS))) {
        signalGroup(this.#group, 'SIGKILL')
        await groupEnded(this.#group, AFTER_KILL_MS)
      }
    }
    this.#guardian.unwatch(this.#group)
    // its last words are read first
    void this.ended.then(() => {
      for (const stream of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) stream.destroy()
    })
  }

  async #stopOnWindows(): Promise<void> {
    if (await this.#leaderEnded(AFTER_EOF_MS)) return
    spawnSync('taskkill', ['/pid', String(this.#group), '/t', '/f'], { windowsHide: true })
    await this.#leaderEnded(AFTER_KILL_MS)
  }

  async #leaderEnded(ms: number): Promise<boolean> {
    if (this.#exit !== undefined) return true
    const signal = AbortSignal.timeout(ms)
    return once(this.#process, 'exit', { signal }).then(
      () => true,
      () => false
    )
  }

  #whenEnded(): Promise<ServerEnd> {
    const child = this.#process
    return new Promise(resolve => {
      let late: NodeJS.Timeout | undefined
      const settle = () => {
        clearTimeout(late)
        resolve(this.#exit ?? { code: null, signal: null })
      }
      const ending = () => {
        // what the server started must not outlive it, and may hold its pipes open; and a server that has closed its
        // output cannot answer any more, even if it lingers
        void this.stop()
        late ??= setTimeout(settle, LAST_OUTPUT_MS)
      }
      child.stdout.once('end', ending)
      child.once('exit', (code, signal) => {
        this.#exit = { code, signal }
        ending()
      })
      child.once('close', settle)
    })
  }
}

function startFailed(spec: ServerSpec, cause: unknown): TalosError {
  const code = (cause as NodeJS.ErrnoException).code
  const why =
    code === 'ENOENT'
      ? 'no such program, or no such working directory'
      : code === 'EACCES'
        ? 'it may not be executed'
        : (cause as Error).message
  return new TalosError(
    'TUNNEL_SERVER_START',
    `the MCP server ${JSON.stringify(spec.file)} cannot be started: ${why}`,
    {
      hint: 'Start the same command in a terminal to see whether it runs.',
      cause
    }
  )
}
