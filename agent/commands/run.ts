// `gnomon run`: the daemon. Sweeps, keeps watching, reports; `--once` ends after the first sweep is delivered.
import { basename, dirname, sep } from 'node:path'
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { type Failure, type Result, success } from '../../contract/failure.ts'
import { printable } from '../../contract/printable.ts'
import { type BackgroundDigests, createBackgroundDigests } from '../background-digests.ts'
import { type DaemonEvents, type DaemonParts, runDaemon, type WatchTellers } from '../daemon.ts'
import type { DaemonNews } from '../daemon-events.ts'
import { isAbsent } from '../is-absent.ts'
import { type Keeping, startKeeping } from '../keeping.ts'
import { type DaemonLock, findDaemon, takeDaemonLock } from '../report/daemon-lock.ts'
import { isCandidateName } from '../read/candidate-name.ts'
import { askCollector } from '../report/ask-collector.ts'
import { deliverOnce } from '../report/deliver.ts'
import { openDigests } from '../report/kept-digests.ts'
import { readEnrolment } from '../report/identity.ts'
import { openConditions } from '../report/own-conditions.ts'
import { enqueueSweep } from '../report/outbox.ts'
import { candidateAt } from '../sense/linux/open-path.ts'
import { MINIMUM_BYTES } from '../sense/walk.ts'
import { chooseReader } from '../choose-reader.ts'
import { guardReading } from '../guard-reading.ts'
import { beGuest, type GuestPace } from '../guest-pace.ts'
import { hashRate } from '../pacer.ts'
import { openPast } from '../read-guard.ts'
import { createLiveSettings, type LiveSettings } from '../live-settings.ts'
import { openSession, type Session, settingsPlaces } from '../session.ts'
import { watchAgain } from '../watch-again.ts'
import { type PlacesWatch, watchPlaces } from '../watch-places.ts'
import { startProgress } from '../show/progress.ts'
import { limitsOf } from '../supervisor/limits.ts'
import { sweep } from '../sweep.ts'
import type { SweepOptions } from '../sweep-request.ts'
import { createSweepMemory, followedUse, sweepOptionsOf } from '../sweep-options.ts'
import { type FollowedSelf, followSelf } from '../self/follow-self.ts'
import { rootsOf, watchedFolders } from '../sweep-roots.ts'
import { keepUse } from '../use-over-time.ts'
import { renderScan } from '../show/scan.ts'
import { checkFailOn, type Command, type CommandContext, exitFor, hasOption, report } from './command.ts'
import { runAnyway } from './run-beside.ts'
import { eventsOf, tellNotEnrolled } from './run-events.ts'
import { RUN_SPEC } from './run-spec.ts'

/** `--once` waits this long for the collector; what was not taken stays in the spool. */
const ONCE_DELIVERY_MS = 15_000
/** A predecessor whose supervisor was killed ends within a turn; a daemon that stays is told of after this. */
const LOCK_PATIENCE_MS = 5_000

export const run: Command = {
  spec: RUN_SPEC,
  run: runRun,
}

async function runRun(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const usage = checkFailOn(invocation)
  if (usage !== null) return report(context, usage)
  if (isService(invocation)) return await runAnyway(invocation, context, runHere)
  const ended = await runHere(invocation, context)
  return ended.ok ? ended.value : report(context, ended.failure)
}

function isService(invocation: Invocation): boolean {
  return hasOption(invocation, 'json') && !hasOption(invocation, 'once')
}

/** Fails only where there is nothing to run with: settings, rules and state. */
async function runHere(invocation: Invocation, context: CommandContext): Promise<Result<ExitCode>> {
  const opened = openSession(invocation, context, { badSettings: isService(invocation) ? 'goes-on' : 'stops' })
  return opened.ok ? success(await runSession(invocation, context, opened.value)) : opened
}

async function runSession(invocation: Invocation, context: CommandContext, session: Session): Promise<ExitCode> {
  try {
    const managed = checkManaged(invocation, session)
    if (managed !== null) return report(context, managed)
    const enrolment = readEnrolment(session.state)
    if (!enrolment.ok) return report(context, enrolment.failure)
    if (enrolment.value === null) tellNotEnrolled(isService(invocation), context, session)
    const roots = rootsOf(invocation.operands, session.settings.roots, session.pack, context.platform)
    if (!roots.ok) return report(context, roots.failure)
    const busy = hasOption(invocation, 'once') ? whyNotOnce(session) : null
    if (busy !== null) return report(context, busy)
    if (hasOption(invocation, 'once')) return await runOnce(invocation, context, session, roots.value)
    const lock = lockState(session, context)
    if (!lock.ok) return report(context, lock.failure)
    try {
      return await runOn(invocation, context, session, roots.value)
    } finally {
      lock.value.release()
    }
  } finally {
    session.state.close()
  }
}

/** A daemon sweeps and delivers already; a second sweep beside it would tell the same. */
function whyNotOnce({ state }: Session): Failure | null {
  const daemon = findDaemon(state.folder)
  if (!daemon.ok) return daemon.failure
  if (daemon.value === null) return null
  const { pid, since } = daemon.value
  const detail = `the daemon with pid ${pid} (since ${since}) works on ${state.folder} and sweeps there itself`
  return { code: 'GNO_STATE_IN_USE', detail }
}

/** What is typed may not change where managed policy looks. */
function checkManaged({ operands }: Invocation, { loaded }: Session): Failure | null {
  if (operands.length === 0 || loaded.sources.get('roots') !== 'managed') return null
  return {
    code: 'GNO_SETTINGS_INVALID',
    detail: 'command line: roots is set by managed policy; run takes no paths here',
  }
}

function lockState({ settings, state }: Session, { supervisor, now }: CommandContext): Result<DaemonLock> {
  const who = { pid: process.pid, supervisorPid: supervisor?.supervisorPid ?? null, since: now().toISOString() }
  const lock = takeDaemonLock(state.folder, who, LOCK_PATIENCE_MS)
  if (lock.ok) supervisor?.ready(state.folder, limitsOf(settings.limits))
  return lock
}

async function runOnce(
  invocation: Invocation,
  context: CommandContext,
  session: Session,
  roots: readonly string[],
): Promise<ExitCode> {
  const progress = startProgress(context.stderr, () => context.now().getTime())
  const keeping = startKeeping(session.settings, context)
  const same = { kept: keeping.kept, entersRemote: isNamed(invocation) }
  const options = sweepOptionsOf(session, context, { roots, ...same, onProgress: progress.show })
  const { result } = await keeping.during(true, async () => sweep(options)).finally(progress.clear)
  keeping.close()
  if (context.signal.aborted) return EXIT.failure
  const enqueued = enqueueSweep(session.state, result, { isAbsent })
  if (!enqueued.ok) report(context, enqueued.failure)
  context.stdout.write(`${renderScan(result, context.stdout)}\n`)
  const enrolment = readEnrolment(session.state)
  if (enrolment.ok && enrolment.value !== null) {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(ONCE_DELIVERY_MS)])
    const outcome = await deliverOnce(session.state, {
      fetch: askCollector,
      signal,
      now: context.now,
      random: Math.random,
    })
    if (outcome.kind === 'failed') return report(context, outcome.failure)
    context.stdout.write(`Delivered ${outcome.delivered} report(s) to ${printable(enrolment.value.collectorUrl)}.\n`)
  }
  return exitFor(result.findings, invocation)
}

async function runOn(
  invocation: Invocation,
  context: CommandContext,
  opened: Session,
  firstRoots: readonly string[],
): Promise<ExitCode> {
  const isJson = hasOption(invocation, 'json')
  const { state } = opened
  const progress = startProgress(context.stderr, () => context.now().getTime())
  const { events, begin } = eventsOf(opened, context, isJson ? null : progress)
  const { live, session, rootsNow } = startLive(invocation, context, opened, { firstRoots, events })
  const { settings } = session
  const memory = createSweepMemory(followedUse(session))
  const self = followSelf(session, context.supervisor?.supervisorPid ?? null)
  const around = { isDiskLow: self.isDiskLow, signal: context.signal }
  const reading = chooseReader(settings.separateReader, context.signal, () => guards)
  begin(reading.way, rootsNow())
  const guest = beGuest({ ...around, ...reading, settings, platform: context.platform, isService: isJson })
  self.work.ask({ slowedBy: guest.slowedBy, reading: reading.way, readerPid: reading.pid })
  const guards = guardReading(state, guest.pause)
  const keeping = startKeeping(settings, { ...around, now: context.now })
  const background = hashSlowly(session, context, { guards, live })
  const entersRemote = isNamed(invocation)
  const given = { guard: guards.read, ownUse: self.use, ...reading.given }
  const same = { memory, digests: background.memory, entersRemote, ...given }
  await runDaemon({
    state,
    sweep: sweeperOf(session, context, { progress, self, guest, keeping, same }),
    get roots() {
      return rootsNow()
    },
    watch: async (tell) => {
      live.onChange(tell.onDue)
      const watching = watchLive(session, context, { live, rootsNow, tell })
      self.work.watching(watching.count)
      const beside = { isWatched: watching.isWatched, rootsNow, onRound: self.work.rescanned }
      const rescanning = keeping.rescan(tell, beside)
      await Promise.all([watching.closed, rescanning, background.run(tell.onSettled), live.follow()])
    },
    isWholeDue: live.isWholeDue,
    get sweepIntervalMs() {
      return settings.sweepIntervalSeconds * 1000
    },
    startSpreadMs: isJson ? settings.startSpreadSeconds * 1000 : 0,
    get processIntervalMs() {
      return settings.processIntervalSeconds * 1000
    },
    now: context.now,
    random: Math.random,
    fetch: askCollector,
    signal: context.signal,
    readerMs: reading.readerMs,
    onWaiting: self.waiting,
    tell: withSelf(withPolicy(events, live), self),
  })
  keepUse(memory.use, context.now())
  for (const one of [self, guards, keeping]) one.close()
  events.stopped()
  return EXIT.done
}

interface SweeperParts {
  readonly progress: ReturnType<typeof startProgress>
  readonly self: FollowedSelf
  readonly guest: GuestPace
  readonly keeping: Keeping
  readonly same: Pick<SweepOptions, 'memory' | 'digests' | 'entersRemote'> &
    Partial<Pick<SweepOptions, 'guard' | 'ownUse' | 'reader'>>
}

function sweeperOf(
  session: Session,
  context: CommandContext,
  { progress, self, guest, keeping, same }: SweeperParts,
): DaemonParts['sweep'] {
  return async (chosen, between) => {
    const isWhole = chosen.roots.length > 0
    const onProgress = isWhole ? tellBoth(progress.show, self.progress) : progress.show
    const options = sweepOptionsOf(session, context, { ...chosen, ...same, kept: keeping.kept, onProgress })
    if (isWhole) guest.between(between)
    return keeping
      .during(isWhole, async () => sweep(options))
      .finally(() => {
        if (isWhole) guest.between(() => Promise.resolve())
        progress.clear()
      })
  }
}

/** Whole files, at the rate that the settings say at the moment. */
function hashSlowly(
  { state, settings }: Session,
  context: CommandContext,
  { guards, live }: { readonly guards: ReturnType<typeof guardReading>; readonly live: LiveSettings },
): BackgroundDigests {
  return createBackgroundDigests({
    kept: openDigests(state),
    open: (path) => {
      const candidate = candidateAt(path)
      return candidate.ok ? openPast(candidate.value, guards.hash) : candidate
    },
    get bytesPerSecond() {
      return hashRate(settings.hashBytesPerSecond, live.isSet('hashBytesPerSecond'))
    },
    now: context.now,
    signal: context.signal,
  })
}

interface Live {
  readonly live: LiveSettings
  /** The session with settings that are always the present ones. */
  readonly session: Session
  readonly rootsNow: () => readonly string[]
}

function startLive(
  invocation: Invocation,
  context: CommandContext,
  opened: Session,
  { firstRoots, events }: { readonly firstRoots: readonly string[]; readonly events: DaemonNews },
): Live {
  const places = settingsPlaces(invocation, context)
  const told = { onTrouble: events.gap, onApplied: events.settingsApplied }
  const live = createLiveSettings(opened, { places, context, fetch: askCollector, ...told })
  const { settings } = live
  const rootsNow = (): readonly string[] => {
    const roots = rootsOf(invocation.operands, settings.roots, opened.pack, context.platform)
    return roots.ok ? roots.value : firstRoots
  }
  return { live, session: { ...opened, settings }, rootsNow }
}

function withSelf(events: DaemonEvents, self: FollowedSelf): DaemonEvents {
  return {
    ...events,
    swept: (result, enqueued) => {
      self.swept(result)
      events.swept(result, enqueued)
    },
  }
}

function tellBoth<T>(one: (value: T) => void, other: (value: T) => void): (value: T) => void {
  return (value) => {
    one(value)
    other(value)
  }
}

function withPolicy(events: DaemonEvents, live: LiveSettings): DaemonEvents {
  return {
    ...events,
    delivered: (outcome) => {
      events.delivered(outcome)
      void live.afterDelivery(outcome)
    },
  }
}

function watchLive(
  session: Session,
  context: CommandContext,
  { live, rootsNow, tell }: Omit<Live, 'session'> & { readonly tell: WatchTellers },
): PlacesWatch {
  return watchAgain({
    start: (signal) => (session.settings.watch ? watch(session, { ...context, signal }, rootsNow(), tell) : null),
    onChange: live.onChange,
    signal: context.signal,
  })
}

function watch(
  { settings, pack, state }: Session,
  { platform, signal }: CommandContext,
  roots: readonly string[],
  { onSettled, onGone, onGap }: WatchTellers,
): PlacesWatch {
  return watchPlaces({
    roots,
    near: watchedFolders(roots, pack, platform),
    excludes: settings.excludes,
    ownPlaces: [settings.stateFolder],
    minimumBytes: MINIMUM_BYTES,
    isSmallCandidate: (path) => isCandidateName(basename(path), dirname(path)),
    platform,
    conditions: openConditions(state),
    onSettled: outside(settings.stateFolder, onSettled),
    onGone,
    onGap,
    signal,
  })
}

/** Roots that somebody typed are entered wherever they lie. */
function isNamed({ operands }: Invocation): boolean {
  return operands.length > 0
}

/** Our own database grows in a swept folder; looking at it at every write would keep the daemon busy with itself. */
function outside(folder: string, tell: (path: string) => void): (path: string) => void {
  return (path) => {
    if (!path.startsWith(`${folder}${sep}`)) tell(path)
  }
}
