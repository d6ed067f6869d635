// What the daemon tells: a person at a terminal gets tables, a service gets JSON lines.
import { describeFailure, type Failure } from '../contract/failure.ts'
import type { Finding } from '../contract/finding.ts'
import { printable } from '../contract/printable.ts'
import type { Gap, Severity } from '../contract/wire.ts'
import type { CommandContext } from './commands/command.ts'
import type { DaemonEvents } from './daemon.ts'
import type { DeliveryOutcome } from './report/deliver.ts'
import { foldGaps, onChange } from './fold-news.ts'
import type { KnownKeys } from './report/known-here.ts'
import type { Log, LogLevel } from './report/log.ts'
import { logEvent } from './report/log-events.ts'
import { renderFindings } from './show/findings.ts'
import { describeGap } from './show/inspection.ts'
import type { ProgressLine } from './show/progress.ts'
import { renderScan } from './show/scan.ts'
import { paint } from './show/terminal.ts'
import { createSweepNews } from './sweep-news.ts'

/** What is told of the daemon itself, beside what it finds. */
export interface DaemonNews extends DaemonEvents {
  readonly started: (start: DaemonStart) => void
  readonly stopped: () => void
  /** Names of settings that are others than before, and those of them that wait for the next start. */
  readonly settingsApplied: (now: readonly string[], later: readonly string[]) => void
}

export interface DaemonStart {
  readonly version: string
  readonly pid: number
  readonly supervisorPid: number | null
  readonly stateFolder: string
  /** Who says what is set. */
  readonly settings: string
  readonly roots: readonly string[]
}

/** What is asked while the daemon lives. */
export interface NewsParts {
  /** What this machine knows now; null while the state cannot say. */
  readonly known: () => KnownKeys | null
  /** Where weights are read, and with which rights. */
  readonly reader: () => string
}

/** A folder of 100,000 models may vanish at once: the rest is a number (CWE-400). */
const MAX_LINES = 100

/** The first sweep is shown whole; afterwards only what is new gets a line. */
export function tellTerminal(context: CommandContext, progress: ProgressLine, { known }: NewsParts): DaemonNews {
  const newsOf = createSweepNews(known)
  let isFirst = true
  const say = (failure: Failure): void => context.stderr.write(`${printable(describeFailure(failure))}\n`)
  const stored = onChange((failure) => {
    if (failure === null) context.stderr.write('What is found is stored again.\n')
    else say(failure)
  })
  const delivered = onChange((failure) => {
    if (failure === null) context.stderr.write('The collector answers again.\n')
    else if (!isToldAtStart(failure)) say(failure)
  })
  return {
    swept: (result, enqueued) => {
      progress.clear()
      stored(enqueued.ok ? null : enqueued.failure)
      const { findings } = newsOf(result.findings, enqueued.ok)
      if (isFirst && result.coveredHost)
        context.stdout.write(`${renderScan(result, context.stdout)}\nWatching. Ctrl-C stops.\n`)
      else if (findings.length > 0) context.stdout.write(`${describeFresh(findings, context)}\n`)
      if (result.coveredHost) isFirst = false
    },
    delivered: (outcome) => delivered(failureOf(outcome)),
    gap: foldGaps((gap) => context.stderr.write(`${describeGap(gap)}\n`)),
    started: () => undefined,
    stopped: () => undefined,
    settingsApplied: (now, later) => context.stderr.write(`${describeApplied(now, later)}\n`),
  }
}

function describeApplied(now: readonly string[], later: readonly string[]): string {
  const said = [
    ...(now.length === 0 ? [] : [`Settings applied: ${now.join(', ')}.`]),
    ...(later.length === 0 ? [] : [`At the next start: ${later.join(', ')}.`]),
  ]
  return said.join(' ')
}

/** One line an event: its name, a constant message, and fields. */
export function tellLog(log: Log, { known, reader }: NewsParts): DaemonNews {
  const newsOf = createSweepNews(known)
  const readerNow = createReaderTeller(log, reader)
  const stored = onChange((failure) => {
    if (failure === null) logEvent(log, 'info', 'stored-again')
    else logEvent(log, 'error', 'not-stored', { code: failure.code, detail: failure.detail })
  })
  const delivered = onChange((failure) => {
    if (failure === null) logEvent(log, 'info', 'delivery-works')
    else if (!isToldAtStart(failure))
      logEvent(log, 'warn', 'delivery-failed', { code: failure.code, detail: failure.detail })
  })
  return {
    swept: (result, enqueued) => {
      readerNow()
      stored(enqueued.ok ? null : enqueued.failure)
      const news = newsOf(result.findings, enqueued.ok)
      for (const { findingId, policyId, severity, title, simulated } of news.findings)
        logEvent(log, LEVELS[severity], 'finding-new', { findingId, policyId, severity, title, simulated })
      tellMany(news.ended, (findingId, others) => logEvent(log, 'info', 'finding-ended', { findingId, others }))
      tellMany(news.gone, (path, others) => logEvent(log, 'info', 'model-gone', { path, others }))
      const { coverage, artifacts, runtimes, findings, gaps } = result
      const counts = {
        artifacts: artifacts.length,
        runtimes: runtimes.length,
        findings: findings.length,
        gaps: gaps.length,
      }
      if (result.coveredHost === true) logEvent(log, 'info', 'swept', { ...counts, sensors: coverage.length })
    },
    delivered: (outcome) => delivered(failureOf(outcome)),
    gap: foldGaps((gap) => logEvent(log, 'warn', eventOf(gap), fieldsOf(gap))),
    started: ({ roots, ...start }) =>
      logEvent(log, 'info', 'agent-started', { ...start, roots: roots.join(', '), reader: readerNow() }),
    stopped: () => logEvent(log, 'info', 'agent-stopped'),
    settingsApplied: (now, later) =>
      logEvent(log, 'info', 'settings-applied', { now: now.join(', '), atNextStart: later.join(', ') }),
  }
}

/** How bad a finding is, in the words of a log; `error` stands for what wants somebody now. */
const LEVELS: Readonly<Record<Severity, LogLevel>> = {
  info: 'info',
  low: 'info',
  medium: 'warn',
  high: 'warn',
  critical: 'error',
}

/** Tells the first ones; the last line that is told says how many more there are. */
function tellMany(keys: readonly string[], tell: (key: string, others?: number) => void): void {
  const shown = keys.slice(0, MAX_LINES)
  for (const [at, key] of shown.entries()) {
    const isLast = at === shown.length - 1
    tell(key, isLast && keys.length > shown.length ? keys.length - shown.length : undefined)
  }
}

/** Gives the way of reading, and tells it when it is otherwise than the last time. */
function createReaderTeller(log: Log, reader: NewsParts['reader']): () => string {
  let last: string | null = null
  return () => {
    const now = reader()
    if (last !== null && now !== last) logEvent(log, 'info', 'reader-started', { reader: now })
    last = now
    return now
  }
}

function eventOf({ code }: Gap): 'gap' | 'settings-refused' {
  return code.startsWith('GNO_SETTINGS_') ? 'settings-refused' : 'gap'
}

function fieldsOf({ code, place, detail, count }: Gap): Readonly<Record<string, string | number>> {
  return { code, place, detail, count }
}

/** That nobody enrolled this machine is no trouble of delivery; `not-enrolled` says it (and a copy of the state says why it is one). */
function isToldAtStart({ code }: Failure): boolean {
  return code === 'GNO_NOT_ENROLLED'
}

function failureOf(outcome: DeliveryOutcome): Failure | null {
  return outcome.kind === 'failed' ? outcome.failure : null
}

function describeFresh(findings: readonly Finding[], context: CommandContext): string {
  const time = context.now().toISOString().slice(11, 19)
  return `${paint(context.stdout, 'dim', `new at ${time} UTC`)}\n${renderFindings(findings, context.stdout)}`
}
