// The agent's own figures as OpenMetrics 1.0.0 text (prometheus/OpenMetrics: specification/OpenMetrics.md, 2020): families with TYPE, UNIT and HELP, then samples, then EOF.
// Pure.
import { MEASURES, type OwnUse } from '../self/own-use.ts'

export interface MetricsSource {
  readonly use: OwnUse
  readonly version: string
  readonly hostId: string
  /** Codes of the conditions that are told now. */
  readonly conditions: readonly string[]
}

interface Family {
  readonly name: string
  readonly type: 'gauge' | 'info'
  readonly unit: string
  readonly help: string
  readonly samples: readonly { readonly suffix: string; readonly labels: Labels; readonly value: number }[]
}

type Labels = Readonly<Record<string, string>>

/** The whole exposition, with its last line. */
export function renderOpenMetrics(source: MetricsSource): string {
  return [...familiesOf(source).flatMap(renderFamily), '# EOF', ''].join('\n')
}

function familiesOf({ use, version, hostId, conditions }: MetricsSource): readonly Family[] {
  const build: Family = {
    name: 'gnomon_build',
    type: 'info',
    unit: '',
    help: 'The agent that tells this.',
    samples: [{ suffix: '_info', labels: { version, host: hostId }, value: 1 }],
  }
  const counts = new Map<string, number>()
  for (const code of conditions) counts.set(code, (counts.get(code) ?? 0) + 1)
  const troubles: Family = {
    name: 'gnomon_conditions',
    type: 'gauge',
    unit: '',
    help: 'Trouble of the agent itself that is told now.',
    samples: [...counts].map(([code, value]) => ({ suffix: '', labels: { code }, value })),
  }
  const measured = use.measures.map(({ name, now, mean, peak }): Family => {
    const { unit, means } = MEASURES[name]
    const over = { now, mean, peak }
    const samples = Object.entries(over).map(([window, value]) => ({ suffix: '', labels: { window }, value }))
    return { name: `gnomon_${STEMS[name]}_${unit}`, type: 'gauge', unit, help: `${means} ${WINDOWS}`, samples }
  })
  return [build, ...measured, troubles]
}

const WINDOWS = 'Now, and mean and peak of the last hour at most.'

/** Names without their unit, which OpenMetrics wants as their end. */
const STEMS: Readonly<Record<keyof typeof MEASURES, string>> = {
  processorPercent: 'processor',
  memoryBytes: 'resident_memory',
  proportionalBytes: 'proportional_memory',
  filesPerSecond: 'swept',
  bytesPerSecond: 'read',
  waitingFiles: 'waiting',
  spoolReports: 'spool',
}

function renderFamily({ name, type, unit, help, samples }: Family): readonly string[] {
  return [
    `# TYPE ${name} ${type}`,
    ...(unit === '' ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escaped(help)}`,
    ...samples.map(({ suffix, labels, value }) => `${name}${suffix}${renderLabels(labels)} ${value}`),
  ]
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** Section "Text format", escaped-string: backslash, quote and line feed; other control characters have no place in a label. */
function escaped(text: string): string {
  const plain = Array.from(text, (char) => (char !== '\n' && char < ' ' ? ' ' : char)).join('')
  return plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
