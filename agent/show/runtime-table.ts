// What runs now as a person reads it: one line a story. A narrow terminal gets fewer columns, never a wrapped line.
import type { Finding } from '../../contract/finding.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { SEVERITIES } from '../../contract/wire.ts'
import { describeParameters } from '../../rules/describe-model.ts'
import { describeBytes, describeDuration } from './measure.ts'
import { type Cell, renderTable } from './table.ts'
import { paint, paintSeverity, type Terminal } from './terminal.ts'

export interface RuntimeView {
  readonly terminal: Terminal
  /** When it was looked: durations end here. */
  readonly now: Date
}

interface Story extends RuntimeView {
  readonly runtime: Runtime
  readonly findings: readonly Finding[]
}

interface Column {
  readonly title: string
  /** Narrower than this it tells nothing; a shorter content may be shorter. */
  readonly least: number
  /** The highest leaves first where there is no room; 0 stays. */
  readonly leaves: number
  readonly cell: (story: Story) => Cell
}

const COLUMNS: readonly Column[] = [
  { title: 'pid', least: 8, leaves: 0, cell: ({ runtime }) => ({ text: String(runtime.pid) }) },
  { title: 'process', least: 10, leaves: 7, cell: ({ runtime }) => ({ text: runtime.name }) },
  { title: 'runtime', least: 14, leaves: 2, cell: ({ runtime }) => ({ text: productOf(runtime), isSentence: true }) },
  { title: 'activity', least: 14, leaves: 1, cell: activityCell },
  { title: 'model', least: 14, leaves: 0, cell: ({ runtime }) => ({ text: modelOf(runtime), isSentence: true }) },
  { title: 'size', least: 11, leaves: 6, cell: ({ runtime }) => ({ text: sizeOf(runtime), isSentence: true }) },
  { title: 'memory', least: 10, leaves: 3, cell: ({ runtime }) => ({ text: memoryOf(runtime), isSentence: true }) },
  { title: 'listens on', least: 15, leaves: 4, cell: ({ runtime }) => ({ text: listenersOf(runtime) }) },
  { title: 'since', least: 14, leaves: 5, cell: (story) => ({ text: sinceOf(story), isSentence: true }) },
  { title: 'busy today', least: 10, leaves: 8, cell: (story) => ({ text: todayOf(story) }) },
  { title: 'finding', least: 8, leaves: 0, cell: worstOf },
]
/** Spaces between columns, as the table sets them. */
const GUTTER = 2

/** What runs now, with the worst finding about each. */
export function renderRuntimes(runtimes: readonly Runtime[], findings: readonly Finding[], view: RuntimeView): string {
  if (runtimes.length === 0) return 'No AI runtime and no process with model weights in use.'
  const stories = runtimes.map((runtime): Story => ({ ...view, runtime, findings }))
  const columns = columnsThatFit(stories, view.terminal.columns)
  const rows = stories.map((story) => columns.map(({ cell }) => cell(story)))
  return renderTable(
    columns.map(({ title }) => title),
    rows,
    view.terminal.columns,
  )
}

/** Takes the least important column away until the rest has room enough to say something. */
function columnsThatFit(stories: readonly Story[], width: number): readonly Column[] {
  const needs = new Map(
    COLUMNS.map((column) => {
      const longest = Math.max(column.title.length, ...stories.map((story) => column.cell(story).text.length))
      return [column, Math.min(longest, column.least)]
    }),
  )
  let columns = COLUMNS
  const needed = (): number => columns.reduce((sum, column) => sum + (needs.get(column) ?? 0) + GUTTER, -GUTTER)
  while (needed() > width) {
    const last = Math.max(...columns.map(({ leaves }) => leaves))
    if (last === 0) break
    columns = columns.filter(({ leaves }) => leaves !== last)
  }
  return columns
}

function productOf({ identification, engines = [] }: Runtime): string {
  if (identification !== null) return `${identification.product} (${identification.confidence})`
  const [engine] = engines
  return engine === undefined ? '-' : `unnamed, ${engine.id} inside`
}

/** Whether it works now, for how long and how hard, before what it is: the beginning is what stays in a narrow column. */
function activityCell({ runtime, terminal, now }: Story): Cell {
  const { activity } = runtime
  const text = `${workOf(runtime, now)}${activity}`
  const ink = activity === 'inference' ? { paint: (cut: string) => paint(terminal, 'yellow', cut) } : {}
  return { text, isSentence: true, ...ink }
}

function workOf({ use, processorPercent }: Runtime, now: Date): string {
  if (use?.isBusy === false) return 'idle, '
  if (use?.isBusy !== true) return ''
  const stretch = use.busySince === null ? '' : ` ${describeDuration(now.getTime() - Date.parse(use.busySince))}`
  return `busy${stretch}${processorPercent === undefined ? '' : `, ${processorPercent} % CPU`}, `
}

function modelOf(runtime: Runtime): string {
  const { weights, told } = runtime
  const names = weights.map(({ model, format, isAdapter }) => {
    const name = model ?? format ?? 'weights'
    return isAdapter === true ? `adapter ${name}` : name
  })
  return names.join(', ') || told?.model || modelOfAgent(runtime)
}

/** An agent has no weights of its own: what it uses may be on this machine, and others give it tools. */
function modelOfAgent({ agent }: Runtime): string {
  const local = agent?.pointsAtLocalModel === true ? ['a model of this machine'] : []
  const servers = agent?.mcpServers.map(({ pid, names }) => `MCP server ${names.join(' or ')} (pid ${pid})`) ?? []
  return [...local, ...servers].join(', ') || '-'
}

/** Parameters, quantisation and bytes of each. */
function sizeOf({ weights }: Runtime): string {
  const sizes = weights.map(({ parameterCount, quantization, sizeBytes }) => {
    const parameters = parameterCount === undefined ? [] : [describeParameters(parameterCount)]
    return [...parameters, ...(quantization === undefined ? [] : [quantization]), describeBytes(sizeBytes)].join(' ')
  })
  return sizes.join(', ') || '-'
}

/** Resident memory, and what of it or beside it lies elsewhere. */
function memoryOf({ memory, physical = {}, graphics = [] }: Runtime): string {
  const kinds = graphics.flatMap(({ dedicatedBytes, sharedBytes, unifiedBytes }) => [
    ...(dedicatedBytes === null ? [] : [`GPU ${describeBytes(dedicatedBytes)}`]),
    ...(sharedBytes === null ? [] : [`shared ${describeBytes(sharedBytes)}`]),
    ...(unifiedBytes === null ? [] : [`unified ${describeBytes(unifiedBytes)}`]),
  ])
  const residentBytes = memory?.residentBytes ?? physical.residentBytes
  const large = memory?.largeAnonymousBytes ?? 0
  return [
    residentBytes === undefined ? '?' : describeBytes(residentBytes),
    ...(large === 0 ? [] : [`without a file ${describeBytes(large)}`]),
    ...kinds,
  ].join(', ')
}

function listenersOf({ listeners, api, use }: Runtime): string {
  const places = listeners.map(({ protocol, address, port }) =>
    protocol === 'unix' ? address : `${address}:${port}${keyWord(port, api)}`,
  )
  const clients = use?.clients ?? 0
  return places.length === 0 ? '-' : `${places.join(', ')}${clients === 0 ? '' : ` (${clients} connected)`}`
}

/** Whether the interface at this port wants a key, where its answers told. */
function keyWord(port: number, api: Runtime['api']): string {
  const statuses = (api?.asked ?? []).filter((asked) => asked.port === port).map(({ status }) => status)
  if (statuses.length === 0) return ''
  return statuses.every((status) => status === 200) ? ' (no key)' : ' (key)'
}

/** The hour of today, or the day of before, and how long that is. */
function sinceOf({ runtime: { startedAt }, now }: Story): string {
  const isToday = startedAt.slice(0, 10) === now.toISOString().slice(0, 10)
  const moment = isToday ? startedAt.slice(11, 16) : startedAt.slice(0, 10)
  return `${moment} (${describeDuration(now.getTime() - Date.parse(startedAt))})`
}

/** Of the day that it is now, UTC; a dash where nobody looked twice. */
function todayOf({ runtime: { use }, now }: Story): string {
  const today = use?.days.find(({ day }) => day === now.toISOString().slice(0, 10))
  if (today === undefined) return '-'
  return `${describeDuration(today.busySeconds * 1000)} of ${describeDuration(today.seenSeconds * 1000)}`
}

function worstOf({ runtime, findings, terminal }: Story): Cell {
  const own = findings.filter(({ subject }) => subject.kind === 'runtime' && subject.key === runtime.runtimeKey)
  const worst = SEVERITIES.findLast((severity) => own.some((finding) => finding.severity === severity))
  if (worst === undefined) return { text: '-' }
  return { text: worst, paint: (text) => paintSeverity(terminal, worst) + text.slice(8) }
}
