// That no reader could be started: known for a while, so that nobody waits for try after try, and told once for each try.
import { type ReaderEnd, readerLost } from './reader-process.ts'

/** Nobody waits for another try before this time: each takes up to `startMs`. */
const RETRY_MS = 30_000

export class FailedStart {
  readonly #nowMs: () => number
  #last: { readonly end: ReaderEnd; readonly untilMs: number } | null = null
  #told: ReaderEnd | null = null

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Throws what the last try ended with, while that was a moment ago. */
  throwIfRecent(): void {
    if (this.#last !== null && this.#nowMs() < this.#last.untilMs) throw readerLost(this.#last.end)
  }

  /** To throw: all ways were tried. */
  note(): Error {
    const end: ReaderEnd = { code: null, signal: null, endedFor: null, detail: 'it could not be started' }
    this.#last = { end, untilMs: this.#nowMs() + RETRY_MS }
    return readerLost(end)
  }

  /** True for an end that was told before: many wait for one reader. */
  isTold(end: ReaderEnd): boolean {
    if (end !== this.#last?.end) return false
    if (end === this.#told) return true
    this.#told = end
    return false
  }
}
