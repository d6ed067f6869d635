// What one task was told so far, by however many readers: which models and how many gaps (a reader that a file took over has no end of
// them), which files are not opened any more, and whether one of its readers told nonsense.
import type { Failure } from '../../contract/failure.ts'
import type { Gap } from '../../contract/wire.ts'
import type { DraftArtifact } from '../read/read-candidates.ts'
import type { StoreFind } from '../read/store-reader.ts'
import type { ReaderEnd } from './reader-process.ts'
import type { Task } from './tasks.ts'

/** Of a store; of a folder's files as many as there are. A sweep keeps 10,000 models (CWE-770). */
const MAX_FINDS = 10_000
/** Of the paths of models: those of 300,000 files (CWE-770). */
const MAX_PATHS_CHARS = 33_554_432
/** A folder of 300,000 files has a gap for few of them (CWE-770). */
const MAX_GAPS = 100_000

export class TaskAccount {
  /** Why a file, by device and inode, is not opened again. */
  readonly refused = new Map<string, Failure>()
  readonly #task: Task
  readonly #maxFinds: number
  readonly #told = new Set<string>()
  #finds = 0
  #chars = 0
  #gaps = 0
  #isDistrusted = false
  #hasToldTrouble = false

  constructor(task: Task) {
    this.#task = task
    this.#maxFinds = task.what === 'candidates' ? Math.max(MAX_FINDS, task.candidates.length) : MAX_FINDS
  }

  /** Paths that were told until now: a second reader begins anew. */
  get toldSoFar(): ReadonlySet<string> {
    return new Set(this.#told)
  }

  /** False for one of those that were told before this reader began. */
  note(found: DraftArtifact | StoreFind, before: ReadonlySet<string>): boolean {
    const { path } = 'draft' in found ? found.draft : found
    if (!this.#told.has(path)) this.#chars += path.length
    this.#told.add(path)
    return !before.has(path)
  }

  /** Counts one more find, fit or not; false beyond the bound. */
  hasRoom(): boolean {
    this.#finds += 1
    return this.#finds <= this.#maxFinds && this.#chars <= MAX_PATHS_CHARS
  }

  /** The next reader tells its models anew. */
  beginAnew(): void {
    this.#finds = 0
  }

  /** A gap that a reader told. */
  hear(gap: Gap): void {
    this.#gaps += 1
    if (this.#gaps <= MAX_GAPS) this.#onGap?.(gap)
    else if (this.#gaps === MAX_GAPS + 1)
      this.tellTrouble(`more than ${MAX_GAPS} gaps were told of it; the rest was cut`)
  }

  /** A gap after which nothing of this reading is kept for the next sweep. */
  tellTrouble(detail: string): void {
    this.#hasToldTrouble = true
    this.#onGap?.({ code: 'GNO_READ_INTERRUPTED', place: this.#place, count: 1, detail })
  }

  /** A reader of this task told nonsense: what it told before may be no better. */
  distrust(): void {
    this.#isDistrusted = true
  }

  finish(): void {
    if (this.#isDistrusted && !this.#hasToldTrouble)
      this.tellTrouble(
        'a reader told what no reader tells; what else it told of this folder is read anew by the next sweep',
      )
  }

  get #onGap(): ((gap: Gap) => void) | undefined {
    return this.#task.what === 'sniff' ? undefined : this.#task.options.onGap
  }

  get #place(): string {
    if (this.#task.what === 'sniff') return this.#task.file.path
    return this.#task.what === 'store' ? this.#task.folder.path : (this.#task.candidates[0]?.path ?? '')
  }
}

export function refusalOf({ detail }: ReaderEnd): Failure {
  return { code: 'GNO_READ_INTERRUPTED', detail: `the process that reads files ended over this one (${detail})` }
}
