// Reads weights in a process without rights: keeps one while there is something to read, hands out bytes of what this process opened,
// and goes on with the next reader when one ends over a file.
import type { DraftArtifact } from '../read/read-candidates.ts'
import type { StoreFind } from '../read/store-reader.ts'
import type { WeightsReader } from '../weights-reader.ts'
import { type Bounds, boundsOf, checkDraft, checkFind, checkPlace } from './check-found.ts'
import { HandOut, type HandOutOptions } from './hand-out.ts'
import { contentKey, keyOf } from './handed-files.ts'
import { type HeldFinds, holdFinds } from './held-finds.ts'
import { type EndedStep, lostReader, type ReaderProcess, type StepServer } from './reader-process.ts'
import { Readers, type ReadersOptions } from './readers.ts'
import type { Aside, Note } from './requests.ts'
import type { Isolation } from './start-reader.ts'
import { refusalOf, TaskAccount } from './task-account.ts'
import { TaskAllowance } from './task-allowance.ts'
import { type Task, type ToldTask, toldOptions } from './tasks.ts'

/** Readers that end over one folder: after this many its rest waits for the next sweep. */
const MAX_LOST = 4
const NOTHING = new Uint8Array(0)
const MAX_FORMAT_CHARS = 64
const UNFIT = 'what the reader told of it does not fit the files that it was given'
/** No device and inode. */
const NO_FILE = ''

export type SeparateReaderOptions = ReadersOptions

export interface SeparateReader extends WeightsReader {
  /** Ends the reader at once. */
  readonly end: () => void
  /** Processor time of all readers so far. */
  readonly processorMs: () => number
  /** The reader that runs now. */
  readonly running: () => { readonly pid: number; readonly isolation: Isolation } | null
  /** The rights of the reader that was started last; null before the first one. */
  readonly isolation: () => Isolation | null
}

export function createSeparateReader(options: SeparateReaderOptions = {}): SeparateReader {
  const readers = new Readers(options)
  return {
    readCandidates: (candidates, reading) =>
      readWith<DraftArtifact>(readers, { what: 'candidates', candidates, options: reading }, checkDraft),
    readStore: (reader, folder, reading) =>
      readWith<StoreFind>(readers, { what: 'store', reader, folder, options: reading }, checkFind),
    sniffFormat: async (file) => await sniffWith(readers, { what: 'sniff', file }),
    end: () => readers.end(),
    processorMs: () => readers.processorMs,
    running: () => readers.running,
    isolation: () => readers.isolation,
  }
}

type Check<T> = (value: unknown, bounds: Bounds, handOut: HandOut) => T | null
type ReadTask = Exclude<Task, { readonly what: 'sniff' }>

async function* readWith<T extends DraftArtifact | StoreFind>(
  readers: Readers,
  task: ReadTask,
  check: Check<T>,
): AsyncGenerator<T> {
  const { signal } = task.options
  const account = new TaskAccount(task)
  for (let lost = 0; lost <= MAX_LOST && !signal.aborted; lost += 1) {
    const isOver = yield* findsOf(new Run(readers, task, account), check, account)
    if (isOver) {
      account.finish()
      return
    }
  }
  if (!signal.aborted)
    account.tellTrouble(
      'one reader after the other ended over files of this folder; the rest is read by the next sweep',
    )
}

/** True when there is nothing more to read; false when the reader was lost, and the next one may go on. */
async function* findsOf<T extends DraftArtifact | StoreFind>(
  run: Run,
  check: Check<T>,
  account: TaskAccount,
): AsyncGenerator<T, boolean> {
  account.beginAnew()
  try {
    yield* checkedFinds(run, check, account)
    return true
  } catch (error) {
    return run.endsTask(error)
  } finally {
    run.close()
  }
}

async function* checkedFinds<T extends DraftArtifact | StoreFind>(
  run: Run,
  check: Check<T>,
  account: TaskAccount,
): AsyncGenerator<T> {
  const before = account.toldSoFar
  for (let step = await run.next(); step.op === 'found'; step = await run.next()) {
    if (!account.hasRoom()) {
      run.distrust('more models were told of it than a sweep keeps; the rest was cut')
      return
    }
    const found = check(step.found, run.bounds, run.handOut)
    if (found === null) run.distrust(UNFIT)
    else if (account.note(found, before)) yield found
  }
}

async function sniffWith(
  readers: Readers,
  task: Task & { readonly what: 'sniff' },
): Promise<string | null | undefined> {
  const account = new TaskAccount(task)
  const run = new Run(readers, task, account)
  try {
    const { op, value } = await run.next()
    if (op !== 'end') run.distrust(UNFIT)
    return typeof value === 'string' && value.length <= MAX_FORMAT_CHARS ? value : null
  } catch (error) {
    run.endsTask(error)
    // A file whose first bytes end a reader is no known weights, and is told as every file is that ends one. Of any other nothing is known.
    return account.refused.has(keyOf(task.file.identity)) ? null : undefined
  } finally {
    run.close()
  }
}

/** One task at one reader. */
class Run {
  readonly handOut: HandOut
  readonly bounds: Bounds
  readonly #readers: Readers
  readonly #task: Task
  readonly #account: TaskAccount
  readonly #held: HeldFinds | null
  readonly #allowance: TaskAllowance
  #isDistrusted = false
  #reader: ReaderProcess | null = null
  #id = 0
  /** The reader was lost in a step of this task, and not in that of another one. */
  #isOwnLoss = false

  constructor(readers: Readers, given: Task, account: TaskAccount) {
    const { task, held } = holdFinds(given)
    this.#held = held
    this.#readers = readers
    this.#task = task
    this.#account = account
    this.bounds = boundsOf(task)
    this.#allowance = new TaskAllowance(
      readers.patience,
      task.what === 'sniff' ? 0 : (task.options.hidden?.room.bytes ?? 0),
    )
    const refuse: HandOutOptions['refuse'] = (identity) => account.refused.get(keyOf(identity)) ?? null
    this.handOut = new HandOut(task, { refuse, allowance: this.#allowance })
    readers.enter()
  }

  async next(): Promise<EndedStep> {
    return await this.#readers.inTurn(async () => {
      this.#isOwnLoss = this.#reader?.isGone !== true
      const isFirst = this.#reader === null
      this.#reader ??= await this.#readers.reader()
      if (!isFirst) return await this.#step({ do: 'next', id: this.#id }, NOTHING)
      this.#id = this.#readers.nextId()
      const { head, data } = this.#told()
      return await this.#step({ do: 'start', id: this.#id, ...head }, data)
    })
  }

  /** Sets the file aside that was open when the reader was lost; true where there is none to try without. Other errors are thrown. */
  endsTask(error: unknown): boolean {
    const end = lostReader(error)
    if (end === undefined) throw error
    if (end.endedFor === 'nonsense') this.#account.distrust()
    if (this.#readers.isEnded || this.#isStopped) return true
    if (!this.#isOwnLoss) return false
    const jobs = this.#task.what === 'sniff' ? [this.#task.file] : this.handOut.jobs
    // No file is to blame where no reader came to read it.
    const job = this.#reader === null ? null : (jobs.at(-1) ?? null)
    this.#readers.onLost(end, job)
    if (job !== null) {
      this.#readers.suspects.refuse(keyOf(job.identity), end, this.#account.refused)
      return false
    }
    // Lost between two files: once that may be anybody's doing.
    const isFirst = !this.#account.refused.has(NO_FILE)
    this.#account.refused.set(NO_FILE, refusalOf(end))
    if (!isFirst)
      this.#account.tellTrouble(`the reader ended (${end.detail}); what else lies there is read by the next sweep`)
    return !isFirst
  }

  get #isStopped(): boolean {
    return this.#task.what !== 'sniff' && this.#task.options.signal.aborted
  }

  /** Tells why, and ends the reader with this task. */
  distrust(detail: string): void {
    this.#isDistrusted = true
    this.#account.tellTrouble(detail)
  }

  close(): void {
    this.handOut.releaseAll()
    if (this.#isDistrusted) this.#reader?.distrust()
    if (!this.#isDistrusted && this.#reader?.isDistrusted !== true) this.#held?.keep()
    if (this.#reader !== null && !this.#reader.isGone) this.#reader.tell({ do: 'drop', id: this.#id })
    this.#readers.leave()
  }

  async #step(head: Readonly<Record<string, unknown>>, data: Uint8Array): Promise<EndedStep> {
    const reader = this.#reader
    if (reader === null) throw new Error('a step without a reader')
    const stop = (): void => reader.kill()
    const signal = this.#task.what === 'sniff' ? undefined : this.#task.options.signal
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted === true) stop()
    try {
      return await reader.step(head, data, this.#server())
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  #server(): StepServer {
    return {
      aside: (aside) => this.#note(aside),
      answer: (request, data) => this.handOut.answer(request, data),
      heard: (bytes) => this.#allowance.move(bytes),
      overrun: (step) => this.#allowance.overrun(step),
      spent: (step) => this.#allowance.spend(step),
    }
  }

  #note({ closed, notes, processorMs, roomBytes }: Aside): void {
    this.handOut.release(closed)
    this.#readers.told(processorMs)
    if (this.#task.what === 'sniff') return
    const { hidden } = this.#task.options
    if (hidden !== undefined) hidden.room.bytes = Math.min(hidden.room.bytes, roomBytes)
    for (const note of notes) this.#hear(note)
  }

  #hear(note: Note): void {
    if (this.#task.what === 'sniff') return
    const { onProgress, hidden } = this.#task.options
    if (note.kind === 'gap') this.#account.hear(checkPlace(note.gap, this.bounds))
    else if (note.kind === 'progress') onProgress?.(note)
    else this.#remember(note, hidden)
  }

  #remember({ key, found }: Note & { readonly kind: 'hidden' }, hidden: ReadTask['options']['hidden']): void {
    const [dev = '', inode = ''] = key.split(':')
    const identity = this.handOut.files.identityOf({ dev, inode })
    // By nothing but what the file is asked for again: other words would fill the memory of all files.
    if (hidden !== undefined && identity !== undefined && key === contentKey(identity)) hidden.found.set(key, found)
  }

  #told(): {
    readonly head: { readonly task: ToldTask } & Readonly<Record<string, unknown>>
    readonly data: Uint8Array
  } {
    const task = this.#task
    if (task.what === 'sniff') {
      const { head, data } = this.handOut.toldFile(this.handOut.lend({ file: task.file }))
      return { head: { task: { what: 'sniff' }, ...head }, data }
    }
    const options = toldOptions(task.options)
    if (task.what === 'candidates')
      return { head: { task: { what: 'candidates', count: task.candidates.length, options } }, data: NOTHING }
    const folder = { at: this.handOut.lend({ folder: task.folder }), path: task.folder.path }
    return { head: { task: { what: 'store', reader: task.reader.id, folder, options } }, data: NOTHING }
  }
}
