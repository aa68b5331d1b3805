'use strict'
// ES5 syntax only: this file must parse on any Node.js, so that an old one gets a sentence and not a stack.
var fs = require('fs')
var path = require('path')

var REQUIRED = [22, 12]

function isCurrent() {
  var version = process.versions.node.split('.').map(Number)
  return version[0] > REQUIRED[0] || (version[0] === REQUIRED[0] && version[1] >= REQUIRED[1])
}

function bundledNode() {
  var name = process.platform === 'win32' ? 'win' : process.platform
  var file = path.join(
    __dirname,
    '..',
    'node_modules',
    'node-' + name + '-' + process.arch,
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node'
  )
  return fs.existsSync(file) ? file : undefined
}

function reexecute(node, script, args) {
  // spawn, not spawnSync: a signal must reach the child, not only this wrapper
  var child = require('child_process').spawn(node, [script].concat(args), { stdio: 'inherit' })
  var signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  signals.forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal)
    })
  })
  child.on('error', function (error) {
    process.stderr.write('talos: cannot start ' + node + ': ' + error.message + '\n')
    process.exit(1)
  })
  child.on('exit', function (code, signal) {
    if (signal === null) process.exit(code === null ? 1 : code)
    signals.forEach(function (name) {
      process.removeAllListeners(name)
    })
    process.kill(process.pid, signal)
  })
}

/**
 * Where Node.js keeps compiled code between runs. Its own choice is a folder in /tmp with a name that anybody can take
 * first, and what is in it is run: so a folder of this user's, or none.
 */
function useCompileCache() {
  var nodeModule = require('module')
  var home = require('os').homedir()
  if (!nodeModule.enableCompileCache) return
  try {
    if (process.getuid && fs.statSync(home).uid !== process.getuid()) return
    nodeModule.enableCompileCache(path.join(cacheFolder(home), 'talos', 'compiled'))
  } catch (_error) {
    return // the home is not there: it goes without
  }
}

function cacheFolder(home) {
  if (process.platform === 'win32') return process.env.LOCALAPPDATA || path.join(home, 'AppData', 'Local')
  if (process.platform === 'darwin') return path.join(home, 'Library', 'Caches')
  return process.env.XDG_CACHE_HOME || path.join(home, '.cache')
}

module.exports = function launch(script, prefix) {
  var main = path.join(__dirname, '..', 'dist', 'main.js')
  var node = isCurrent() ? undefined : bundledNode()
  if (!isCurrent()) {
    if (node !== undefined) return reexecute(node, script, process.argv.slice(2))
    process.stderr.write(
      'talos needs Node.js ' +
        REQUIRED.join('.') +
        ' or newer; this is ' +
        process.version +
        ' (' +
        process.execPath +
        '). Install a current Node.js, or run npm ci in a checkout.\n'
    )
    return process.exit(1)
  }
  if (!fs.existsSync(main)) {
    process.stderr.write('talos: dist/ is missing. In a checkout, run npm ci (or npm run build).\n')
    return process.exit(1)
  }
  useCompileCache()
  process.argv.splice.apply(process.argv, [2, 0].concat(prefix))
  // import() is a syntax error before Node 13.2, so it is hidden from the parsers of those
  new Function('url', 'return import(url)')(require('url').pathToFileURL(main).href)
}
