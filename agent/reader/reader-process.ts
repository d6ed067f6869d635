// One running reader, as the worker has it: sends it a step, answers its questions, and knows how it ended. Nothing that it writes is
// believed, and nothing that it does keeps the worker waiting for ever.
import type { ChildProcess } from 'node:child_process'
import { measureProcess } from '../supervisor/measure-worker.ts'
import { type Frame, FROM_READER, frameBytes, FrameCutter, type Head } from './frames.ts'
import type { Answer } from './hand-out.ts'
import { StepClock, type StepLimits, type StepTime } from './step-clock.ts'
import { type Aside, readAside, readRequest, readStepEnd, type Request, type StepEnd } from './requests.ts'

/** How often a silent reader is looked at. */
const LOOK_EVERY_MS = 2_000
/** What it wrote last is heard by then, once it has ended. */
const LAST_WORDS_MS = 1_000
const NO_TIME: StepTime = { processorMs: 0, ownMs: 0 }
/** What one that hears nothing may have written ahead (CWE-770). */
const MAX_AHEAD_BYTES = FROM_READER.headBytes + FROM_READER.dataBytes + 65_536

export interface ReaderPatience extends StepLimits {
  /** Its own processor time in which it has to be there: the runtime takes a tenth of a second. */
  readonly startProcessorMs: number
  /** The same by the clock: the last in turn on a busy machine starts late, and is no failure for that. */
  readonly startMs: number
  /** Its own processor time in which it asks nothing and tells nothing: the longest honest step takes some seconds. */
  readonly silentProcessorMs: number
  /** The same by the clock, for systems that do not tell of processes, and for one that was stopped. */
  readonly silentMs: number
}

/** `refused` ended by itself before it was there; `late` was too slow, or others ended it: another time it may be there. */
export type Start = 'ready' | 'refused' | 'late'

/** Starting a process fails with these while a machine has too little of something. */
const PASSING = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE'])

/** How a reader ended. */
export interface ReaderEnd {
  readonly code: number | null
  readonly signal: string | null
  /** Why we ended it, where we did. */
  readonly endedFor: 'silence' | 'nonsense' | null
  readonly detail: string
}

const LOST = new WeakMap<Error, ReaderEnd>()

/** Thrown where a step has no end since its reader has one. */
export function readerLost(end: ReaderEnd): Error {
  const error = new Error(`the reader ended: ${end.detail}`)
  LOST.set(error, end)
  return error
}

/** How the reader behind an error ended; undefined for any other error. */
export function lostReader(error: unknown): ReaderEnd | undefined {
  return error instanceof Error ? LOST.get(error) : undefined
}

/** Who serves a step. What it throws ends the reader. */
export interface StepServer {
  /** Bytes that the reader wrote. */
  readonly heard: (bytes: number) => void
  /** Why the task has to end, with what this step took; null while it may go on. */
  readonly overrun: (step: StepTime) => string | null
  /** What the step took, once it is over. */
  readonly spent: (step: StepTime) => void
  readonly aside: (aside: Aside) => void
  readonly answer: (request: Request, data: Uint8Array) => Answer | Promise<Answer>
}

export interface EndedStep extends StepEnd {
  /** What was found. */
  readonly found: unknown
}

interface Exchange {
  readonly server: StepServer
  readonly resolve: (end: EndedStep) => void
  readonly reject: (error: Error) => void
}

export class ReaderProcess {
  readonly #child: ChildProcess
  readonly #patience: ReaderPatience
  readonly #cutter = new FrameCutter(FROM_READER)
  readonly #gone: Promise<ReaderEnd>
  #end: ReaderEnd | null = null
  #endedFor: ReaderEnd['endedFor'] = null
  #trouble = ''
  #exchange: Exchange | null = null
  readonly #clock: StepClock
  #isAnswering = false
  /** It does not take what we wrote. */
  #isDeaf = false
  #onReady: (start: Start) => void = () => undefined
  #failedAs: Start = 'late'
  #isReady = false
  #processorMs: number | null = null
  /** Counts what was heard; with the last look, it tells how long nothing was. */
  #heard = 0
  #looked = { heard: -1, atMs: 0, processorMs: 0 }

  constructor(child: ChildProcess, patience: ReaderPatience) {
    this.#child = child
    this.#patience = patience
    this.#clock = new StepClock(patience)
    this.#gone = new Promise((resolve) => {
      const finish = (code: number | null, signal: string | null, isRefusal: boolean): void => {
        if (this.#end === null && this.#endedFor === null && isRefusal) this.#failedAs = 'refused'
        this.#end ??= { code, signal, endedFor: this.#endedFor, detail: this.#describe(code, signal) }
        this.#onReady(this.#failedAs)
        this.#exchange?.reject(readerLost(this.#end))
        this.#exchange = null
        resolve(this.#end)
      }
      // `close` comes after what it wrote last was heard.
      child.once('close', (code, signal) => finish(code, signal, signal === null))
      child.once('error', (error) => finish(null, null, !('code' in error && PASSING.has(String(error.code)))))
    })
    // A reader that was taken over may leave a child behind that holds the pipes open: nobody waits for that one.
    child.once('exit', () => {
      setTimeout(() => {
        for (const pipe of [child.stdout, child.stdin, child.stderr]) pipe?.destroy()
      }, LAST_WORDS_MS).unref()
    })
    // A child that dies while it is written to makes the pipe fail: told by its end, like every other death.
    child.stdin?.on('error', () => undefined)
    child.stdout?.on('data', (piece: Buffer) => this.#take(piece))
    child.stdout?.on('error', () => undefined)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Processor time so far, as the system tells it, and never as the reader does; null where nothing tells it. */
  get processorMs(): number | null {
    const told = this.pid === undefined || this.#end !== null ? null : measureProcess(this.pid)
    if (told !== null) this.#processorMs = Math.max(this.#processorMs ?? 0, told.processorMs)
    return this.#processorMs
  }

  get isGone(): boolean {
    return this.#end !== null || this.#endedFor !== null
  }

  async ready(): Promise<Start> {
    if (this.#isReady) return 'ready'
    const { startMs, startProcessorMs } = this.#patience
    const timers: NodeJS.Timeout[] = []
    const start = await new Promise<Start>((resolve) => {
      this.#onReady = resolve
      const look = (): void => {
        if ((this.processorMs ?? 0) >= startProcessorMs) resolve('late')
      }
      timers.push(
        setTimeout(() => resolve('late'), startMs),
        setInterval(look, LOOK_EVERY_MS),
      )
      this.#pump()
      if (this.#end !== null) resolve(this.#failedAs)
    })
    for (const timer of timers) clearInterval(timer)
    if (start !== 'ready') this.kill()
    return start
  }

  /** Sends the frame of a step, and serves it until it ends. One at a time. */
  async step(head: Head, data: Uint8Array, server: StepServer): Promise<EndedStep> {
    if (this.#end !== null) throw readerLost(this.#end)
    this.#hold(true)
    this.#hearNow()
    this.#clock.begin(this.processorMs ?? 0)
    const watch = setInterval(() => this.#look(server), LOOK_EVERY_MS)
    // Steps that are shorter than a look are counted all the same.
    const overrun = server.overrun(NO_TIME)
    if (overrun !== null) this.#refuse(overrun)
    try {
      return await new Promise<EndedStep>((resolve, reject) => {
        this.#exchange = { server, resolve, reject }
        this.#write(frameBytes(head, data))
        this.#pump()
      })
    } finally {
      clearInterval(watch)
      server.spent(this.#clock.spent(this.processorMs ?? 0))
      this.#hold(false)
    }
  }

  /** Says something that is not answered. */
  tell(head: Head): void {
    if (this.#end === null) this.#child.stdin?.write(frameBytes(head))
  }

  /** Ends it for what it told: whatever took it over is gone with it. */
  distrust(): void {
    if (!this.isGone) this.#refuse('what it told does not fit the files that it was given')
  }

  get isDistrusted(): boolean {
    return this.#endedFor === 'nonsense'
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Waits until it is gone. */
  async ended(): Promise<ReaderEnd> {
    return await this.#gone
  }

  #describe(code: number | null, signal: string | null): string {
    const how = signal ?? `exit code ${code ?? 'unknown'}`
    return this.#trouble === '' ? how : `${how}: ${this.#trouble}`
  }

  #take(piece: Buffer): void {
    this.#cutter.add(piece)
    if (this.#cutter.heldBytes > MAX_AHEAD_BYTES) this.#refuse('it wrote more than anybody asked for')
    else this.#pump(piece.length)
  }

  /** Serves what was heard, in its order. */
  #pump(heardBytes = 0): void {
    try {
      this.#exchange?.server.heard(heardBytes)
      for (let frame = this.#nextFrame(); frame !== null; frame = this.#nextFrame()) {
        this.#hearNow()
        this.#serve(frame)
      }
    } catch (error) {
      this.#refuse(error instanceof Error ? error.message : 'nonsense')
    }
  }

  #nextFrame(): Frame | null {
    if (this.#isAnswering || this.#isDeaf || this.#endedFor !== null) return null
    if (this.#exchange !== null || !this.#isReady) return this.#cutter.take()
    if (this.#cutter.heldBytes > 0) this.#refuse('it spoke without being asked')
    return null
  }

  #serve(frame: Frame): void {
    if (this.#exchange !== null) this.#serveStep(frame, this.#exchange)
    else if (frame.head['op'] === 'ready') {
      this.#isReady = true
      this.#onReady('ready')
    } else this.#refuse('it did not begin as a reader does')
  }

  #serveStep({ head, data }: Frame, exchange: Exchange): void {
    exchange.server.aside(readAside(head))
    const end = readStepEnd(head)
    if (end === null) this.#serveRequest(readRequest(head), data, exchange)
    else this.#finish(exchange, end, data)
  }

  #serveRequest(request: Request | null, data: Uint8Array, exchange: Exchange): void {
    if (request === null) {
      this.#refuse('it asked for what nobody may ask for')
      return
    }
    this.#clock.asked()
    const answer = exchange.server.answer(request, data)
    if (answer instanceof Promise) this.#answerLater(answer)
    else {
      this.#clock.answered()
      this.#send(answer)
    }
  }

  #finish(exchange: Exchange, end: StepEnd, data: Uint8Array): void {
    if (end.op === 'failed') {
      // It ends by itself now; what it says of that goes into its end.
      this.#trouble = String(end.value).slice(0, 300)
      return
    }
    const found: unknown = end.op === 'found' ? JSON.parse(Buffer.from(data).toString('utf8')) : null
    this.#exchange = null
    exchange.resolve({ ...end, found })
  }

  #answerLater(answer: Promise<Answer>): void {
    this.#isAnswering = true
    const goOn = (): void => {
      this.#isAnswering = false
      this.#clock.answered()
      this.#hearNow()
    }
    answer.then(
      (given) => {
        goOn()
        this.#send(given)
        this.#pump()
      },
      (error: unknown) => {
        // A fault of ours, as it would be one without the reader: whoever waits for the step is told.
        goOn()
        this.#exchange?.reject(error instanceof Error ? error : new Error(String(error)))
        this.#exchange = null
        this.kill()
      },
    )
  }

  #send({ head, data }: Answer): void {
    this.#write(frameBytes(head, data))
  }

  /** A reader that asks and does not listen is not asked for more before it does. */
  #write(bytes: Buffer): void {
    const { stdin } = this.#child
    if (stdin === null || stdin.destroyed || stdin.write(bytes)) return
    this.#isDeaf = true
    stdin.once('drain', () => {
      this.#isDeaf = false
      this.#pump()
    })
  }

  #refuse(why: string): void {
    this.#trouble = why
    this.#endedFor = 'nonsense'
    this.kill()
  }

  #hearNow(): void {
    this.#heard += 1
  }

  #look(server: StepServer): void {
    const now = { heard: this.#heard, atMs: performance.now(), processorMs: this.processorMs ?? 0 }
    const overrun = this.#clock.overrun(now.processorMs) ?? server.overrun(this.#clock.spent(now.processorMs))
    if (overrun !== null) {
      this.#refuse(overrun)
      return
    }
    if (this.#isAnswering || now.heard !== this.#looked.heard) {
      this.#looked = now
      return
    }
    const { silentMs, silentProcessorMs } = this.#patience
    const spentMs = now.processorMs - this.#looked.processorMs
    const passedMs = now.atMs - this.#looked.atMs
    if (spentMs < silentProcessorMs && passedMs < silentMs) return
    this.#trouble = `nothing heard for ${Math.round(spentMs / 1000)} s of its processor time, ${Math.round(passedMs / 1000)} s by the clock`
    this.#endedFor = 'silence'
    this.kill()
  }

  /** While it works, our process waits for it; while it idles, it keeps nobody from ending. */
  #hold(isAsked: boolean): void {
    const { stdin, stdout } = this.#child
    for (const each of [this.#child, stdin, stdout]) {
      if (each !== null && 'ref' in each && isAsked) (each as { ref: () => void }).ref()
      else if (each !== null && 'unref' in each) (each as { unref: () => void }).unref()
    }
  }
}
