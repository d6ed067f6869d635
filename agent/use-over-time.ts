// How a runtime is used over time: works it now, since when, how many seconds of each day. From processor and graphics time between
// two looks; what a look did not see is not guessed. One memory from look to look, which the daemon keeps in its state.
import type { DayOfUse, Runtime, UseOverTime } from '../contract/runtime.ts'
import type { KeptDays, KeptUse } from './report/kept-uses.ts'

/**
 * Shares of one processor over the time between two looks from which on a runtime works. A llama-server that nobody asks takes under
 * 1 %, an Electron window with a model some 5 %; an answer of two seconds on one core between looks ten seconds apart makes 20 %.
 */
const BUSY_SHARE = 0.2
/** With a client connected less will do: where a card computes and nobody tells its time, sampling and tokenizing leave some percent. */
const BUSY_SHARE_WITH_CLIENT = 0.05
/** Share of a card's time: drawing a window takes less, an answer takes nearly all of it. */
const BUSY_CARD_SHARE = 0.1
/** A conversation has pauses to read and type; only a longer one ends a stretch of work. */
const PAUSE_MS = 5 * 60_000
/** Looks further apart do not speak of the time between them: the machine slept, or its clock was set. */
const INTERVALS_BETWEEN_LOOKS = 6
const MIN_BETWEEN_LOOKS_MS = 60_000
/** A machine has some dozen. Whoever starts a program under ever new names must not fill memory and state (CWE-400). */
const MAX_KEYS = 1_000
/** The wire carries no more (contract/runtime.ts). */
const MAX_DAYS = 31
const DAY_MS = 24 * 60 * 60_000
/** A write waits for the disk. What is lost by a kill is counted by the first look after it, from what was kept. */
const KEEP_EVERY_MS = 30_000

/** What a look knows of one runtime: times since its process began. Null: not told. */
export interface LookAtUse {
  readonly runtimeKey: string
  /** Process number and start: times of two processes are never compared. */
  readonly process: string
  readonly startedAtMs: number
  readonly processorMs: number | null
  readonly graphicsMs: number | null
  /** Share that the driver itself samples. */
  readonly graphicsPercent: number | null
  readonly clients: number | null
}

/** All that is kept of one runtime. Times in milliseconds since the epoch. */
interface Followed {
  watchedSinceMs: number
  seenAtMs: number
  isBusy: boolean | null
  busySinceMs: number | null
  workedAtMs: number | null
  readonly days: Map<string, { seenMs: number; busyMs: number }>
}

interface Measured {
  readonly atMs: number
  readonly processorMs: number | null
  readonly graphicsMs: number | null
}

/** Where the daemon keeps it. */
export interface UseKeeper {
  readonly keep: (uses: readonly KeptUse[], span: KeptDays) => void
}

export interface UseMemory {
  readonly followed: Map<string, Followed>
  /** Last measures by process: a process may come by another key when its older twin ends. */
  measured: Map<string, Measured>
  /** Last process of each key. */
  readonly processes: Map<string, string>
  readonly maxBetweenMs: number
  readonly keeper: UseKeeper | null
  /** Keys that changed since they were kept. */
  readonly changed: Set<string>
  keptAtMs: number
}

export interface UseMemoryOptions {
  /** Usual time between two looks; asked for anew, since settings change. */
  readonly intervalMs: number
  /** Uses of before, from the state. */
  readonly known: readonly KeptUse[]
  /** Null: whoever looks beside the daemon counts for itself alone. */
  readonly keeper: UseKeeper | null
}

/** A memory that knows what was kept. */
export function createUseMemory(options: UseMemoryOptions): UseMemory {
  const { known, keeper } = options
  const memory: UseMemory = {
    followed: new Map(),
    measured: new Map(),
    processes: new Map(),
    get maxBetweenMs() {
      return Math.max(MIN_BETWEEN_LOOKS_MS, options.intervalMs * INTERVALS_BETWEEN_LOOKS)
    },
    keeper,
    changed: new Set(),
    keptAtMs: Number.NEGATIVE_INFINITY,
  }
  for (const use of known.slice(0, MAX_KEYS)) recall(use, memory)
  return memory
}

function recall(use: KeptUse, { followed, measured, processes }: UseMemory): void {
  const { runtimeKey, process, watchedSinceMs, seenAtMs, busySinceMs, workedAtMs, processorMs, graphicsMs } = use
  const days = new Map(use.days.map(({ day, seenMs, busyMs }) => [day, { seenMs, busyMs }]))
  followed.set(runtimeKey, { watchedSinceMs, seenAtMs, isBusy: null, busySinceMs, workedAtMs, days })
  measured.set(process, { atMs: seenAtMs, processorMs, graphicsMs })
  processes.set(runtimeKey, process)
}

/** Takes one look at all runtimes and says of each how it is used; a key beyond the limit has no answer. */
export function followUse(looks: readonly LookAtUse[], memory: UseMemory, now: Date): ReadonlyMap<string, UseOverTime> {
  const nowMs = now.getTime()
  const uses = new Map<string, UseOverTime>()
  const measured = new Map<string, Measured>()
  makeRoom(looks, memory, nowMs)
  let hasTurned = false
  for (const look of looks) {
    const before = memory.followed.get(look.runtimeKey)
    if (before === undefined && memory.followed.size >= MAX_KEYS) continue
    const wasBusy = before?.isBusy ?? null
    const followed = advance(before ?? begin(nowMs), look, memory, nowMs)
    memory.followed.set(look.runtimeKey, followed)
    memory.processes.set(look.runtimeKey, look.process)
    memory.changed.add(look.runtimeKey)
    measured.set(look.process, { atMs: nowMs, processorMs: look.processorMs, graphicsMs: look.graphicsMs })
    hasTurned ||= followed.isBusy !== wasBusy
    uses.set(look.runtimeKey, describe(followed, look.clients))
  }
  memory.measured = measured
  if (hasTurned || nowMs < memory.keptAtMs || nowMs - memory.keptAtMs >= KEEP_EVERY_MS) keepUse(memory, now)
  return uses
}

function begin(nowMs: number): Followed {
  return {
    watchedSinceMs: nowMs,
    seenAtMs: Number.NaN,
    isBusy: null,
    busySinceMs: null,
    workedAtMs: null,
    days: new Map(),
  }
}

/** One look further. A clock that was set back makes a span below zero, a sleep one that is too long: neither is counted. */
function advance(followed: Followed, look: LookAtUse, memory: UseMemory, nowMs: number): Followed {
  const spanMs = nowMs - followed.seenAtMs
  const isCounted = spanMs > 0 && spanMs <= memory.maxBetweenMs
  followed.isBusy = isCounted ? isBusyNow(look, memory, { fromMs: followed.seenAtMs, nowMs }) : null
  if (isCounted) addSpan(followed.days, { fromMs: followed.seenAtMs, nowMs }, followed.isBusy === true)
  dropDays(followed.days, nowMs)
  followed.watchedSinceMs = Math.min(followed.watchedSinceMs, nowMs)
  noteWork(followed, nowMs - (isCounted ? spanMs : 0), nowMs)
  followed.seenAtMs = nowMs
  return followed
}

/** A stretch of work begins with the look before the one that shows it, and ends when nothing was done for a while. */
function noteWork(followed: Followed, fromMs: number, nowMs: number): void {
  const { workedAtMs } = followed
  const isOver = workedAtMs === null || nowMs < workedAtMs || nowMs - workedAtMs > PAUSE_MS
  if (followed.isBusy === true) {
    if (isOver || followed.busySinceMs === null) followed.busySinceMs = fromMs
    followed.workedAtMs = nowMs
  } else if (isOver) {
    followed.busySinceMs = null
    followed.workedAtMs = null
  }
}

interface Span {
  readonly fromMs: number
  readonly nowMs: number
}

/** Null where neither processor nor card tell what was done in this span. */
function isBusyNow(look: LookAtUse, memory: UseMemory, span: Span): boolean | null {
  const before = baselineOf(look, memory, span)
  const least = (look.clients ?? 0) > 0 ? BUSY_SHARE_WITH_CLIENT : BUSY_SHARE
  const marks = [
    shareOf(before?.processorMs, look.processorMs, span, least),
    shareOf(before?.graphicsMs, look.graphicsMs, span, BUSY_CARD_SHARE),
    look.graphicsPercent === null ? null : look.graphicsPercent >= BUSY_CARD_SHARE * 100,
  ]
  if (marks.includes(true)) return true
  return marks.includes(false) ? false : null
}

/** A process that began after the last look began with nothing; of any other that was not measured nothing is known. */
function baselineOf(look: LookAtUse, { measured }: UseMemory, { fromMs }: Span): Measured | null {
  const known = measured.get(look.process)
  if (known !== undefined && known.atMs === fromMs) return known
  return look.startedAtMs >= fromMs ? { atMs: fromMs, processorMs: 0, graphicsMs: 0 } : null
}

function shareOf(
  before: number | null | undefined,
  after: number | null,
  { fromMs, nowMs }: Span,
  least: number,
): boolean | null {
  if (before === null || before === undefined || after === null) return null
  return after - before >= (nowMs - fromMs) * least
}

/** Adds a span to the days that it touches: a look after midnight speaks of two. */
function addSpan(days: Followed['days'], { fromMs, nowMs }: Span, isBusy: boolean): void {
  let startMs = fromMs
  while (startMs < nowMs) {
    const endMs = Math.min(nowMs, (Math.floor(startMs / DAY_MS) + 1) * DAY_MS)
    const day = dayOf(startMs)
    const sum = days.get(day) ?? { seenMs: 0, busyMs: 0 }
    sum.seenMs += endMs - startMs
    if (isBusy) sum.busyMs += endMs - startMs
    days.set(day, sum)
    startMs = endMs
  }
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}

/** Days are kept for a month; one that is still to come was made by a clock that ran ahead. */
function dropDays(days: Followed['days'], nowMs: number): void {
  const [oldest, newest] = [oldestDayOf(nowMs), dayOf(nowMs)]
  for (const day of days.keys()) if (day < oldest || day > newest) days.delete(day)
}

function oldestDayOf(nowMs: number): string {
  return dayOf(nowMs - (MAX_DAYS - 1) * DAY_MS)
}

/** Forgets whoever was not seen for a month, and then for longest; never one of this look. */
function makeRoom(looks: readonly LookAtUse[], memory: UseMemory, nowMs: number): void {
  const present = new Set(looks.map(({ runtimeKey }) => runtimeKey))
  const absent = [...memory.followed].filter(([key]) => !present.has(key))
  const isOld = ([, { seenAtMs }]: readonly [string, Followed]): boolean => nowMs - seenAtMs > MAX_DAYS * DAY_MS
  const added = [...present].filter((key) => !memory.followed.has(key)).length
  const excess = Math.max(0, memory.followed.size + added - MAX_KEYS)
  absent.sort(([, left], [, right]) => left.seenAtMs - right.seenAtMs)
  const forgotten = absent.filter((each, index) => index < excess || isOld(each))
  for (const [key] of forgotten) {
    memory.followed.delete(key)
    memory.processes.delete(key)
    memory.changed.delete(key)
  }
}

function describe(followed: Followed, clients: number | null): UseOverTime {
  const days = [...followed.days].sort(([left], [right]) => (left < right ? 1 : -1)).slice(0, MAX_DAYS)
  return {
    isBusy: followed.isBusy,
    busySince: followed.busySinceMs === null ? null : new Date(followed.busySinceMs).toISOString(),
    watchedSince: new Date(followed.watchedSinceMs).toISOString(),
    clients,
    days: days.map(
      ([day, { seenMs, busyMs }]): DayOfUse => ({
        day,
        seenSeconds: wholeSeconds(seenMs),
        busySeconds: wholeSeconds(busyMs),
      }),
    ),
  }
}

function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000)
}

/** Hands everything to the state; at the end of the daemon, and now and then before. */
export function keepUse(memory: UseMemory, now: Date): void {
  if (memory.keeper === null) return
  const nowMs = now.getTime()
  memory.keptAtMs = nowMs
  const uses = [...memory.followed]
    .filter(([runtimeKey]) => memory.changed.has(runtimeKey))
    .map(([runtimeKey, followed]) => keptOf(runtimeKey, followed, memory))
  memory.changed.clear()
  memory.keeper.keep(uses, { oldestDay: oldestDayOf(nowMs), newestDay: dayOf(nowMs) })
}

function keptOf(runtimeKey: string, followed: Followed, memory: UseMemory): KeptUse {
  const process = memory.processes.get(runtimeKey) ?? ''
  const { processorMs = null, graphicsMs = null } = memory.measured.get(process) ?? {}
  const days = [...followed.days].map(([day, { seenMs, busyMs }]) => ({ day, seenMs, busyMs }))
  const { watchedSinceMs, seenAtMs, busySinceMs, workedAtMs } = followed
  return { runtimeKey, process, watchedSinceMs, seenAtMs, busySinceMs, workedAtMs, processorMs, graphicsMs, days }
}

/** Puts what is known of their use into the stories. */
export function tellUse(stories: readonly Runtime[], uses: ReadonlyMap<string, UseOverTime>): readonly Runtime[] {
  return stories.map((story) => {
    const use = uses.get(story.runtimeKey)
    return use === undefined ? story : { ...story, use }
  })
}
