// How long one step of a reader lasts, by its own processor and by the clock, without the time in which it waits for an answer of ours.
// A reader that asks something now and then is never silent; this is what ends it all the same (CWE-400).

export interface StepLimits {
  /** Of the reader's own processor: 300,000 files that are no models take some minutes. */
  readonly stepProcessorMs: number
  /** By the clock, without what we do for it. */
  readonly stepMs: number
  /** By the clock, with the digests that we make for it: at 100 MB/s more than any model has. */
  readonly stepWithAnswersMs: number
}

export const STEP_LIMITS: StepLimits = { stepProcessorMs: 600_000, stepMs: 3_600_000, stepWithAnswersMs: 21_600_000 }

/** What one step took, without the time in which the worker answered. */
export interface StepTime {
  readonly processorMs: number
  readonly ownMs: number
}

export class StepClock {
  readonly #limits: StepLimits
  #beganMs = 0
  #processorMs = 0
  #answeringMs = 0
  #askedMs: number | null = null

  constructor(limits: StepLimits) {
    this.#limits = limits
  }

  begin(processorMs: number): void {
    this.#beganMs = performance.now()
    this.#processorMs = processorMs
    this.#answeringMs = 0
    this.#askedMs = null
  }

  asked(): void {
    this.#askedMs = performance.now()
  }

  answered(): void {
    if (this.#askedMs !== null) this.#answeringMs += performance.now() - this.#askedMs
    this.#askedMs = null
  }

  /** What the step took so far, without what we did for it. */
  spent(processorMs: number): StepTime {
    const nowMs = performance.now()
    const answeringMs = this.#answeringMs + (this.#askedMs === null ? 0 : nowMs - this.#askedMs)
    return { processorMs: processorMs - this.#processorMs, ownMs: nowMs - this.#beganMs - answeringMs }
  }

  /** Why the step has to end now; null while it may go on. */
  overrun(processorMs: number): string | null {
    const passedMs = performance.now() - this.#beganMs
    const { processorMs: spentMs, ownMs } = this.spent(processorMs)
    const { stepProcessorMs, stepMs, stepWithAnswersMs } = this.#limits
    if (spentMs < stepProcessorMs && ownMs < stepMs && passedMs < stepWithAnswersMs) return null
    return `one step took ${Math.round(spentMs / 1000)} s of its processor time, ${Math.round(passedMs / 1000)} s by the clock`
  }
}
