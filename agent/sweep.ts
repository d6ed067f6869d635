// One sweep: sense -> read -> identify -> correlate -> judge. Joins the parts that do not know each other, and decides nothing itself.
import type { Artifact } from '../contract/artifact.ts'
import type { Approval } from '../contract/finding.ts'
import type { Platform } from '../contract/observation.ts'
import { judge } from '../rules/judge.ts'
import type { Pack } from '../rules/pack.ts'
import type { SweepResult } from './report/outbox.ts'
import { hostOf, type HostMemory, type Sensed, senseHost } from './sense-host.ts'
import type { SweepProgress } from './show/progress.ts'
import { sweepFiles } from './sweep-files.ts'
import { sweepProcesses } from './sweep-processes.ts'
import type { IdentityMemory } from './correlate.ts'
import type { WeightsMemory } from './weights-in-use.ts'

export interface SweepOptions {
  readonly hostId: string
  readonly hostName: string
  readonly platform: Platform
  readonly agentVersion: string
  /** Folders to walk; empty for a look at the processes alone. */
  readonly roots: readonly string[]
  /** Files that changed: each is looked at together with its folder, not below it. */
  readonly changed: readonly string[]
  readonly excludes: readonly string[]
  /** Hash every model file (rung 6). */
  readonly deep: boolean
  readonly approvals: readonly Approval[]
  readonly pack: Pack
  /** Sizes of registered decoys: files of such a size are hashed, so that a drill is known for what it is. */
  readonly decoySizes: ReadonlySet<number>
  readonly isSimulated: (sha256: string) => boolean
  /** Models found earlier, by identity, so that a look at the processes alone can name what they map. */
  readonly known: ReadonlyMap<string, Artifact>
  readonly memory: SweepMemory
  /** Process that must not be reported: this one. */
  readonly ownPid: number
  readonly digest: (text: string) => string
  readonly now: () => Date
  readonly signal: AbortSignal
  readonly onProgress: (progress: SweepProgress) => void
}

/** What one sweep learns for the next: made once a program. */
export interface SweepMemory {
  readonly sensed: HostMemory
  readonly weights: WeightsMemory
  readonly identified: IdentityMemory
}

/** What a sweep found, and its artifacts by file identity for the next look at the processes. */
export interface Swept {
  readonly result: SweepResult
  readonly byIdentity: ReadonlyMap<string, Artifact>
}

/** Sweeps once. Never rejects for what it meets: everything that could not be looked at is a gap in the result. */
export async function sweep(options: SweepOptions): Promise<Swept> {
  const startedAt = options.now().toISOString()
  const isWhole = options.roots.length > 0
  const files = await sweepFiles(options)
  const { platform, signal, now } = options
  const sensed = await senseHost({ platform, memory: options.memory.sensed, isWhole, signal, now })
  const running = await sweepProcesses(sensed, files, options)
  const seen = {
    coverage: [...sensed.coverage, ...files.coverage],
    gaps: [...sensed.gaps, ...files.gaps],
    artifacts: uniqueByPath([...files.artifacts, ...running.artifacts]),
    runtimes: running.runtimes,
  }
  const { hostId, hostName, agentVersion, pack, approvals, digest } = options
  const observedAt = now().toISOString()
  const result: SweepResult = {
    schema: 'gnomon-scan/1',
    host: hostOf(sensed.host, { hostId, hostName, platform, agentVersion, packVersion: pack.version }),
    startedAt,
    finishedAt: observedAt,
    ...seen,
    findings: judge({ hostId, observedAt, ...seen, approvals, digest }, pack),
    coveredPaths: files.coveredPaths,
    uncoveredPaths: files.gaps.map((gap) => gap.place),
    coveredProcesses: sawAllProcesses(sensed),
    coveredHost: isWhole,
  }
  return { result, byIdentity: running.byIdentity }
}

/** A model that was found on disk and in use is one artifact. */
function uniqueByPath(artifacts: readonly Artifact[]): readonly Artifact[] {
  return [...new Map(artifacts.map((artifact) => [artifact.path, artifact])).values()]
}

/**
 * True when a story that is missing is over. A process that could be listed but not looked into was like that before, and one
 * that ended while it was looked at has ended; only a list that was cut or a sensor that failed leaves the question open.
 */
function sawAllProcesses({ coverage, gaps }: Sensed): boolean {
  const entry = coverage.find(({ sensor }) => sensor.endsWith('-processes'))
  if (entry === undefined || entry.state === 'failed' || entry.state === 'unsupported') return false
  return gaps.every(({ code }) => code !== 'GNO_SENSE_LIMIT' && code !== 'GNO_SENSE_FAILED')
}
