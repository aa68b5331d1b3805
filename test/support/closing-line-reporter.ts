import type { Reporter, TestModule } from 'vitest/node'

/** Names the tests that passed on a second try only, with what the first met, and prints `N passed, N failed[, N skipped]` last: the line that CI reads. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<unknown>): void {
    let passed = 0
    let failed = unhandled.length
    let skipped = 0
    const second: string[] = []
    for (const module of modules) {
      if (module.errors().length > 0) failed++
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result()
        if (test.diagnostic()?.flaky === true) {
          second.push(`${module.relativeModuleId}: ${test.fullName}: ${errors?.[0]?.stack ?? errors?.[0]?.message}`)
        }
        if (state === 'passed') passed++
        else if (state === 'failed') failed++
        else skipped++
      }
    }
    // after the default reporter's summary
    setImmediate(() => {
      for (const name of second) console.log(`passed on the second try: ${name}`)
      console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
    })
  }
}
