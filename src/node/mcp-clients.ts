import { copyFile, mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type * as Jsonc from 'jsonc-parser'
import { TalosError } from '../errors.ts'

/** The programs whose configuration `talos mcp install` can write. */
export const MCP_CLIENTS = ['claude-desktop', 'claude-code', 'cursor', 'vscode'] as const
export type McpClient = (typeof MCP_CLIENTS)[number]

/** How such a program starts a local MCP server over stdio. */
export interface McpServerEntry {
  command: string
  args: string[]
  env?: Record<string, string>
}

export interface McpClientChange {
  file: string
  /** The file's text before (undefined: there was none) and after. */
  before: string | undefined
  after: string
  /** Where the old file was copied to; undefined when nothing was written or there was none. */
  backup: string | undefined
  changed: boolean
}

export interface McpClientOptions {
  /** The configuration file, where it is not the program's usual one. */
  file?: string
  /** Compute the change and write nothing. */
  dryRun?: boolean
}

interface Place {
  home: string
  platform: NodeJS.Platform
  env: NodeJS.ProcessEnv
}

/** The program's per-user configuration file. */
export function configFileOf(
  client: McpClient,
  { home, platform, env }: Place = { home: homedir(), platform: process.platform, env: process.env }
): string {
  const applications =
    platform === 'darwin'
      ? join(home, 'Library', 'Application Support')
      : platform === 'win32'
        ? (env['APPDATA'] ?? join(home, 'AppData', 'Roaming'))
        : (env['XDG_CONFIG_HOME'] ?? join(home, '.config'))
  switch (client) {
    case 'claude-desktop':
      return join(applications, 'Claude', 'claude_desktop_config.json')
    case 'claude-code':
      return join(home, '.claude.json')
    case 'cursor':
      return join(home, '.cursor', 'mcp.json')
    case 'vscode':
      return join(applications, 'Code', 'User', 'mcp.json')
  }
}

/**
 * Adds or replaces the entry `name`. Everything else in the file, comments included, stays as it is; the old file is copied
 * beside it first. Throws CONFIG_UNREADABLE when the file is not JSON, and then touches nothing.
 */
export async function installMcpClient(
  client: McpClient,
  name: string,
  entry: McpServerEntry,
  options: McpClientOptions = {}
): Promise<McpClientChange> {
  // VS Code names the transport; the others take an entry with a command for stdio
  const value = client === 'vscode' ? { type: 'stdio', ...entry } : entry
  return change(client, name, value, options)
}

/** Removes the entry `name`; `changed` is false when there is none. Throws CONFIG_UNREADABLE. */
export async function uninstallMcpClient(
  client: McpClient,
  name: string,
  options: McpClientOptions = {}
): Promise<McpClientChange> {
  return change(client, name, undefined, options)
}

async function change(
  client: McpClient,
  name: string,
  value: object | undefined,
  { file: named = configFileOf(client), dryRun = false }: McpClientOptions
): Promise<McpClientChange> {
  // two commands need it, and every command loads this file
  const jsonc = await import('jsonc-parser')
  // a link into somebody's dotfiles stays a link
  const file = await realpath(named).catch(() => named)
  const section = client === 'vscode' ? 'servers' : 'mcpServers'
  const before = await readIfPresent(file)
  const text = before === undefined || before.trim() === '' ? '{}' : before
  const current = readObject(jsonc, file, text)
  const servers = current[section]
  if (servers !== undefined && (typeof servers !== 'object' || servers === null || Array.isArray(servers))) {
    throw unreadable(file, `"${section}" is not an object`)
  }
  const existing = (servers as Record<string, unknown> | undefined)?.[name]
  if (JSON.stringify(existing) === JSON.stringify(value)) {
    return { file, before, after: before ?? text, backup: undefined, changed: false }
  }
  const edits = jsonc.modify(text, [section, name], value, {
    formattingOptions: { insertSpaces: true, tabSize: 2, eol: text.includes('\r\n') ? '\r\n' : '\n' }
  })
  const after = jsonc.applyEdits(text, edits)
  const backup = dryRun || before === undefined ? undefined : `${file}.talos-backup-${Date.now()}`
  if (!dryRun) await replace(file, after, backup)
  return { file, before, after, backup, changed: true }
}

function readObject(jsonc: typeof Jsonc, file: string, text: string): Record<string, unknown> {
  const errors: Jsonc.ParseError[] = []
  const value: unknown = jsonc.parse(text, errors, { allowTrailingComma: true })
  if (errors.length > 0)
    throw unreadable(file, `${jsonc.printParseErrorCode(errors[0]!.error)} at character ${errors[0]!.offset}`)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable(file, 'it is not an object')
  return value as Record<string, unknown>
}

function unreadable(file: string, why: string): TalosError {
  return new TalosError('CONFIG_UNREADABLE', `${file} cannot be read as JSON: ${why}`, {
    hint: 'It was left as it is. Mend it, or add the entry that --dry-run prints by hand.'
  })
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new TalosError('CONFIG_UNREADABLE', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** Whole or not at all: a program that reads the file meanwhile sees the old one or the new one. */
async function replace(file: string, text: string, backup: string | undefined): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const mode = backup === undefined ? 0o600 : (await stat(file)).mode
  if (backup !== undefined) await copyFile(file, backup)
  const temporary = `${file}.talos-${process.pid}`
  await writeFile(temporary, text, { mode })
  await rename(temporary, file)
}
