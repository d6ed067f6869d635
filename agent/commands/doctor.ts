// `gnomon doctor`: can this agent do its work here, and does it. Everything is gathered first, from the state, the life record of the
// daemon and the system; each check then says what it saw and what to do next, on one screen.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { describeFailure, type Result, success } from '../../contract/failure.ts'
import { printableJson } from '../../contract/printable.ts'
import { broken, type Check, type KnownState, note, ok, type Surroundings } from '../doctor/check.ts'
import { checkCoverage, checkRights } from '../doctor/check-coverage.ts'
import { checkSettings, checkState, checkWork } from '../doctor/check-work.ts'
import { adviceFor } from '../doctor/next-step.ts'
import { findDaemon } from '../report/daemon-lock.ts'
import { readEnrolment } from '../report/identity.ts'
import { openConditions } from '../report/own-conditions.ts'
import { askOwnFindings } from '../report/own-findings.ts'
import { whyNoState } from '../report/find-state.ts'
import type { StateStore } from '../report/state-store.ts'
import { readStatus } from '../report/status.ts'
import { openPack } from '../rule-pack.ts'
import { spaceAt } from '../self/disk-floor.ts'
import { readLife } from '../self/life-record.ts'
import { ownRights } from '../self/own-work.ts'
import { readRestarts } from '../self/restarts.ts'
import { settingsPlaces, settingsPlacesIn, stateOf } from '../session.ts'
import { loadAnyway, type LoadedSettings } from '../settings/load-settings.ts'
import { renderChecks } from '../show/doctor.ts'
import { AGENT_VERSION } from '../version.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, PLACE_OPTIONS } from './command.ts'

/** A collector on loopback answers in milliseconds; one far away gets this long. */
const COLLECTOR_TIMEOUT_MS = 3000
const WATCH_LIMIT = '/proc/sys/fs/inotify/max_user_watches'

export const doctor: Command = {
  spec: {
    name: 'doctor',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Check on one screen what is covered, what is not, what it costs, and what to do next.',
    details: [
      'It asks the state and the record of the daemon; --json has everything that it found.',
      'Exit code 3 when something is broken; notes do not change it.',
    ],
    options: { json: JSON_OPTION, ...PLACE_OPTIONS },
  },
  run: runDoctor,
}

async function runDoctor(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  // What cannot be used is one of the things to tell.
  const loaded = loadAnyway(settingsPlaces(invocation, context))
  const absent = whyNoState(loaded.settings.stateFolder)
  const state: Result<StateStore> = absent === null ? stateOf(loaded.settings, context) : { ok: false, failure: absent }
  const seen = state.ok ? await examine(state.value, invocation, context) : withoutState(loaded, context, state)
  if (state.ok) state.value.close()
  const { checks, known, around } = seen
  const { loaded: _settings, ...machine } = around
  const text = hasOption(invocation, 'json')
    ? printableJson({ checks, ...machine, ...known }, 2)
    : renderChecks(checks, context.stdout)
  context.stdout.write(`${text}\n`)
  return checks.some((check) => check.state === 'broken') ? EXIT.failure : EXIT.done
}

interface Examined {
  readonly checks: readonly Check[]
  /** Null: the state cannot be used. */
  readonly known: KnownState | null
  readonly around: Surroundings
}

function withoutState(
  loaded: LoadedSettings,
  context: CommandContext,
  { failure }: Extract<Result<StateStore>, { ok: false }>,
): Examined {
  const around = lookAround(loaded, context)
  // Before the first start that is no fault.
  const state =
    failure.code === 'GNO_NOT_FOUND'
      ? note('state', failure.detail, 'systemctl enable --now gnomon-agent, or by hand: gnomon run')
      : broken('state', failure, adviceFor(failure.code) ?? '')
  const checks = [checkAgent(), checkSettings(around), checkPack(), state, checkRights(null, around)]
  return { checks, known: null, around }
}

async function examine(state: StateStore, invocation: Invocation, context: CommandContext): Promise<Examined> {
  // As the daemon takes them: with the policy of the collector, and the last good ones where some cannot be used.
  const loaded = loadAnyway(settingsPlacesIn(state, settingsPlaces(invocation, context)))
  const around = lookAround(loaded, context)
  const known = learn(state)
  const first = [checkAgent(), checkSettings(around), checkPack()]
  if (!known.ok) {
    const failed = broken('state', known.failure, adviceFor(known.failure.code) ?? '')
    return { checks: [...first, failed, checkRights(null, around)], known: null, around }
  }
  const [daemon, ...work] = checkWork(known.value, around)
  const checks = [
    ...first,
    checkState(around),
    ...(daemon === undefined ? [] : [daemon]),
    ...checkCoverage(known.value, around),
    ...work,
    await checkCollector(state, context),
  ]
  return { checks, known: known.value, around }
}

function learn(state: StateStore): Result<KnownState> {
  const status = readStatus(state)
  if (!status.ok) return status
  const daemon = findDaemon(state.folder)
  if (!daemon.ok) return daemon
  return success({
    status: status.value,
    daemon: daemon.value,
    life: readLife(state.folder),
    restarts: readRestarts(state),
    conditions: openConditions(state).list(),
  })
}

function lookAround(loaded: LoadedSettings, { platform, now }: CommandContext): Surroundings {
  const { stateFolder } = loaded.settings
  return {
    platform,
    nowMs: now().getTime(),
    stateFolder,
    loaded,
    space: spaceAt(stateFolder),
    rights: ownRights(),
    watchLimit: readWatchLimit(),
  }
}

function readWatchLimit(): number | null {
  if (!existsSync(WATCH_LIMIT)) return null
  const limit = Number(readFileSync(WATCH_LIMIT, 'latin1').trim())
  return Number.isSafeInteger(limit) ? limit : null
}

function checkAgent(): Check {
  const { versions, platform, arch } = process
  const program = fileURLToPath(new URL('../../rules/workbench/reference/reference-runtime.js', import.meta.url))
  // The reference runtime is for checkouts; endpoints have none.
  const drill = existsSync(program) ? 'fire drill with a real model' : 'fire drill by file'
  return ok('agent', `version ${AGENT_VERSION} on Node.js ${versions.node}, ${platform} ${arch}; ${drill}`)
}

function checkPack(): Check {
  const pack = openPack()
  if (!pack.ok) return broken('rules', pack.failure, 'install the agent anew')
  const { version, runtimes, models, digests } = pack.value
  const counts = `${runtimes.length} runtimes, ${models.length} model structures, ${digests.count} known digests`
  return ok('rules', `pack ${version}: ${counts}`)
}

async function checkCollector(state: StateStore, context: CommandContext): Promise<Check> {
  const enrolment = readEnrolment(state)
  if (!enrolment.ok) return broken('collector', enrolment.failure, adviceFor(enrolment.failure.code) ?? '')
  if (enrolment.value === null)
    return note(
      'collector',
      'not enrolled: everything stays here',
      'gnomon enroll --collector URL --token TOKEN; gnomon-collector token makes one, on the machine of the collector',
    )
  const { collectorUrl } = enrolment.value
  const asked = await askOwnFindings(enrolment.value, {
    fetch: globalThis.fetch,
    signal: context.signal,
    timeoutMs: COLLECTOR_TIMEOUT_MS,
  })
  if (asked.ok) return ok('collector', `${collectorUrl} answers and knows this agent`)
  const { failure } = asked
  const next = adviceFor(failure.code)
  if (failure.code === 'GNO_DELIVERY_REFUSED') return broken('collector', failure, next ?? '')
  return note('collector', describeFailure(failure), next)
}
