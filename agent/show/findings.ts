// Findings and runtime stories as a person reads them on a terminal.
import type { Finding } from '../../contract/finding.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { SEVERITIES } from '../../contract/wire.ts'
import { describeBytes } from './measure.ts'
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

/** What runs now: one line a story. */
export function renderRuntimes(runtimes: readonly Runtime[], terminal: Terminal): string {
  if (runtimes.length === 0) return 'No AI runtime and no process with model weights in use.'
  const rows = runtimes.map((runtime): readonly Cell[] => [
    { text: String(runtime.pid) },
    { text: runtime.name },
    {
      text:
        runtime.identification === null
          ? '-'
          : `${runtime.identification.product} (${runtime.identification.confidence})`,
    },
    {
      text: runtime.activity,
      ...(runtime.activity === 'inference' ? { paint: (text: string) => paint(terminal, 'yellow', text) } : {}),
    },
    {
      text:
        runtime.weights
          .map((held) => `${held.model ?? held.format ?? 'weights'} ${describeBytes(held.sizeBytes)}`)
          .join(', ') || '-',
    },
    { text: runtime.memory === null ? '?' : describeBytes(runtime.memory.residentBytes) },
    {
      text:
        runtime.listeners
          .map((listener) => (listener.protocol === 'unix' ? listener.address : `${listener.address}:${listener.port}`))
          .join(', ') || '-',
    },
    { text: runtime.startedAt.slice(0, 16).replace('T', ' ') },
  ])
  return renderTable(
    ['pid', 'process', 'runtime', 'activity', 'model', 'memory', 'listens on', 'since'],
    rows,
    terminal.columns,
  )
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
