// What the daemon tells: a person at a terminal gets tables, a service gets JSON lines.
import { describeFailure, type Failure } from '../contract/failure.ts'
import type { Finding } from '../contract/finding.ts'
import { printable } from '../contract/printable.ts'
import type { CommandContext } from './commands/command.ts'
import type { DaemonEvents } from './daemon.ts'
import type { DeliveryOutcome } from './report/deliver.ts'
import { foldGaps, onChange } from './fold-news.ts'
import type { Log } from './report/log.ts'
import { renderFindings } from './show/findings.ts'
import { describeGap } from './show/inspection.ts'
import type { ProgressLine } from './show/progress.ts'
import { renderScan } from './show/scan.ts'
import { paint } from './show/terminal.ts'

/** The first sweep is shown whole; afterwards only what is new gets a line. */
export function tellTerminal(context: CommandContext, progress: ProgressLine): DaemonEvents {
  const fresh = createFreshness()
  let isFirst = true
  const say = (failure: Failure): void => context.stderr.write(`${printable(describeFailure(failure))}\n`)
  const stored = onChange((failure) => {
    if (failure === null) context.stderr.write('What is found is stored again.\n')
    else say(failure)
  })
  const delivered = onChange((failure) => {
    if (failure === null) context.stderr.write('The collector answers again.\n')
    else say(failure)
  })
  return {
    swept: (result, enqueued) => {
      progress.clear()
      stored(enqueued.ok ? null : enqueued.failure)
      const findings = fresh(result.findings)
      if (isFirst && result.coveredHost)
        context.stdout.write(`${renderScan(result, context.stdout)}\nWatching. Ctrl-C stops.\n`)
      else if (findings.length > 0) context.stdout.write(`${describeFresh(findings, context)}\n`)
      if (result.coveredHost) isFirst = false
    },
    delivered: (outcome) => delivered(failureOf(outcome)),
    gap: foldGaps((gap) => context.stderr.write(`${describeGap(gap)}\n`)),
  }
}

/** One line an event, a constant message and fields. */
export function tellLog(log: Log): DaemonEvents {
  const fresh = createFreshness()
  const stored = onChange((failure) => {
    if (failure === null) log.info('sweeps are stored again')
    else log.error('sweep was not stored', { code: failure.code, detail: failure.detail })
  })
  const delivered = onChange((failure) => {
    if (failure === null) log.info('delivery works again')
    else log.warn('delivery failed', { code: failure.code, detail: failure.detail })
  })
  return {
    swept: (result, enqueued) => {
      stored(enqueued.ok ? null : enqueued.failure)
      for (const { findingId, policyId, severity, title, simulated } of fresh(result.findings)) {
        log.warn('new finding', { findingId, policyId, severity, title, simulated })
      }
      const { coverage, artifacts, runtimes, findings, gaps } = result
      const counts = {
        artifacts: artifacts.length,
        runtimes: runtimes.length,
        findings: findings.length,
        gaps: gaps.length,
      }
      if (result.coveredHost === true) log.info('swept', { ...counts, sensors: coverage.length })
    },
    delivered: (outcome) => delivered(failureOf(outcome)),
    gap: foldGaps(({ code, place, detail, count }) => log.warn('gap', { code, place, detail, count })),
  }
}

function failureOf(outcome: DeliveryOutcome): Failure | null {
  return outcome.kind === 'failed' ? outcome.failure : null
}

/** Findings that were not told yet. */
function createFreshness(): (findings: readonly Finding[]) => readonly Finding[] {
  const told = new Set<string>()
  return (findings) => {
    const fresh = findings.filter(({ findingId }) => !told.has(findingId))
    for (const { findingId } of fresh) told.add(findingId)
    return fresh
  }
}

function describeFresh(findings: readonly Finding[], context: CommandContext): string {
  const time = context.now().toISOString().slice(11, 19)
  return `${paint(context.stdout, 'dim', `new at ${time} UTC`)}\n${renderFindings(findings, context.stdout)}`
}
