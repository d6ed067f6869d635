// `npm run check`: everything that must be green before a commit. All steps run whatever the others say, two at a time, and
// the summary names what failed. `--only NAME` runs one, `--golden` rewrites the golden files instead (arguments after it
// are jest path patterns).
import { spawn } from 'node:child_process'
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
  // No cache: it looks at one file, while a typed rule depends on the files that one imports.
  eslint: [bin('eslint'), '.', '--max-warnings', '0'],
  tsc: [bin('typescript', 'tsc'), '-p', '.'],
  biome: [bin('@biomejs/biome', 'biome'), 'format', '.'],
  'dependency-cruiser': [bin('dependency-cruiser', 'depcruise'), ...FOLDERS, '--config', '.dependency-cruiser.cjs'],
  knip: [bin('knip')],
  build: [join(root, 'installer/build.mjs')],
  unit: jest(...unit),
}

/** Runs a step and prints what it said in one piece, so that two at once stay readable. */
async function runStep(name, args, env = {}) {
  const started = Date.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const said = []
  child.stdout.on('data', (piece) => said.push(piece))
  child.stderr.on('data', (piece) => said.push(piece))
  const code = await new Promise((resolve) => child.once('close', resolve))
  const line = `${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`
  process.stdout.write(Buffer.concat([...said, Buffer.from(`${line}\n`)]))
  return { name, isGreen: code === 0, line }
}

/** Takes steps from the list until none is left; the longest one comes first, so that it has a lane to itself. */
async function runLane(steps) {
  const done = []
  for (let name = steps.shift(); name !== undefined; name = steps.shift()) done.push(await runStep(name, STEPS[name]))
  return done
}

async function runChosen(names) {
  const steps = Object.keys(STEPS).filter((name) => names.includes(name))
  const lanes = await Promise.all([runLane(steps), runLane(steps)])
  return lanes.flat()
}

async function writeGoldens(patterns) {
  const built = await runStep('build', STEPS.build)
  return [built, await runStep('golden', jest(...unit, ...patterns), { GNOMON_WRITE_GOLDEN: '1' })]
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

const done = values.golden ? await writeGoldens(positionals) : await runChosen(chosen)
if (done.length > 1) process.stdout.write(`\n${done.map((step) => step.line).join('\n')}\n`)
process.exitCode = done.every((step) => step.isGreen) ? 0 : 1
