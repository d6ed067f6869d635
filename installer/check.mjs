// `npm run check`: everything that must be green before a commit, in the order in which a mistake is cheapest to find.
// All steps run whatever the earlier ones say; the summary names what failed. `--only NAME` runs one, `--golden` rewrites
// the golden files instead (arguments after it are jest path patterns).
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const root = dirname(import.meta.dirname)
process.chdir(root)

function bin(name, command = name.split('/').pop()) {
  const folder = join(root, 'node_modules', name)
  const { bin: declared } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof declared === 'string' ? declared : declared[command])
}

function jest(...args) {
  return ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', bin('jest'), ...args]
}

const FOLDERS = ['contract', 'rules', 'agent', 'collector', 'installer', 'test', 'bench']
const unit = ['--selectProjects', 'unit', '--reporters=default']
const STEPS = {
  tsc: [bin('typescript', 'tsc'), '-p', '.'],
  biome: [bin('@biomejs/biome', 'biome'), 'format', '.'],
  'dependency-cruiser': [bin('dependency-cruiser', 'depcruise'), ...FOLDERS, '--config', '.dependency-cruiser.cjs'],
  knip: [bin('knip')],
  // No cache: it looks at one file, while a typed rule depends on the files that one imports.
  eslint: [bin('eslint'), '.', '--max-warnings', '0'],
  build: [join(root, 'installer/build.mjs')],
  unit: jest(...unit),
}

function runStep(name, args, env = {}) {
  const started = Date.now()
  const { status, signal } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  if (signal !== null) process.exit(130)
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  const line = `${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`
  process.stdout.write(`${line}\n`)
  return { isGreen: status === 0, line }
}

function usage(detail) {
  process.stderr.write(`GNO_USAGE: ${detail}; steps: ${Object.keys(STEPS).join(', ')}\n`)
  process.exit(2)
}

function parse() {
  const options = { only: { type: 'string', multiple: true }, golden: { type: 'boolean' } }
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    return usage(error.message.split('.')[0])
  }
}

const { values, positionals } = parse()
const chosen = values.only ?? Object.keys(STEPS)
for (const name of chosen) if (!Object.hasOwn(STEPS, name)) usage(`there is no step "${name}"`)
if (positionals.length > 0 && !values.golden) usage(`"${positionals[0]}" is not understood; name a step with --only`)

const done = values.golden
  ? [runStep('build', STEPS.build), runStep('golden', jest(...unit, ...positionals), { GNOMON_WRITE_GOLDEN: '1' })]
  : chosen.map((name) => runStep(name, STEPS[name]))
if (done.length > 1) process.stdout.write(`\n${done.map((step) => step.line).join('\n')}\n`)
process.exitCode = done.every((step) => step.isGreen) ? 0 : 1
