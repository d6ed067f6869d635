// Sensor: whether two independent views of the machine agree on which processes there are. Ours lists /proc; the other one is
// ps-list, another program with another reader. Where one lacks a process, somebody may hide it (a hooked library, a replaced
// ps). What counts is an observation of its own and no gap: nothing was refused, and the hidden process is named.
// Short-lived processes never count: ours is listed before and after the other one, every difference is asked for again by
// number and start time, and only what two comparisons in a row show is told. It starts a program, so it runs rarely.
import type { Interpretation, SenseContext, Sensor, ViewDifferenceObservation } from '../../../contract/observation.ts'
import { createGapList } from '../gap-list.ts'
import { readablePath } from '../path-text.ts'
import { type ListedProcess, listByPsList } from '../second-views.ts'
import { readText } from './proc-read.ts'
import type { ProcCapture } from './proc-record.ts'
import { procTable } from './proc-table.ts'
import { parseStat } from './proc-text.ts'

/** Differences kept of one comparison; a view that lacks more than this is broken, not hiding. */
const MAX_DIFFERENCES = 256
/** Start times of ps are whole seconds, worked out from a clock that may be set meanwhile. */
const SAME_START_MS = 2_000

type Difference = Omit<ViewDifferenceObservation, 'kind' | 'since'> & {
  /** What the other view says of the start, where /proc does not show the process; milliseconds since the epoch. */
  readonly startedMs: number | null
}

interface Comparison {
  readonly takenAt: string
  readonly differences: readonly Difference[]
}

/** Two comparisons in a row; the earlier one is null at first. */
export interface ViewCapture {
  readonly earlier: Comparison | null
  readonly latest: Comparison | null
  /** Why there is no comparison this time. */
  readonly trouble: string | null
  readonly beyondLimit: number
}

/** Where the two views come from; a test brings one that hides something. */
export interface Views {
  /** Every call is a new look. */
  readonly own: (context: SenseContext) => Promise<ProcCapture>
  readonly other: (signal: AbortSignal) => Promise<readonly ListedProcess[]>
}

/** Makes the sensor; it remembers its last comparison. */
export function createProcessViews(views: Views): Sensor<ViewCapture> {
  let earlier: Comparison | null = null

  async function collect(context: SenseContext): Promise<ViewCapture> {
    const before = earlier
    try {
      const { differences, beyondLimit } = await compare(views, context)
      earlier = { takenAt: context.now().toISOString(), differences: differences.slice(0, MAX_DIFFERENCES) }
      return { earlier: before, latest: earlier, trouble: null, beyondLimit }
    } catch (error) {
      earlier = null
      return { earlier: before, latest: null, trouble: String(error).slice(0, 200), beyondLimit: 0 }
    }
  }

  return {
    id: 'process-views',
    platform: 'linux',
    touches: [
      '/proc/*/stat (start times; of processes that one of two views lacks once more)',
      'program: ps, twice, found by PATH (by ps-list; it reads /proc/*/stat, status, cmdline and looks whether the paths that command lines begin with exist)',
    ],
    collects: [
      'numbers, names and start times of processes that one of two views of the machine lacks; nothing of the others',
    ],
    collect,
    interpret: interpretViews,
  }
}

/** The sensor of this program: our table against ps-list. */
export const processViews: Sensor<ViewCapture> = createProcessViews({
  // The table shares a look among those who bring the same context, so each look gets one of its own.
  own: ({ signal, now }) => procTable.look({ signal, now }),
  other: listByPsList,
})

interface Compared {
  readonly differences: readonly Difference[]
  readonly beyondLimit: number
}

async function compare(views: Views, context: SenseContext): Promise<Compared> {
  const before = startsOf(await views.own(context))
  const other = await views.other(context.signal)
  const after = await views.own(context)
  // A list that was cut short lacks processes for a reason of our own.
  if (after.beyondLimit > 0 || other.length === 0)
    return { differences: [], beyondLimit: Math.max(1, after.beyondLimit) }
  const now = startsOf(after)
  const otherPids = new Set(other.map(({ pid }) => pid))
  return {
    differences: [
      ...[...now.values()].filter(
        ({ pid, startTicks }) => before.get(pid)?.startTicks === startTicks && !otherPids.has(pid),
      ),
      ...other.filter(({ pid }) => pid !== process.pid && !now.has(pid) && !before.has(pid)).flatMap(askAgain),
    ],
    beyondLimit: 0,
  }
}

function startsOf(capture: ProcCapture): ReadonlyMap<number, Difference> {
  const starts = new Map<number, Difference>()
  for (const raw of capture.processes) {
    const fields = parseStat(raw.stat)
    if (fields === null) continue
    const { pid, startTicks } = fields
    const name = readablePath(fields.name)
    starts.set(pid, { pid, startTicks, name, seenBy: 'proc', missingIn: 'ps-list', startedMs: null })
  }
  return starts
}

/** A process that only the other view has: a kernel thread, one that ended, or one that our list does not show. */
function askAgain({ pid, name, startedMs }: ListedProcess): readonly Difference[] {
  const stat = readText(`/proc/${Math.trunc(pid)}/stat`)
  const fields = stat.kind === 'seen' ? parseStat(stat.value) : null
  if (fields?.isKernelThread === true) return []
  return [{ pid, startTicks: fields?.startTicks ?? null, name, seenBy: 'ps-list', missingIn: 'proc', startedMs }]
}

function interpretViews({ earlier, latest, trouble, beyondLimit }: ViewCapture): Interpretation {
  const gaps = createGapList()
  if (trouble !== null) gaps.add('GNO_SENSE_FAILED', 'ps-list', `the second view of processes gave nothing: ${trouble}`)
  if (beyondLimit > 0) gaps.add('GNO_SENSE_LIMIT', 'process views', 'not compared: a list was cut short', beyondLimit)
  if (earlier === null || latest === null) return { observations: [], gaps: gaps.list() }
  const observations = latest.differences
    .filter((now) => earlier.differences.some((before) => isSameDifference(before, now)))
    .map(({ pid, startTicks, name, seenBy, missingIn }): ViewDifferenceObservation => {
      return { kind: 'view-difference', pid, startTicks, name, seenBy, missingIn, since: earlier.takenAt }
    })
  return { observations, gaps: gaps.list() }
}

function isSameDifference(before: Difference, now: Difference): boolean {
  if (before.pid !== now.pid || before.missingIn !== now.missingIn) return false
  if (now.startTicks !== null || before.startTicks !== null) return now.startTicks === before.startTicks
  if (now.startedMs === null || before.startedMs === null) return now.name === before.name
  return Math.abs(now.startedMs - before.startedMs) <= SAME_START_MS
}
