// How the reader asks the worker: what its files and its tasks have in common.
import type { FileIdentity } from '../../contract/observation.ts'
import type { Frame, Head } from './frames.ts'
import type { Hidden, Note } from './requests.ts'

/** What the files of a task ask the worker through. */
export interface Ask {
  /** The answer's data is valid until the next question. */
  readonly question: (head: Head, data?: Uint8Array) => Frame
  /** Told with the next frame. */
  readonly close: (at: number) => void
  readonly note: (note: Note) => void
  /** What the worker knows of a model inside a file. */
  readonly recall: (identity: FileIdentity, hidden: Hidden | null) => void
}
