'use strict'
// npm runs this after `npm ci` in a checkout and before `npm pack`. Without the development tools (npm ci --omit=dev)
// there is nothing to build with, and dist/ comes from elsewhere (the container's build stage).
const { spawnSync } = require('node:child_process')
const { existsSync } = require('node:fs')
const { join } = require('node:path')

if (!existsSync(join(__dirname, '..', 'node_modules', 'esbuild'))) {
  console.log('talos: development tools are not installed, so dist/ is left as it is')
} else {
  // by name: npm puts node_modules/.bin first, where the checkout's own Node.js is
  process.exit(spawnSync('node', [join(__dirname, 'build.ts')], { stdio: 'inherit' }).status ?? 1)
}
