// The text of reports: splits what is to be told into bodies of bounded size, and takes a body apart again.
// A body is a report without its number, its id and its count of losses: those stand in columns of their own, so that waiting
// reports can be renumbered without touching their text.
import { type Coverage, type Host, MAX_REPORT_ITEMS, type Report, reportSchema } from '../../contract/report.ts'
import type { ReportChain } from '../../contract/report-chain.ts'
import type { Gap } from '../../contract/wire.ts'
import type { ThingKind } from './delta.ts'

/** A report grows to about this size; a single larger item travels alone. Small enough that a slow line moves it in 10 s. */
export const MAX_REPORT_BYTES = 1024 * 1024
/** A single item above this is not sent at all: no collector could be expected to take it (CWE-770). */
export const MAX_ITEM_BYTES = 4 * 1024 * 1024

type ListName =
  | 'gaps'
  | 'artifacts'
  | 'runtimes'
  | 'installations'
  | 'findings'
  | 'artifactPaths'
  | 'runtimeKeys'
  | 'installationKeys'
  | 'findingIds'
const PRESENT = {
  artifact: 'artifacts',
  runtime: 'runtimes',
  installation: 'installations',
  finding: 'findings',
} as const
const ABSENT = {
  artifact: 'artifactPaths',
  runtime: 'runtimeKeys',
  installation: 'installationKeys',
  finding: 'findingIds',
} as const

/** One member of one list of a report. */
export interface Entry {
  readonly list: ListName
  /** Its JSON. */
  readonly text: string
  /** The thing it is about; null for a gap. */
  readonly thing: { readonly kind: ThingKind; readonly key: string } | null
}

/** What every report of one sweep says. */
export interface Envelope {
  readonly host: Host
  readonly startedAt: string
  readonly finishedAt: string
  readonly coverage: readonly Coverage[]
}

export interface Draft {
  readonly envelope: Envelope
  readonly entries: readonly Entry[]
}

/** The numbered parts of a report, as stored. */
export interface StoredReport {
  readonly sequence: number
  readonly reportId: string
  readonly lost: number
  readonly body: string
}

/** Cuts the entries, one draft at a time, into as many as the limits ask for; one at least, because coverage is always told. */
export function* splitReports(envelope: Envelope, entries: Iterable<Entry>): Generator<Draft> {
  let isNothingGiven = true
  const emptyBytes = Buffer.byteLength(renderBody({ envelope, entries: [] }))
  let current: Entry[] = []
  let counts = new Map<ListName, number>()
  let bytes = emptyBytes
  for (const entry of entries) {
    const entryBytes = Buffer.byteLength(entry.text) + 1
    const count = counts.get(entry.list) ?? 0
    if (current.length > 0 && (count >= MAX_REPORT_ITEMS || bytes + entryBytes > MAX_REPORT_BYTES)) {
      yield { envelope, entries: current }
      isNothingGiven = false
      current = []
      counts = new Map()
      bytes = emptyBytes
    }
    current.push(entry)
    counts.set(entry.list, (counts.get(entry.list) ?? 0) + 1)
    bytes += entryBytes
  }
  if (current.length > 0 || isNothingGiven) yield { envelope, entries: current }
}

/** The body of a draft. */
export function renderBody({ envelope, entries }: Draft): string {
  const { host, startedAt, finishedAt, coverage } = envelope
  const list = (name: ListName): string =>
    `"${name}":[${entries
      .filter((entry) => entry.list === name)
      .map((entry) => entry.text)
      .join(',')}]`
  const head = JSON.stringify({ host, startedAt, finishedAt, coverage }).slice(0, -1)
  // Told only when there is something to tell: most reports are of processes alone, and older collectors know nothing of it.
  const some = (name: ListName): string => (entries.some((entry) => entry.list === name) ? `,${list(name)}` : '')
  const gone = `"gone":{${list('artifactPaths')},${list('runtimeKeys')},${list('findingIds')}${some('installationKeys')}}`
  const things = `${list('artifacts')},${list('runtimes')}${some('installations')},${list('findings')}`
  return `${head},${list('gaps')},${things},${gone}}`
}

/** The report as it goes over the wire; its content stands last, as it was stored. */
export function renderReport({ sequence, reportId, lost, body }: StoredReport, chain?: ReportChain): string {
  const numbered = { schema: 'gnomon-report/1', sequence, reportId, lostReports: lost, ...(chain && { chain }) }
  return `${JSON.stringify(numbered).slice(0, -1)},${body.slice(1)}`
}

/** Takes a stored report apart; null when its text is not a report any more. */
export function parseDraft(stored: StoredReport): Draft | null {
  const report = parseReport(renderReport(stored))
  if (report === null) return null
  const { host, startedAt, finishedAt, coverage } = report
  return { envelope: { host, startedAt, finishedAt, coverage }, entries: entriesOf(report) }
}

/** The members of the lists other than gaps: what makes a report more than a heartbeat. */
export function countThings(entries: readonly Entry[]): number {
  return entries.filter((entry) => entry.thing !== null).length
}

/** True when a report tells of findings: those are kept longest when the spool is full. */
export function tellsFindings(entries: readonly Entry[]): boolean {
  return entries.some(isOfFinding)
}

/** True for what tells that a finding is there or gone. */
export function isOfFinding({ list }: Entry): boolean {
  return list === 'findings' || list === 'findingIds'
}

function parseReport(text: string): Report | null {
  try {
    const parsed = reportSchema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function entriesOf(report: Report): readonly Entry[] {
  const { artifactPaths, runtimeKeys, installationKeys = [], findingIds } = report.gone
  return [
    ...report.gaps.map((gap) => entry('gaps', gap, null)),
    ...report.artifacts.map((item) => entry('artifacts', item, { kind: 'artifact', key: item.path })),
    ...report.runtimes.map((item) => entry('runtimes', item, { kind: 'runtime', key: item.runtimeKey })),
    ...(report.installations ?? []).map((item) =>
      entry('installations', item, { kind: 'installation', key: item.installationKey }),
    ),
    ...report.findings.map((item) => entry('findings', item, { kind: 'finding', key: item.findingId })),
    ...artifactPaths.map((key) => entry('artifactPaths', key, { kind: 'artifact', key })),
    ...runtimeKeys.map((key) => entry('runtimeKeys', key, { kind: 'runtime', key })),
    ...installationKeys.map((key) => entry('installationKeys', key, { kind: 'installation', key })),
    ...findingIds.map((key) => entry('findingIds', key, { kind: 'finding', key })),
  ]
}

function entry(list: ListName, value: unknown, thing: Entry['thing']): Entry {
  return { list, text: JSON.stringify(value), thing }
}

/** The entry that says a thing is there, from its document. */
export function presentEntry(kind: ThingKind, key: string, document: string): Entry {
  return { list: PRESENT[kind], text: document, thing: { kind, key } }
}

/** The entry that says a thing is no longer there. */
export function goneEntry(kind: ThingKind, key: string): Entry {
  return entry(ABSENT[kind], key, { kind, key })
}

/** The entry of a gap. */
export function gapEntry(gap: Gap): Entry {
  return entry('gaps', gap, null)
}
