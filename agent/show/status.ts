// The screen of `gnomon status`: what is covered, what is not, what waits, what went wrong, what it costs. Bounded: whatever the state
// holds, it fits one screen, 24 rows where the terminal has no more; `--json` has all of it.
import { OWN_SENSOR } from '../../contract/report.ts'
import type { Gap } from '../../contract/wire.ts'
import type { RunningDaemon } from '../report/daemon-lock.ts'
import type { AgentStatus } from '../report/status.ts'
import type { Life } from '../self/life-record.ts'
import type { Restarts } from '../self/restarts.ts'
import { describeBytes, describeDuration } from './measure.ts'
import { coveredSensors } from '../doctor/covered-sensors.ts'
import { describeCosts, describeCoverage, describePace, describeProcesses, describeRestarts } from './own-work.ts'
import { columnsOf, cutLines, rowsOf, shareLines, wrapText } from './screen-row.ts'
import { paint, type Terminal } from './terminal.ts'

const LABEL_COLUMNS = 12
/** Rows that may come in any number, each kind with its part of 24 rows; the others are sixteen at most. */
const MAX_CONDITIONS = 3
const MAX_BLIND = 3
const MAX_REFUSED = 2

export interface StatusScreen {
  readonly stateFolder: string
  readonly daemon: RunningDaemon | null
  readonly life: Life | null
  /** Trouble of the agent itself. */
  readonly conditions: readonly Gap[]
  readonly restarts: Restarts
  readonly nowMs: number
}

type Row = readonly [string, string]

export function renderStatus(seen: AgentStatus, screen: StatusScreen, terminal: Terminal): string {
  const { enrolment, known, spool } = seen
  const oldest = spool.oldestAt === null ? '' : `, oldest of ${spool.oldestAt}`
  const rows: readonly Row[] = [
    ['daemon', describeDaemon(screen)],
    ['state', `${screen.stateFolder}, host ${seen.hostId ?? 'not known before the first sweep'}`],
    ['enrolled', enrolment === null ? 'no: run gnomon enroll' : `${enrolment.agentId} at ${enrolment.collectorUrl}`],
    ...coverageRows(seen.lastSweep),
    ...lookRows(screen),
    ...coveringRows(screen),
    ['known now', `${known.artifacts} models, ${known.runtimes} runtimes, ${known.findings} findings`],
    ['spool', `${spool.reports} report(s), ${describeBytes(spool.bytes)}${oldest}, next ${spool.nextSequence}`],
    ['delivery', describeDelivery(seen.delivery)],
    ...some(seen.delivery.refused, MAX_REFUSED, ({ what, detail }) => ['refused', `${what}: ${detail}`]),
    ...costRows(screen),
    ...paceRows(screen),
    ...troubleRows(seen, screen.conditions),
  ]
  const columns = columnsOf(terminal) - LABEL_COLUMNS - 1
  const texts = rows.map(([label, value]) => ({ label, lines: wrapText(value, columns) }))
  const shares = shareLines(
    texts.map(({ lines }) => lines.length),
    rowsOf(terminal),
  )
  return texts
    .flatMap(({ label, lines }, at) => renderRow(label, cutLines(lines, shares[at] ?? 1, columns), terminal))
    .join('\n')
}

function renderRow(label: string, lines: readonly string[], terminal: Terminal): readonly string[] {
  return lines.map((line, at) => {
    const head = at === 0 ? paint(terminal, 'dim', label.padEnd(LABEL_COLUMNS)) : ' '.repeat(LABEL_COLUMNS)
    return `${head} ${line}`
  })
}

/** At most so many rows; the last one says how many more there are. */
function some<T>(items: readonly T[], most: number, rowOf: (item: T) => Row): readonly Row[] {
  if (items.length <= most) return items.map(rowOf)
  const shown = items.slice(0, most - 1).map(rowOf)
  return [...shown, [shown[0]?.[0] ?? '', `and ${items.length - shown.length} more; --json lists them`]]
}

function coverageRows(last: AgentStatus['lastSweep']): readonly Row[] {
  if (last === null) return [['last sweep', 'none yet']]
  const { partly, told } = coveredSensors(last.coverage)
  const files = last.coverage.find(({ sensor }) => sensor === 'files')
  const kinds = countByCode(last.gaps)
  const what = last.isWhole ? [] : ['a part; no whole one yet']
  return [
    ['last sweep', [last.finishedAt, ...what, told, ...(files === undefined ? [] : [files.detail])].join('; ')],
    ...some(partly, MAX_BLIND, ({ sensor, state, detail }) => [
      'not covered',
      [`${sensor} is ${state}`, ...(detail === '' ? [] : [detail])].join(': '),
    ]),
    ...(kinds === '' ? [] : [['gaps', `${kinds}; gnomon status --gaps lists each`] as const]),
  ]
}

/** A look at processes or at what changed is no sweep. */
function lookRows({ life, nowMs }: StatusScreen): readonly Row[] {
  const atMs = life?.work?.lookedAtMs ?? null
  if (atMs === null) return []
  const ago = describeDuration(nowMs - atMs)
  return [['last look', `${new Date(atMs).toISOString()}, ${ago} ago: processes, and what changed`]]
}

function countByCode(gaps: readonly Gap[]): string {
  const counts = new Map<string, number>()
  // Its own trouble has rows of its own.
  for (const { code, count } of gaps.filter(({ sensor }) => sensor !== OWN_SENSOR))
    counts.set(code, (counts.get(code) ?? 0) + count)
  const ordered = [...counts].sort(([, one], [, other]) => other - one)
  return ordered.map(([code, count]) => `${count} ${code.replace(/^GNO_/, '')}`).join(', ')
}

function troubleRows({ damagedFile, lostReports }: AgentStatus, conditions: readonly Gap[]): readonly Row[] {
  const rows: readonly Row[] = [
    ...(damagedFile === null ? [] : [['damaged', `the state was set aside as ${damagedFile}`] as const]),
    ...(lostReports === 0 ? [] : [['lost', `${lostReports} report(s) since the last one that said so`] as const]),
    ...some(conditions, MAX_CONDITIONS, ({ code, place, detail }) => [
      'trouble',
      `${code.replace(/^GNO_/, '')} ${place}: ${detail}`,
    ]),
  ]
  return rows.length === 0 ? [['trouble', 'none']] : rows
}

function describeDaemon({ daemon, life }: StatusScreen): string {
  if (daemon !== null) {
    const watched = daemon.supervisorPid === null ? '' : `, watched by pid ${daemon.supervisorPid}`
    return `runs since ${daemon.since}, pid ${daemon.pid}${watched}`
  }
  if (life === null) return 'does not run'
  const how = life.endedCleanly ? 'ended as asked' : 'ended without being asked'
  return `does not run; last alive ${new Date(life.alive.wallMs).toISOString()}, ${how}`
}

function costRows({ daemon, life }: StatusScreen): readonly Row[] {
  const told = daemon === null ? null : describeCosts(life)
  if (told === null) return [['costs', 'not measured: no daemon runs, or it began just now']]
  const each = describeProcesses(life)
  return [['costs', told], ...(each === null ? [] : [['processes', each] as const])]
}

function paceRows({ daemon, life }: StatusScreen): readonly Row[] {
  const told = daemon === null ? null : describePace(life)
  return told === null ? [] : [['work', told]]
}

function coveringRows({ daemon, life, restarts, nowMs }: StatusScreen): readonly Row[] {
  const work = daemon === null ? null : (life?.work ?? null)
  const again = restarts.inDay === 0 ? null : describeRestarts(restarts)
  return [
    ...(work === null ? [] : [['watching', describeCoverage(work.watches, work.rescan, nowMs)] as const]),
    ...(again === null ? [] : [['restarts', again] as const]),
  ]
}

function describeDelivery(delivery: AgentStatus['delivery']): string {
  if (delivery.lastAttemptAt === null) return 'not tried yet'
  if (delivery.lastFailure === null || delivery.consecutiveFailures === 0)
    return `ok, last at ${delivery.lastSuccessAt ?? delivery.lastAttemptAt}`
  const { code, detail } = delivery.lastFailure
  const next = delivery.nextAttemptAt === null ? '' : `, next try ${delivery.nextAttemptAt}`
  return `${delivery.consecutiveFailures} failure(s) in a row${next}; ${code}: ${detail}`
}
