// Findings and runtime stories as a person reads them on a terminal.
import type { Finding } from '../../contract/finding.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { SEVERITIES } from '../../contract/wire.ts'
import { describeParameters } from '../../rules/describe-model.ts'
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

/** What runs now: one line a story, with the worst finding about it. */
export function renderRuntimes(runtimes: readonly Runtime[], findings: readonly Finding[], terminal: Terminal): string {
  if (runtimes.length === 0) return 'No AI runtime and no process with model weights in use.'
  const rows = runtimes.map((runtime): readonly Cell[] => [
    { text: String(runtime.pid) },
    { text: runtime.name },
    { text: productOf(runtime) },
    {
      text: activityOf(runtime),
      ...(runtime.activity === 'inference' ? { paint: (text: string) => paint(terminal, 'yellow', text) } : {}),
    },
    { text: runtime.weights.map(describeWeights).join(', ') || runtime.told?.model || modelOfAgent(runtime) },
    { text: memoryOf(runtime) },
    { text: listenersOf(runtime) },
    { text: runtime.startedAt.slice(0, 16).replace('T', ' ') },
    worstOf(runtime, findings, terminal),
  ])
  return renderTable(
    ['pid', 'process', 'runtime', 'activity', 'model', 'memory', 'listens on', 'since', 'finding'],
    rows,
    terminal.columns,
  )
}

function productOf({ identification, engines = [] }: Runtime): string {
  if (identification !== null) return `${identification.product} (${identification.confidence})`
  const [engine] = engines
  return engine === undefined ? '-' : `unnamed, ${engine.id} inside`
}

/** Of a runtime that is at work also how hard. */
function activityOf({ activity, processorPercent = 0 }: Runtime): string {
  return processorPercent >= 20 ? `${activity}, ${processorPercent} % CPU` : activity
}

function describeWeights(held: Runtime['weights'][number]): string {
  const { model, format, parameterCount, quantization, sizeBytes } = held
  const size = parameterCount === undefined ? [] : [describeParameters(parameterCount)]
  const details = [...size, ...(quantization === undefined ? [] : [quantization]), describeBytes(sizeBytes)]
  return `${model ?? format ?? 'weights'} (${details.join(', ')})`
}

/** Resident memory, and what of it or beside it lies elsewhere. */
function memoryOf({ memory, graphics = [] }: Runtime): string {
  const kinds = graphics.flatMap(({ dedicatedBytes, sharedBytes, unifiedBytes }) => [
    ...(dedicatedBytes === null ? [] : [`GPU ${describeBytes(dedicatedBytes)}`]),
    ...(sharedBytes === null ? [] : [`shared ${describeBytes(sharedBytes)}`]),
    ...(unifiedBytes === null ? [] : [`unified ${describeBytes(unifiedBytes)}`]),
  ])
  if (memory === null) return ['?', ...kinds].join(', ')
  const large = memory.largeAnonymousBytes ?? 0
  const parts = [...(large === 0 ? [] : [`without a file ${describeBytes(large)}`]), ...kinds]
  return [describeBytes(memory.residentBytes), ...parts].join(', ')
}

function listenersOf({ listeners, api }: Runtime): string {
  const places = listeners.map(({ protocol, address, port }) =>
    protocol === 'unix' ? address : `${address}:${port}${keyWord(port, api)}`,
  )
  return places.join(', ') || '-'
}

/** Whether the interface at this port wants a key, where its answers told. */
function keyWord(port: number, api: Runtime['api']): string {
  const statuses = (api?.asked ?? []).filter((asked) => asked.port === port).map(({ status }) => status)
  if (statuses.length === 0) return ''
  return statuses.every((status) => status === 200) ? ' (no key)' : ' (key)'
}

/** An agent has no weights of its own: what it uses may be on this machine, and others give it tools. */
function modelOfAgent({ agent }: Runtime): string {
  const local = agent?.pointsAtLocalModel === true ? ['a model of this machine'] : []
  const servers = agent?.mcpServers.map(({ pid, names }) => `MCP server ${names.join(' or ')} (pid ${pid})`) ?? []
  return [...local, ...servers].join(', ') || '-'
}

function worstOf(runtime: Runtime, findings: readonly Finding[], terminal: Terminal): Cell {
  const own = findings.filter(({ subject }) => subject.kind === 'runtime' && subject.key === runtime.runtimeKey)
  const worst = SEVERITIES.findLast((severity) => own.some((finding) => finding.severity === severity))
  if (worst === undefined) return { text: '-' }
  return { text: worst, paint: (text) => paintSeverity(terminal, worst) + text.slice(8) }
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
