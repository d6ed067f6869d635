// What a fire drill looks for and says: the target, one look at it, and the stages a person reads.
import type { Result } from '../../contract/failure.ts'
import type { Decoy } from './write-decoy.ts'

/** What one look of the caller saw: a sweep of the drill folder and the processes, delivered, and the collector asked. */
export interface DrillSight {
  /** The decoy was recognised as weights by its content. */
  readonly artifactFound: boolean
  /** The process was reported as a runtime. */
  readonly runtimeFound: boolean
  readonly weightsMapped: boolean
  readonly listenerFound: boolean
  /** Ids of the drill's findings that the collector answers with. */
  readonly findingsAtCollector: readonly string[]
  /** All of those findings carry `simulated: true` there. */
  readonly isSimulated: boolean
  /** Why the collector could not be asked, when it could not. */
  readonly trouble?: string
}

/** What to look for. */
export interface DrillTarget {
  readonly folder: string
  readonly decoyPath: string
  readonly decoy: Decoy
  /** Null when the decoy is only planted. */
  readonly runtime: { readonly pid: number; readonly port: number } | null
  /** Fires when the drill is stopped or its time is over. */
  readonly signal: AbortSignal
}

export interface DrillStage {
  readonly name:
    | 'planted'
    | 'running'
    | 'weights found by content'
    | 'process story'
    | 'listener'
    | 'findings at the collector'
    | 'marked as simulated'
    | 'cleaned up'
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** How long the step took; for what is seen, the time since the decoy lay there, or since its process ran. */
  readonly milliseconds: number
  readonly detail: string
}

/** Tells a stage that began at `since` (of performance.now) and ends now. */
export type RecordStage = (
  name: DrillStage['name'],
  outcome: DrillStage['outcome'],
  since: number,
  detail: string,
) => void

/** One look of the caller at the target: a sweep, a delivery, and a question to the collector. */
export type Observe = (target: DrillTarget) => Promise<Result<DrillSight>>
