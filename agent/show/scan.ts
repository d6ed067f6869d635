// A whole sweep on a terminal.
import type { Scan } from '../../contract/report.ts'
import { renderFindings, renderRuntimes } from './findings.ts'
import { describeGap } from './inspection.ts'
import { paint, type Terminal } from './terminal.ts'

/** A sweep as a person reads it: findings, what runs, what was covered, and the blind spots. */
export function renderScan(scanned: Scan, terminal: Terminal): string {
  const covered = scanned.coverage.map((entry) => `${entry.sensor}: ${entry.state}, ${entry.detail}`)
  const gapCount = scanned.gaps.reduce((sum, gap) => sum + gap.count, 0)
  const gaps = scanned.gaps.slice(0, 5).map((gap) => `  ${describeGap(gap)}`)
  const more = scanned.gaps.length > gaps.length ? [`  … and ${scanned.gaps.length - gaps.length} more kinds`] : []
  return [
    renderFindings(scanned.findings, terminal),
    '',
    renderRuntimes(scanned.runtimes, terminal),
    '',
    paint(terminal, 'bold', `Looked at (${scanned.artifacts.length} models found)`),
    ...covered.map((line) => `  ${line}`),
    ...(gapCount === 0 ? [] : [paint(terminal, 'bold', `Could not look (${gapCount} places)`), ...gaps, ...more]),
  ].join('\n')
}
