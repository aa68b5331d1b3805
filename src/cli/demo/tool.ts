import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The tool that the demo's owner shares: the words after `--`, and the names of its calls. */
export interface DemoTool {
  name: string
  command: string[]
  write: { tool: string; args: (path: string, content: string) => object }
  read: { tool: string; args: (path: string) => object }
}

/** The official filesystem server where it is installed (it is in a checkout), else a small tool of our own. */
export async function demoTool(folder: string, share: string): Promise<DemoTool> {
  const write = { tool: 'write_file', args: (path: string, content: string) => ({ path: join(share, path), content }) }
  const read = { tool: 'read_text_file', args: (path: string) => ({ path: join(share, path) }) }
  try {
    const server = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-filesystem/dist/index.js')
    return { name: '@modelcontextprotocol/server-filesystem', command: [process.execPath, server, share], write, read }
  } catch {
    const script = join(folder, 'notes-tool.mjs')
    await writeFile(script, NOTES_TOOL)
    return { name: 'a small built-in file tool', command: [process.execPath, script, share], write, read }
  }
}

/** A minimal MCP server: two tools that read and write files of one folder by name. */
const NOTES_TOOL = `
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
const share = process.argv[2]
const tools = ['write_file', 'read_text_file'].map(name => ({ name, inputSchema: { type: 'object' } }))
const text = value => ({ content: [{ type: 'text', text: value }] })
function result(method, params) {
  if (method === 'initialize') {
    return { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'notes', version: '1' } }
  }
  if (method === 'tools/list') return { tools }
  if (method !== 'tools/call') return {}
  const file = join(share, basename(params.arguments.path))
  if (params.name === 'read_text_file') return text(readFileSync(file, 'utf8'))
  writeFileSync(file, params.arguments.content)
  return text('written')
}
createInterface({ input: process.stdin }).on('line', line => {
  const { id, method, params } = JSON.parse(line)
  if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: result(method, params) }))
})
`
