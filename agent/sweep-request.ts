// What a sweep is asked for, and what it remembers for the next one.
import type { Artifact } from '../contract/artifact.ts'
import type { Approval } from '../contract/finding.ts'
import type { Platform } from '../contract/observation.ts'
import type { Coverage } from '../contract/report.ts'
import type { Gap } from '../contract/wire.ts'
import type { ScanTemplate } from '../contract/template-answer.ts'
import type { Pack } from '../rules/pack.ts'
import type { IdentityMemory } from './correlate.ts'
import type { ResolvedFolders } from './labelled-folders.ts'
import type { CloserMemory } from './look-closer.ts'
import type { OpenedMemory } from './memory-test.ts'
import type { DigestMemory } from './read/digest-memory.ts'
import type { HiddenMemory } from './read/hidden-weights.ts'
import type { ReadingMemory } from './recall-drafts.ts'
import type { FolderMemory } from './sense/folder-memory.ts'
import type { ReadGuard } from './read-guard.ts'
import type { OwnUse } from './self/own-use.ts'
import type { HostMemory } from './sense-host.ts'
import type { LabelledFolder } from './settings/labelled-folder.ts'
import type { SweepProgress } from './show/progress.ts'
import type { UseMemory } from './use-over-time.ts'
import type { WeightsMemory } from './weights-in-use.ts'
import type { WeightsReader } from './weights-reader.ts'

export interface SweepOptions {
  readonly hostId: string
  readonly hostName: string
  readonly platform: Platform
  readonly agentVersion: string
  /** Folders to walk; empty for a look at the processes alone. */
  readonly roots: readonly string[]
  /** Look at the hardware again, and let this sweep speak for the whole host. A drill looks at one folder only. */
  readonly isWholeHost: boolean
  /** Files that changed: each is looked at together with its folder, not below it. */
  readonly changed: readonly string[]
  /** Likely places, in the order in which they are walked before the rest. */
  readonly first?: readonly string[]
  /** Somebody named the roots, so they are entered even where a server may hang. */
  readonly entersRemote?: boolean
  /** Nobody named the roots, so the sweep looks into containers as well and says of every kind of place whether it was covered. */
  readonly everywhere?: boolean
  /** What earlier sweeps listed and read; without it everything is listed and read. */
  readonly kept?: KeptSweeps
  readonly excludes: readonly string[]
  /** Our own state: left out, and no blind spot. */
  readonly ownPlaces: readonly string[]
  /** Hash every model file (rung 6). */
  readonly deep: boolean
  /** Digests of earlier sweeps, and who hashes what they do not know. */
  readonly digests: DigestMemory
  readonly approvals: readonly Approval[]
  /** Folders whose open files are counted of processes that run a model; empty or absent: nobody looks. */
  readonly labelledFolders?: readonly LabelledFolder[]
  /** Parses chat templates in a program of its own; without it they are a gap. */
  readonly scanTemplate?: ScanTemplate
  readonly pack: Pack
  /** Sizes of registered decoys: files of such a size are hashed, so that a drill is known for what it is. */
  readonly decoySizes: ReadonlySet<number>
  readonly isSimulated: (sha256: string) => boolean
  /** Models found earlier, by identity, so that a look at the processes alone can name what they map. */
  readonly known: ReadonlyMap<string, Artifact>
  /** What the last walk could and could not see: still true when only the processes are looked at. */
  readonly walked: WalkCoverage | null
  readonly memory: SweepMemory
  /** What the agent knows of its own trouble; without it nothing is told of the agent. */
  readonly own?: () => { readonly coverage: Coverage; readonly gaps: readonly Gap[] }
  /** What the daemon used so far; absent where none runs. */
  readonly ownUse?: () => OwnUse | null
  /** Stands before every file that is opened for reading; without it nobody does. */
  readonly guard?: ReadGuard
  /** Who reads weights; without it this process. */
  readonly reader?: WeightsReader
  /** Process that must not be reported: this one. */
  readonly ownPid: number
  readonly digest: (text: string) => string
  readonly now: () => Date
  readonly signal: AbortSignal
  readonly onProgress: (progress: SweepProgress) => void
}

/** What sweeps keep for those that follow, also over a restart. */
export interface KeptSweeps {
  readonly folders: FolderMemory
  readonly readings: ReadingMemory
}

/** Coverage and blind spots of a walk. */
export interface WalkCoverage {
  readonly coverage: readonly Coverage[]
  readonly gaps: readonly Gap[]
}

/** What one sweep learns for the next: made once a program. */
export interface SweepMemory {
  readonly sensed: HostMemory
  readonly weights: WeightsMemory
  /** Files that no reader knows, and the models inside them. */
  readonly hidden: HiddenMemory
  readonly identified: IdentityMemory
  readonly closer: CloserMemory
  readonly use: UseMemory
  readonly opened: OpenedMemory
  /** Where the labelled folders lie without links. */
  readonly labelled: ResolvedFolders
}
