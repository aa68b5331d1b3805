// Preloaded into a measured program: tells on descriptor 3 how much processor time it took from its start, in microseconds.
const { writeSync } = require('node:fs')
process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  writeSync(3, String(user + system))
})
