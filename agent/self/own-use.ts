// What the daemon itself uses: samples of the last hour, as present value, mean and peak. Time and readers come in.

/** What is measured, with its unit as OpenMetrics names it, and what it means. */
export const MEASURES = {
  processorPercent: {
    unit: 'percent',
    means: 'Processor time of supervisor, worker and reader, of all cores together.',
  },
  memoryBytes: { unit: 'bytes', means: 'Memory of the worker that is resident, shared pages included.' },
  proportionalBytes: {
    unit: 'bytes',
    means: 'Memory of supervisor, worker and reader, shared pages divided among those that share them.',
  },
  filesPerSecond: { unit: 'files_per_second', means: 'Files that sweeps saw.' },
  bytesPerSecond: { unit: 'bytes_per_second', means: 'Bytes that the worker read, from disks and from the cache.' },
  waitingFiles: { unit: 'files', means: 'Changed files that wait for a look.' },
  spoolReports: { unit: 'reports', means: 'Reports that wait for the collector.' },
} as const

export type MeasureName = keyof typeof MEASURES

export interface Measure {
  readonly name: MeasureName
  readonly now: number
  readonly mean: number
  readonly peak: number
}

export interface OwnUse {
  /** How long the samples reach back. */
  readonly seconds: number
  /** What this system does not tell is not in it. */
  readonly measures: readonly Measure[]
}

/** Counters since the start of the daemon, and present values; null where the system tells nothing. */
export interface UseReaders {
  readonly processorMs: () => number
  readonly filesSeen: () => number
  readonly bytesRead: () => number | null
  readonly memoryBytes: () => number
  readonly proportionalBytes: () => number | null
  readonly waitingFiles: () => number
  readonly spoolReports: () => number | null
}

export interface UseSamples {
  /** Takes a sample; on a clock that does not jump. */
  readonly take: (atMs: number) => void
  readonly summary: () => OwnUse | null
}

/** An hour of samples every ten seconds. */
const MAX_SAMPLES = 360
/** After a longer pause (a suspended laptop) a mean over it would say nothing. */
const MAX_PAUSE_MS = 60_000
const MEASURE_NAMES: readonly string[] = Object.keys(MEASURES)

interface Sample {
  readonly fromMs: number
  readonly atMs: number
  readonly values: ReadonlyMap<MeasureName, number>
}

interface Counters {
  readonly atMs: number
  readonly processorMs: number
  readonly filesSeen: number
  readonly bytesRead: number | null
}

/** Takes samples of this many cores. */
export function createUseSamples(readers: UseReaders, cores: number): UseSamples {
  const samples: Sample[] = []
  let last: Counters | null = null
  return {
    take: (atMs) => {
      const now: Counters = {
        atMs,
        processorMs: readers.processorMs(),
        filesSeen: readers.filesSeen(),
        bytesRead: readers.bytesRead(),
      }
      const before = last
      last = now
      if (before === null || atMs <= before.atMs || atMs - before.atMs > MAX_PAUSE_MS) return
      samples.push({ fromMs: before.atMs, atMs, values: valuesOf(before, now, readers, cores) })
      if (samples.length > MAX_SAMPLES) samples.shift()
    },
    summary: () => summarise(samples),
  }
}

function valuesOf(before: Counters, now: Counters, readers: UseReaders, cores: number): Sample['values'] {
  const wallMs = now.atMs - before.atMs
  const aSecond = (earlier: number, later: number): number => (Math.max(0, later - earlier) * 1000) / wallMs
  const values = new Map<MeasureName, number>([
    ['processorPercent', aSecond(before.processorMs, now.processorMs) / 10 / cores],
    ['memoryBytes', readers.memoryBytes()],
    ['filesPerSecond', aSecond(before.filesSeen, now.filesSeen)],
    ['waitingFiles', readers.waitingFiles()],
  ])
  const proportional = readers.proportionalBytes()
  if (proportional !== null) values.set('proportionalBytes', proportional)
  if (before.bytesRead !== null && now.bytesRead !== null)
    values.set('bytesPerSecond', aSecond(before.bytesRead, now.bytesRead))
  const spooled = readers.spoolReports()
  if (spooled !== null) values.set('spoolReports', spooled)
  return values
}

function summarise(samples: readonly Sample[]): OwnUse | null {
  const [first, newest] = [samples[0], samples.at(-1)]
  if (first === undefined || newest === undefined) return null
  const measures = [...newest.values].map(([name, now]): Measure => {
    const all = samples.flatMap(({ values }) => values.get(name) ?? [])
    const sum = all.reduce((total, value) => total + value, 0)
    return { name, now: rounded(now), mean: rounded(sum / all.length), peak: rounded(Math.max(...all)) }
  })
  return { seconds: Math.round((newest.atMs - first.fromMs) / 1000), measures }
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100
}

/** A summary as it was written down; null for anything else. */
export function readOwnUse(value: unknown): OwnUse | null {
  if (typeof value !== 'object' || value === null || !('seconds' in value) || !('measures' in value)) return null
  const { seconds, measures } = value
  if (typeof seconds !== 'number' || !Array.isArray(measures)) return null
  return { seconds, measures: measures.slice(0, MEASURE_NAMES.length).filter(isMeasure) }
}

function isMeasure(value: unknown): value is Measure {
  if (typeof value !== 'object' || value === null) return false
  const given = new Map<string, unknown>(Object.entries(value))
  const isNamed = MEASURE_NAMES.some((name) => name === given.get('name'))
  return isNamed && ['now', 'mean', 'peak'].every((name) => typeof given.get(name) === 'number')
}
