// What `gnomon inspect` says of an artifact beyond the artifact itself: how it was named, what refutes its claims, and what in a
// named folder was not looked at.
import type { Artifact, Inspection } from '../../contract/artifact.ts'
import { printable } from '../../contract/printable.ts'
import { describeGap } from './inspection.ts'
import { paint, type Terminal } from './terminal.ts'

/** Lines that follow those of the artifact; empty where there is nothing to add. */
export function renderNotes({ contradictions = [], givenAs }: Inspection, terminal: Terminal): string {
  const refuted = contradictions.map(({ claim, observed, because }) =>
    row('contradict', [`${claim}, but ${observed}`, ...because].join('; '), terminal),
  )
  return [...refuted, ...(givenAs === undefined ? [] : [row('given as', `${givenAs}, which leads here`, terminal)])]
    .map((line) => `${line}\n`)
    .join('')
}

/** The last lines about a folder in which models were found: what else is there and was not read. */
export function renderRest({ path, gaps }: Artifact, terminal: Terminal): string {
  const lines = gaps.map((gap) => row(gap.code === 'GNO_READ_SKIPPED' ? 'skipped' : 'gap', describeGap(gap), terminal))
  return [paint(terminal, 'bold', printable(path)), ...lines].map((line) => `${line}\n`).join('')
}

function row(label: string, value: string, terminal: Terminal): string {
  return `  ${paint(terminal, 'dim', label.padEnd(10))} ${printable(value)}`
}
