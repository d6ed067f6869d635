// A whole sweep on a terminal.
import type { Artifact } from '../../contract/artifact.ts'
import type { Scan } from '../../contract/report.ts'
import { printable } from '../../contract/printable.ts'
import type { Gap } from '../../contract/wire.ts'
import { baseName, describeRelations } from '../../rules/artifact-evidence.ts'
import { kindWord } from '../../rules/describe-model.ts'
import { renderFindings } from './findings.ts'
import { renderInstallations } from './installations.ts'
import { describeGap } from './inspection.ts'
import { countOf, describeBytes } from './measure.ts'
import { renderRuntimes } from './runtime-table.ts'
import { renderTable } from './table.ts'
import { paint, type Terminal } from './terminal.ts'

/** Lines of each list; the rest is a number, and --json has them all. */
const MAX_MODELS = 20
const MAX_RELATED = 12
const MAX_GAPS = 8

/** A sweep as a person reads it: findings, models, what runs, what was covered, and the blind spots. */
export function renderScan(scanned: Scan, terminal: Terminal): string {
  const covered = scanned.coverage.map(
    ({ sensor, state, detail }) => `${sensor}: ${[state, detail].filter(Boolean).join(', ')}`,
  )
  return [
    renderFindings(scanned.findings, terminal),
    '',
    ...renderModels(scanned.artifacts, terminal),
    ...renderRelated(scanned.artifacts, terminal),
    renderRuntimes(scanned.runtimes, scanned.findings, { terminal, now: new Date(scanned.finishedAt) }),
    '',
    ...renderInstallations(scanned.installations ?? [], terminal),
    paint(terminal, 'bold', 'Looked at'),
    ...covered.map((line) => `  ${line}`),
    ...renderGaps(scanned.gaps, terminal),
  ].join('\n')
}

function renderModels(artifacts: readonly Artifact[], terminal: Terminal): readonly string[] {
  if (artifacts.length === 0) return []
  const rows = artifacts
    .slice(0, MAX_MODELS)
    .map((artifact) => [
      { text: describeModel(artifact) },
      { text: artifact.fingerprint.structure?.quantization ?? '-' },
      { text: describeBytes(artifact.sizeBytes) },
      { text: artifact.verdict },
      { text: artifact.path },
    ])
  const more = artifacts.length > rows.length ? [`… and ${artifacts.length - rows.length} more; --json lists all`] : []
  return [renderTable(['model', 'type', 'size', 'verdict', 'path'], rows, terminal.columns), ...more, '']
}

/** How the models stand to one another: one line each, whatever the number of relatives. */
function renderRelated(artifacts: readonly Artifact[], terminal: Terminal): readonly string[] {
  const related = artifacts.flatMap((artifact) => {
    const said = describeRelations(artifact)
    return said === undefined ? [] : [printable(`  ${baseName(artifact.path)}: ${said}`)]
  })
  if (related.length === 0) return []
  const more = related.length > MAX_RELATED ? [`  … and ${related.length - MAX_RELATED} more; --json lists all`] : []
  return [paint(terminal, 'bold', 'Related'), ...related.slice(0, MAX_RELATED), ...more, '']
}

function describeModel({ identifications, fingerprint, format }: Artifact): string {
  const [best] = identifications
  if (best !== undefined) return `${best.model} (${best.confidence})`
  const { structure } = fingerprint
  const { training } = fingerprint
  if (structure === undefined && training !== undefined)
    return `${training.optimizer ?? training.framework ?? 'training'} ${training.kind}`
  const name = structure?.architecture ?? format ?? 'unknown'
  return structure === undefined ? name : `${name} ${kindWord(structure)}`
}

function renderGaps(gaps: readonly Gap[], terminal: Terminal): readonly string[] {
  if (gaps.length === 0) return []
  // A file of the person who asks says more than the processes of a whole machine.
  const isProcess = ({ place }: Gap): boolean => place.startsWith('/proc')
  const sorted = [...gaps.filter((gap) => !isProcess(gap)), ...gaps.filter(isProcess)]
  const places = gaps.reduce((sum, gap) => sum + gap.count, 0)
  const more = sorted.length > MAX_GAPS ? [`  … and ${countOf(sorted.length - MAX_GAPS, 'more kind')}`] : []
  return [
    paint(terminal, 'bold', `Could not look (${countOf(places, 'place')})`),
    ...sorted.slice(0, MAX_GAPS).map((gap) => `  ${describeGap(gap)}`),
    ...more,
  ]
}
