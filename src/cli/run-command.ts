import { execute, flush } from '@oclif/core'

/** Runs the command that the process was started with, by way of oclif. `main` is the path of the bundle's entry. */
export async function runCommand(main: string): Promise<void> {
  await execute({
    dir: main,
    // a package.json in the data directory is no list of code to run
    loadOptions: { root: main, userPlugins: false, devPlugins: false }
  })
  await flush()
}
