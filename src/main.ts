import { fileURLToPath } from 'node:url'
import { execute, flush } from '@oclif/core'

// The entry of bin/talos.cjs. libp2p's timers hold the process for a second after stop(), so a command that has returned
// ends the process itself, once what it printed has been written.
await execute({
  dir: import.meta.url,
  // a package.json in the data directory is no list of code to run
  loadOptions: { root: fileURLToPath(import.meta.url), userPlugins: false, devPlugins: false }
})
await flush()
process.exit(process.exitCode ?? 0)
