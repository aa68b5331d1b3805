// The smallest MCP server: what a path costs shows best when the server costs nothing. Speaks NDJSON on standard streams.
const big = 'x'.repeat(1024 * 1024)
let rest = ''
process.stdin.setEncoding('utf8').on('data', chunk => {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  let out = ''
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line)
    if (id === undefined) continue
    out += `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result(method, params)}}\n`
  }
  if (out !== '') process.stdout.write(out)
})
process.stdin.on('end', () => process.exit())

function result(method, params) {
  if (method === 'initialize') {
    return `{"protocolVersion":"${params.protocolVersion}","capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1"}}`
  }
  if (method === 'tools/list') return '{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}'
  if (method !== 'tools/call') return '{}'
  if (params.name === 'big') return `{"content":[{"type":"text","text":"${big}"}]}`
  return `{"content":[{"type":"text","text":${JSON.stringify(params.arguments.message)}}]}`
}
