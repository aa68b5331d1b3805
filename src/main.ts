import { fileURLToPath } from 'node:url'
import { execute, flush } from '@oclif/core'

// A user is shown sentences, and a stack only for the asking. Not capturing one saves 60 µs a message: noise throws an error at
// the end of each chunk that it has read.
if (process.env['TALOS_DEBUG'] === undefined && process.env['DEBUG'] === undefined) Error.stackTraceLimit = 0

// The entry of bin/talos.cjs. libp2p's timers hold the process for a second after stop(), so a command that has returned
// ends the process itself, once what it printed has been written.
await execute({
  dir: import.meta.url,
  // a package.json in the data directory is no list of code to run
  loadOptions: { root: fileURLToPath(import.meta.url), userPlugins: false, devPlugins: false }
})
await flush()
process.exit(process.exitCode ?? 0)
