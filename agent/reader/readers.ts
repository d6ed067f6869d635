// The one process beside this one that reads: started when there is something to read, ended when nobody asks, and asked by one task at a
// time.
import { FailedStart } from './failed-start.ts'
import type { OpenJob } from './hand-out.ts'
import { type ReaderEnd, type ReaderPatience, ReaderProcess, type Start } from './reader-process.ts'
import {
  type Isolation,
  readerProgram,
  startReader,
  surroundings,
  type Way,
  WaysInTurn,
  waysToStart,
} from './start-reader.ts'
import { STEP_LIMITS } from './step-clock.ts'
import { Suspects } from './suspects.ts'

/** A sweep asks every few milliseconds; at rest the reader costs nothing. */
const IDLE_MS = 30_000
const PATIENCE: ReaderPatience = {
  startProcessorMs: 10_000,
  startMs: 120_000,
  silentProcessorMs: 60_000,
  silentMs: 300_000,
  ...STEP_LIMITS,
}

export interface ReadersOptions {
  /** A reader ended in a step; the file that was open, where one was. */
  readonly onLost?: (end: ReaderEnd, job: OpenJob | null) => void
  /** A reader started; `isFallback` where the way with the fewest rights did not work. */
  readonly onStarted?: (isolation: Isolation, isFallback: boolean) => void
  readonly idleMs?: number
  readonly patience?: Partial<ReaderPatience>
  /** The ways to start it, tried in turn. */
  readonly ways?: readonly Way[]
  readonly nowMs?: () => number
}

/** The one reader at a time, and who waits for it. */
export class Readers {
  readonly #options: ReadersOptions
  readonly patience: ReaderPatience
  readonly #nowMs: () => number
  #ways: WaysInTurn | null = null
  #reader: { readonly process: ReaderProcess; readonly isolation: Isolation } | null = null
  #turn: Promise<unknown> = Promise.resolve()
  #tasks = 0
  #lastId = 0
  #idle: NodeJS.Timeout | undefined
  #before = 0
  readonly suspects = new Suspects()
  #told = 0
  readonly #failed: FailedStart
  isolation: Isolation | null = null
  isEnded = false

  constructor(options: ReadersOptions) {
    this.#options = options
    this.patience = { ...PATIENCE, ...options.patience }
    this.#nowMs = options.nowMs ?? (() => performance.now())
    this.#failed = new FailedStart(this.#nowMs)
  }

  /** Of all readers so far: what the system tells of them, and their own word where it tells nothing. */
  get processorMs(): number {
    return this.#before + (this.#reader?.process.processorMs ?? this.#told)
  }

  get running(): { readonly pid: number; readonly isolation: Isolation } | null {
    const { process, isolation } = this.#reader ?? {}
    if (process?.pid === undefined || process.isGone || isolation === undefined) return null
    return { pid: process.pid, isolation }
  }

  /** What the reader says of itself. */
  told(processorMs: number): void {
    this.#told = Math.max(this.#told, processorMs)
  }

  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  enter(): void {
    this.#tasks += 1
    clearTimeout(this.#idle)
  }

  leave(): void {
    this.#tasks -= 1
    if (this.#tasks > 0) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.#drop(), this.#options.idleMs ?? IDLE_MS).unref()
  }

  /** One step at a time, in the order of asking. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return await result
  }

  onLost(end: ReaderEnd, job: OpenJob | null): void {
    if (!this.#failed.isTold(end)) this.#options.onLost?.(end, job)
  }

  end(): void {
    this.isEnded = true
    clearTimeout(this.#idle)
    this.#drop()
  }

  async reader(): Promise<ReaderProcess> {
    if (this.#reader !== null && !this.#reader.process.isGone) return this.#reader.process
    this.#drop()
    this.#failed.throwIfRecent()
    this.#ways ??= new WaysInTurn(this.#options.ways ?? waysToStart(readerProgram(), surroundings()), this.#nowMs)
    for (const way of this.#ways.toTry()) {
      if (this.isEnded) break
      const { process, start } = await this.#start(way)
      // With fewer rights or not at all: what is slow now is tried again when something is to be read.
      if (start === 'late') break
      if (start === 'refused') continue
      this.#ways.worked(way)
      this.#reader = { process, isolation: way.isolation }
      this.isolation = way.isolation
      this.#options.onStarted?.(way.isolation, this.#ways.isFallback(way))
      return process
    }
    throw this.#failed.note()
  }

  async #start(way: Way): Promise<{ readonly process: ReaderProcess; readonly start: Start }> {
    const first = new ReaderProcess(startReader(way), this.patience)
    const start = await first.ready()
    if (start !== 'late' || !first.isGone || this.isEnded) return { process: first, start }
    // Somebody ended it, perhaps for what the one before it did: once is no reason to leave everything unread.
    const second = new ReaderProcess(startReader(way), this.patience)
    return { process: second, start: await second.ready() }
  }

  #drop(): void {
    this.#before = this.processorMs
    this.#told = 0
    this.#reader?.process.kill()
    this.#reader = null
  }
}
