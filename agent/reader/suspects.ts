// Files over which a reader was ended by others: it may have been reading anything, so its file gets another try, once.
import type { Failure } from '../../contract/failure.ts'
import type { ReaderEnd } from './reader-process.ts'
import { refusalOf } from './task-account.ts'

/** Files that are remembered (CWE-770). */
const MAX_SUSPECTS = 1_000

export class Suspects {
  readonly #keys = new Set<string>()

  /** Refuses the file for the rest of its task, unless somebody else ended the reader and it was not open then before. */
  refuse(key: string, end: ReaderEnd, refused: Map<string, Failure>): void {
    const isKilled = end.signal === 'SIGKILL' && end.endedFor === null
    if (!isKilled || this.#keys.has(key)) refused.set(key, refusalOf(end))
    if (this.#keys.size >= MAX_SUSPECTS) this.#keys.clear()
    this.#keys.add(key)
  }
}
