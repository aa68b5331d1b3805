// A process that starts the server given as JSON, prints "<guardian> <what the server prints>", and lives on.
import { once } from 'node:events'
import { Child, type ServerSpec } from '../../src/protocols/mcp/child.ts'
import { Guardian } from '../../src/protocols/mcp/guardian.ts'

const guardian = new Guardian()
const child = await Child.start(JSON.parse(process.argv[2]!) as ServerSpec, { guardian })
const [line] = await once(child.output, 'data')
process.stdout.write(`${guardian.pid} ${line}`)
setInterval(() => {}, 1000)
