// Findings as a person reads them on a terminal.
import type { Finding } from '../../contract/finding.ts'
import { SEVERITIES } from '../../contract/wire.ts'
import { type Cell, renderTable } from './table.ts'
import { paint, paintSeverity, type Terminal } from './terminal.ts'

/** `fnd1:` and eight digits: enough for `gnomon explain`, which takes the first characters of an id. */
const SHORT_ID_CHARS = 13

/** The findings as a table, worst first. */
export function renderFindings(findings: readonly Finding[], terminal: Terminal): string {
  if (findings.length === 0) return paint(terminal, 'green', 'No findings.')
  const sorted = [...findings].sort(
    (left, right) =>
      SEVERITIES.indexOf(right.severity) - SEVERITIES.indexOf(left.severity) ||
      compareText(left.title, right.title) ||
      compareText(left.findingId, right.findingId),
  )
  const rows = sorted.map((finding): readonly Cell[] => [
    { text: finding.severity, paint: (text) => paintSeverity(terminal, finding.severity) + text.slice(8) },
    { text: finding.simulated ? `[simulated] ${finding.title}` : finding.title, isSentence: true },
    { text: finding.confidence },
    { text: finding.evidence[0]?.place ?? finding.subject.key },
    { text: finding.findingId.slice(0, SHORT_ID_CHARS), paint: (text) => paint(terminal, 'dim', text) },
  ])
  return renderTable(['severity', 'what', 'certainty', 'where', 'finding'], rows, terminal.columns)
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
