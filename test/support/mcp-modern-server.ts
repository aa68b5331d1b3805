// An MCP server of both eras on standard input and output, with the official SDK v2. It prints junk too.
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

process.stdout.write('starting up...\n')
serveStdio(() => {
  const server = new McpServer({ name: 'modern', version: '1' }, { capabilities: { tools: { listChanged: true } } })
  server.registerTool('add', { inputSchema: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }]
  }))
  server.registerTool('pid', {}, () => ({ content: [{ type: 'text', text: String(process.pid) }] }))
  return server
})
