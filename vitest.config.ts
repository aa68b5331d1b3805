import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build-once.ts'],
    // one worker process for many files: libp2p is loaded once, not once a file (7x faster)
    pool: 'forks',
    isolate: false,
    maxWorkers: 2,
    // of the tests that mostly wait; each starts several processes
    maxConcurrency: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // processes on a machine that others use: a second try, which the last lines name. None at the desk.
    retry: process.env['CI'] === undefined ? 0 : 1,
    disableConsoleIntercept: true,
    reporters: ['default', './test/support/closing-line-reporter.ts']
  }
})
