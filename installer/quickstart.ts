// `npm start`: collector and agent as programs on this machine, a first sweep, the page; Ctrl-C stops everything.
// Knows the programs by their command lines and the collector's HTTP API only; imports neither.
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { claimFolder, releaseFolder } from './claim-folder.ts'
import { enrolAgent } from './enrol-agent.ts'
import { endProgram, type Program, startProgram } from './programs.ts'
import { type RunningCollector, startCollector } from './start-collector.ts'
import { lastReportAt, waitForReport } from './wait-for-report.ts'

const HELP = `usage: npm start -- [--once] [--state DIR] [PATH…]

Starts a collector on loopback, enrols this machine, sweeps it, shows the findings and the address of the page, and keeps
watching until Ctrl-C. Without PATH every home and model store, mounted media and, for root, containers are swept.

Options:
  --once        End after the first sweep and its delivery.
  --state DIR   Where everything is kept; default .gnomon in the checkout. Remove it to start afresh.
  -h, --help    Show this help.

Exit codes: 0 done, 2 usage, 3 could not do the work.`

/** Both programs must be gone within 5 s of Ctrl-C: the agent gets the first part, the collector the rest. */
const AGENT_GRACE_MS = 2_300
const COLLECTOR_GRACE_MS = 2_000
const PARENT_POLL_MS = 1_000

const dist = dirname(import.meta.dirname)
const AGENT = join(dist, 'agent/gnomon.js')
const COLLECTOR = join(dist, 'collector/gnomon-collector.js')

interface Wanted {
  readonly once: boolean
  readonly paths: readonly string[]
  readonly stateFolder: string
}

interface Ending {
  readonly code: number
  /** Empty for an end that was asked for. */
  readonly line: string
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function readWanted(argv: readonly string[]): Wanted | Ending {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { once: { type: 'boolean' }, state: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    })
    if (values.help === true) return { code: 0, line: HELP }
    const stateFolder = resolve(values.state ?? join(dirname(dist), '.gnomon'))
    return { once: values.once === true, stateFolder, paths: positionals.map((path) => resolve(path)) }
  } catch (error) {
    const said = error instanceof Error ? (error.message.split('.')[0] ?? '') : String(error)
    return { code: 2, line: `GNO_USAGE: ${said}; see npm start -- --help` }
  }
}

/** Aborts on a signal, and when whoever started us is gone: a quickstart that nobody can stop any more is an orphan. */
function stopAsked(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort())
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) stop.abort()
  }, PARENT_POLL_MS).unref()
  return stop.signal
}

function aborted(signal: AbortSignal, ending: Ending): Promise<Ending> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(ending)
    signal.addEventListener('abort', () => resolve(ending))
  })
}

async function endedByItself(program: Program, advice: string): Promise<Ending> {
  const { code, signal } = await program.ended
  const how = signal ?? `exit code ${code}`
  return { code: 3, line: `GNO_PROGRAM_ENDED: the ${program.name} ended by itself (${how}); ${advice}` }
}

/** Lets the agent sweep and watch until it ends, the collector ends, or somebody asks to stop. */
async function runAgent(wanted: Wanted, collector: RunningCollector, stop: AbortSignal): Promise<Ending> {
  const over = new AbortController()
  const before = await lastReportAt(collector, stop)
  const mode = wanted.once ? ['--once'] : []
  const state = join(wanted.stateFolder, 'agent')
  const args = [AGENT, 'run', ...mode, '--state', state, '--', ...wanted.paths]
  const agent = startProgram({ name: 'agent', args, output: 'inherit' })
  if (!wanted.once) {
    void waitForReport(collector, before, over.signal).then(() => {
      if (!over.signal.aborted) say(`page       ${pageOf(collector)}`)
    })
  }
  const ending = await Promise.race([
    // An interrupted `--once` did not do its work.
    aborted(stop, { code: wanted.once ? 3 : 0, line: '' }),
    wanted.once
      ? agent.ended.then(({ code }) => ({ code, line: '' }))
      : endedByItself(agent, 'its last lines are above'),
    endedByItself(collector.program, `its log is ${join(wanted.stateFolder, 'collector.log')}`),
  ])
  over.abort()
  await endProgram(agent, AGENT_GRACE_MS)
  return ending
}

/** With the token on a terminal alone: what goes elsewhere is kept, and read by others. */
function pageOf({ url, adminToken, adminTokenFile }: RunningCollector): string {
  return process.stdout.isTTY ? `${url}/#token=${adminToken}` : `${url}/ (admin token in ${adminTokenFile})`
}

async function runBoth(wanted: Wanted, stop: AbortSignal): Promise<Ending> {
  const logFile = join(wanted.stateFolder, 'collector.log')
  const collectorState = join(wanted.stateFolder, 'collector')
  const agentState = join(wanted.stateFolder, 'agent')
  say(`state      ${wanted.stateFolder}`)
  const collector = await startCollector({ file: COLLECTOR, stateFolder: collectorState, logFile, signal: stop })
  if (typeof collector === 'string') return { code: 3, line: stop.aborted ? '' : collector }
  try {
    say(`collector  ${collector.url}, log in ${logFile}`)
    const places = { agent: AGENT, collector: COLLECTOR, agentState, collectorState, collectorUrl: collector.url }
    const trouble = await enrolAgent({ ...places, signal: stop })
    if (trouble !== null) return { code: 3, line: stop.aborted ? '' : trouble }
    say('agent      enrolled at this collector')
    return await runAgent(wanted, collector, stop)
  } finally {
    await endProgram(collector.program, COLLECTOR_GRACE_MS)
  }
}

async function main(): Promise<Ending> {
  const wanted = readWanted(process.argv.slice(2))
  if ('line' in wanted) return wanted
  const stop = stopAsked()
  const refused = claimFolder(wanted.stateFolder)
  if (refused !== null) return { code: 3, line: `GNO_STATE_UNUSABLE: ${refused}` }
  try {
    return await runBoth(wanted, stop)
  } finally {
    releaseFolder(wanted.stateFolder)
  }
}

const { code, line } = await main()
if (line !== '') (code === 0 ? process.stdout : process.stderr).write(`${line}\n`)
else say('stopped')
process.exit(code)
