import { execFileSync } from 'node:child_process'

/** Tests that start real processes run bin/talos.cjs, so dist/ must be what src/ is now. */
export default function setup(): void {
  if (process.env['TALOS_TEST_NO_BUILD'] !== undefined) return
  execFileSync('node', ['scripts/build.ts', '--no-types'], { stdio: 'inherit' })
}
