// Keeps what the daemon tells short: a trouble is told when it begins, changes and ends, and gaps of one kind are one line with a count.
import { describeFailure, type Failure } from '../contract/failure.ts'
import type { Gap } from '../contract/wire.ts'

/** Watchers fail by the thousand: what comes within this time is one line. */
const GATHER_MS = 1_000
/** The next line of the same kind: a journal shows that it goes on, and does not fill. */
const QUIET_MS = 60_000
/** Places that are told apart while they are gathered (CWE-770). */
const MAX_PLACES = 10_000

/** Tells a trouble once, again when it is another one, and once that it is over (null). */
export function onChange(tell: (failure: Failure | null) => void): (failure: Failure | null) => void {
  let last = ''
  return (failure) => {
    const now = failure === null ? '' : describeFailure(failure)
    if (now !== last) tell(failure)
    last = now
  }
}

/** Runs something later; the program does not wait for it. */
export type Later = (work: () => void, milliseconds: number) => void

interface Gathered {
  readonly first: Gap
  readonly places: Set<string>
  count: number
}

/** What sensors could not look at comes many times over: by code, with its first place. Everything else is told at once. */
export function foldGaps(tell: (gap: Gap) => void, later: Later = laterByTimer): (gap: Gap) => void {
  const gathered = new Map<string, Gathered>()
  const quiet = new Set<string>()
  const flush = (code: string): void => {
    const found = gathered.get(code)
    gathered.delete(code)
    if (found === undefined) return
    tell(lineOf(found))
    quiet.add(code)
    later(() => {
      quiet.delete(code)
      flush(code)
    }, QUIET_MS)
  }
  return (gap) => {
    if (!gap.code.startsWith('GNO_SENSE_')) {
      tell(gap)
      return
    }
    const known = gathered.get(gap.code)
    const into = known ?? { first: gap, places: new Set<string>(), count: 0 }
    into.count += gap.count
    if (into.places.size < MAX_PLACES) into.places.add(gap.place)
    if (known !== undefined) return
    gathered.set(gap.code, into)
    if (!quiet.has(gap.code)) later(() => flush(gap.code), GATHER_MS)
  }
}

function lineOf({ first, places, count }: Gathered): Gap {
  const others = places.size - 1
  return { ...first, count, detail: others === 0 ? first.detail : `${first.detail}; and at ${others} other place(s)` }
}

function laterByTimer(work: () => void, milliseconds: number): void {
  setTimeout(work, milliseconds).unref()
}
