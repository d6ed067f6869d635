// Collects what could not be read of one artifact, and decides what that says about the file: damaged by its own fault
// (malformed), not readable for reasons outside it (unscannable), or simply not computed.
import type { Verdict } from '../../contract/artifact.ts'
import type { FailureCode } from '../../contract/failure.ts'
import { printable, shorten } from '../../contract/printable.ts'
import { type Gap, MAX_PATH_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import { troubleOf } from './cursor.ts'

/** The first gaps tell the story; a file with thousands of broken tensors must not fill a report (CWE-770). */
const MAX_GAPS = 16
/** Longest name from a file that is repeated in a detail. */
const MAX_QUOTED_CHARS = 96

const MALFORMED: ReadonlySet<FailureCode> = new Set([
  'GNO_READ_TRUNCATED',
  'GNO_READ_LIMIT',
  'GNO_READ_INVALID',
  'GNO_READ_OVERLAP',
])
const UNSCANNABLE: ReadonlySet<FailureCode> = new Set([
  'GNO_READ_CHANGED',
  'GNO_READ_VANISHED',
  'GNO_READ_DENIED',
  'GNO_READ_IO',
  'GNO_READ_INTERRUPTED',
  'GNO_READ_BUDGET',
  'GNO_READ_LOCKED',
])

/** A name from a file, made safe and short for a detail. */
export function quoted(name: string): string {
  return `"${shorten(printable(name), MAX_QUOTED_CHARS).replaceAll('"', "'")}"`
}

/** The gaps of one artifact. */
export class GapList {
  readonly #place: string
  readonly #gaps = new Map<string, Gap>()
  #isMalformed = false
  #isUnscannable = false

  constructor(place: string) {
    this.#place = place.slice(0, MAX_PATH_CHARS)
  }

  /** Records trouble with the file itself. */
  blame(code: FailureCode, detail: string): void {
    if (MALFORMED.has(code)) this.#isMalformed = true
    if (UNSCANNABLE.has(code)) this.#isUnscannable = true
    this.note(code, detail)
  }

  /** Records something that was not looked at, without blaming the file. */
  note(code: FailureCode, detail: string): void {
    const isFull = this.#gaps.size >= MAX_GAPS
    const told = isFull ? 'more of the same kind' : detail.slice(0, MAX_SENTENCE_CHARS)
    const key = `${code} ${told}`
    const known = this.#gaps.get(key)
    this.#gaps.set(key, { code, place: this.#place, count: (known?.count ?? 0) + 1, detail: told })
  }

  /** Runs a piece of reading; trouble in it becomes a gap and `undefined`. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      const failure = troubleOf(error)
      if (failure === undefined) throw error
      this.blame(failure.code, failure.detail)
      return undefined
    }
  }

  /** Takes over what a neighbour (config.json) could not tell, without blaming the weights for it. */
  adopt(other: GapList): void {
    for (const [key, gap] of other.#gaps) this.#gaps.set(`${gap.place} ${key}`, gap)
  }

  /** A file that changed under us, or that we could not read to the end, is not accused of being malformed by accident. */
  verdict(): Verdict {
    const hasChanged = [...this.#gaps.values()].some((gap) => gap.code === 'GNO_READ_CHANGED')
    if (this.#isMalformed && !hasChanged) return 'malformed'
    return this.#isUnscannable ? 'unscannable' : 'unchecked'
  }

  list(): readonly Gap[] {
    return [...this.#gaps.values()]
  }
}
