// `gnomon doctor`: can this agent do its work here. Every check says what it saw and, when it fails, what to do.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { describeFailure } from '../../contract/failure.ts'
import { printable, printableJson } from '../../contract/printable.ts'
import { readEnrolment } from '../report/identity.ts'
import { askOwnFindings } from '../report/own-findings.ts'
import type { StateStore } from '../report/state-store.ts'
import { readStatus } from '../report/status.ts'
import { openPack } from '../rule-pack.ts'
import { settingsOf, stateOf } from '../session.ts'
import type { LoadedSettings } from '../settings/load-settings.ts'
import { paint, type Terminal } from '../show/terminal.ts'
import { AGENT_VERSION } from '../version.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, PLACE_OPTIONS, report } from './command.ts'

/** `ok`; `note`: works, but sees or does less; `broken`: the agent cannot do its work. */
interface Check {
  readonly name: string
  readonly state: 'ok' | 'note' | 'broken'
  readonly detail: string
}

/** A collector on loopback answers in milliseconds; one far away gets this long. */
const COLLECTOR_TIMEOUT_MS = 3000

export const doctor: Command = {
  spec: {
    name: 'doctor',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Check permissions, coverage, state, rules and the way to the collector.',
    details: ['Exit code 3 when something is broken; notes do not change it.'],
    options: { json: JSON_OPTION, ...PLACE_OPTIONS },
  },
  run: runDoctor,
}

async function runDoctor(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const loaded = settingsOf(invocation, context)
  if (!loaded.ok) return report(context, loaded.failure)
  const { settings, file, sources } = loaded.value
  const checks: Check[] = [
    {
      name: 'agent',
      state: 'ok',
      detail: `version ${AGENT_VERSION} on Node.js ${process.versions.node}, ${process.platform} ${process.arch}`,
    },
    { name: 'settings', state: 'ok', detail: describeSettings(file, sources) },
    checkPack(),
    checkRights(context),
    ...checkProcesses(context),
    checkWatches(context),
    checkReference(),
  ]
  const state = stateOf(settings, context)
  if (state.ok) {
    checks.push({ name: 'state', state: 'ok', detail: settings.stateFolder })
    checks.push(...checkSpool(state.value), await checkCollector(state.value, context))
    state.value.close()
  } else checks.push({ name: 'state', state: 'broken', detail: describeFailure(state.failure) })
  const text = hasOption(invocation, 'json') ? printableJson(checks, 2) : renderChecks(checks, context.stdout)
  context.stdout.write(`${text}\n`)
  return checks.some((check) => check.state === 'broken') ? EXIT.failure : EXIT.done
}

function describeSettings(file: string | null, sources: LoadedSettings['sources']): string {
  const chosen = [...sources].map(([name, source]) => `${name} (${source})`)
  return `${file ?? 'no settings file'}; ${chosen.length === 0 ? 'all defaults' : `not default: ${chosen.join(', ')}`}`
}

function checkPack(): Check {
  const pack = openPack()
  if (!pack.ok) return { name: 'rules', state: 'broken', detail: describeFailure(pack.failure) }
  const { version, runtimes, models, digests } = pack.value
  return {
    name: 'rules',
    state: 'ok',
    detail: `pack ${version}: ${runtimes.length} runtimes, ${models.length} model structures, ${digests.count} known digests`,
  }
}

function checkRights(context: CommandContext): Check {
  if (context.isRoot) return { name: 'rights', state: 'ok', detail: 'runs as root: sees all processes and homes' }
  return {
    name: 'rights',
    state: 'note',
    detail: 'not root: processes and homes of other users stay gaps; run as root or as the installed service',
  }
}

function checkProcesses(context: CommandContext): readonly Check[] {
  if (context.platform !== 'linux') {
    return [
      {
        name: 'processes',
        state: 'note',
        detail: `process sensors for ${context.platform} do not exist yet; see LIMITATIONS.md`,
      },
    ]
  }
  const places = ['/proc/1/maps', '/proc/1/exe', '/proc/net/tcp']
  const denied = places.filter((place) => !isReadable(place))
  if (denied.length === 0) return [{ name: 'processes', state: 'ok', detail: '/proc can be read, also of other users' }]
  return [
    {
      name: 'processes',
      state: 'note',
      detail: `cannot read ${denied.join(', ')}: those processes are judged with gaps`,
    },
  ]
}

function isReadable(place: string): boolean {
  try {
    accessSync(place, constants.R_OK)
    return true
  } catch {
    return false
  }
}

function checkWatches(context: CommandContext): Check {
  const place = '/proc/sys/fs/inotify/max_user_watches'
  if (context.platform !== 'linux' || !existsSync(place))
    return { name: 'watching', state: 'ok', detail: 'no watch limit to check on this system' }
  const limit = Number(readFileSync(place, 'utf8').trim())
  if (limit >= 8192) return { name: 'watching', state: 'ok', detail: `${limit} inotify watches per user` }
  return {
    name: 'watching',
    state: 'note',
    detail: `only ${limit} inotify watches; raise fs.inotify.max_user_watches to 65536`,
  }
}

function checkReference(): Check {
  const program = fileURLToPath(new URL('../../rules/workbench/reference/reference-runtime.js', import.meta.url))
  if (existsSync(program))
    return { name: 'simulate', state: 'ok', detail: 'the reference runtime is here: the fire drill runs a real model' }
  return {
    name: 'simulate',
    state: 'note',
    detail: 'no reference runtime (normal on an endpoint): the fire drill plants a file only',
  }
}

async function checkCollector(state: StateStore, context: CommandContext): Promise<Check> {
  const enrolment = readEnrolment(state)
  if (!enrolment.ok) return { name: 'collector', state: 'broken', detail: describeFailure(enrolment.failure) }
  if (enrolment.value === null) return { name: 'collector', state: 'note', detail: 'not enrolled: run gnomon enroll' }
  const { collectorUrl } = enrolment.value
  const asked = await askOwnFindings(enrolment.value, {
    fetch: globalThis.fetch,
    signal: context.signal,
    timeoutMs: COLLECTOR_TIMEOUT_MS,
  })
  if (asked.ok) return { name: 'collector', state: 'ok', detail: `${collectorUrl} answers and knows this agent` }
  const isRefused = asked.failure.code === 'GNO_DELIVERY_REFUSED'
  return { name: 'collector', state: isRefused ? 'broken' : 'note', detail: describeFailure(asked.failure) }
}

function checkSpool(state: StateStore): readonly Check[] {
  const status = readStatus(state)
  if (!status.ok) return [{ name: 'spool', state: 'broken', detail: describeFailure(status.failure) }]
  const { spool, damagedFile, lostReports } = status.value
  const notes = [
    ...(damagedFile === null ? [] : [`a damaged state was set aside as ${damagedFile}`]),
    ...(lostReports === 0 ? [] : [`${lostReports} report(s) were lost`]),
  ]
  const detail = [`${spool.reports} report(s) wait`, ...notes].join('; ')
  return [{ name: 'spool', state: notes.length === 0 ? 'ok' : 'note', detail }]
}

function renderChecks(checks: readonly Check[], terminal: Terminal): string {
  const inks = { ok: 'green', note: 'yellow', broken: 'red' } as const
  return checks
    .map(
      (check) =>
        `${paint(terminal, inks[check.state], check.state.padEnd(6))} ${check.name.padEnd(10)} ${printable(check.detail)}`,
    )
    .join('\n')
}
