import { fileURLToPath } from 'node:url'
import { quickConnect } from './cli/quick-connect.ts'

// The entry of bin/talos.cjs.

// A user is shown sentences, and a stack only for the asking. Not capturing one saves 60 µs a message: noise throws an error at
// the end of each chunk that it has read.
if (process.env['TALOS_DEBUG'] === undefined && process.env['DEBUG'] === undefined) Error.stackTraceLimit = 0

// The heap may grow to four times of what is in use before it is collected whole, the most that V8 itself would choose. What a
// long message takes counts as heap, so at its first choice V8 would collect all of it for each message of a megabyte. Nobody
// has to wait for that at the start: loading node:v8 takes 5 ms.
setTimeout(() => process.getBuiltinModule('node:v8').setFlagsFromString('--heap-growing-percent=300'), 500).unref()

// libp2p's timers hold the process for a second after stop(), so a command that has returned ends the process itself, once
// what it printed has been written.
const quick = quickConnect(process.argv.slice(2), new URL('../oclif.manifest.json', import.meta.url))
if (quick !== undefined) {
  const { connect } = await import('./cli/connect.ts')
  try {
    await connect(quick.peer, quick.flags)
  } catch (error) {
    const { reportFailure } = await import('./cli/failure.ts')
    reportFailure(error)
  }
  await new Promise(resolve => process.stdout.write('', resolve))
} else {
  const { runCommand } = await import('./cli/run-command.ts')
  await runCommand(fileURLToPath(import.meta.url))
}
process.exit(process.exitCode ?? 0)
