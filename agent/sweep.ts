// One sweep: sense -> read -> identify -> correlate -> judge. Joins the parts that do not know each other, and decides nothing itself.
import type { Artifact } from '../contract/artifact.ts'
import type { Runtime } from '../contract/runtime.ts'
import { wellFormed } from '../contract/well-formed.ts'
import { judge } from '../rules/judge.ts'
import type { SweepResult } from './report/outbox.ts'
import { NO_GUARD } from './read-guard.ts'
import { hostOf, type Sensed, senseHost } from './sense-host.ts'
import { type InventoryOutcome, senseInventory } from './sense-inventory.ts'
import { sweepFiles } from './sweep-files.ts'
import { sweepProcesses } from './sweep-processes.ts'
import type { SweepOptions, WalkCoverage } from './sweep-request.ts'
import { isOfAgent, tellAgents } from './tell-agents.ts'
import { PROCESS_ONLY } from './weights-in-use.ts'

/** What a sweep found, and its artifacts by file identity for the next look at the processes. */
export interface Swept {
  readonly result: SweepResult
  readonly byIdentity: ReadonlyMap<string, Artifact>
  readonly walked: WalkCoverage
}

/** Sweeps once. Never rejects for what it meets: everything that could not be looked at is a gap in the result. */
export async function sweep(options: SweepOptions): Promise<Swept> {
  const startedAt = options.now().toISOString()
  const files = await sweepFiles(options)
  const { platform, signal, now } = options
  // First what is installed, since it tells what runs: packages, containers and state files lead to processes.
  const { during } = options.guard ?? NO_GUARD
  const installed = await during('inventory', () => lookForInstalled(options))
  const sensed = await during('host', () =>
    senseHost({ platform, memory: options.memory.sensed, isWhole: options.isWholeHost, signal, now }),
  )
  const running = await during('processes', () => sweepProcesses(sensed, files, options))
  const own = options.own?.()
  const seen = {
    coverage: [
      ...sensed.coverage,
      ...files.walked.coverage,
      ...coverageOf(options),
      ...(own === undefined ? [] : [own.coverage]),
    ],
    gaps: [
      ...sensed.gaps,
      ...running.gaps,
      ...files.gaps,
      ...(options.memory.sensed.inventory?.gaps ?? []),
      ...(own?.gaps ?? []),
    ],
    artifacts: uniqueByPath([...running.artifacts, ...files.artifacts]),
    runtimes: withAgents(running.runtimes, sensed, options),
    installations: installed.installations,
  }
  const { hostId, hostName, agentVersion, pack, approvals, digest } = options
  const { weaknesses = [] } = options.memory.sensed
  const observedAt = now().toISOString()
  const isComplete = sawAllProcesses(sensed)
  const use = options.ownUse?.() ?? null
  const result: SweepResult = {
    schema: 'gnomon-scan/1',
    host: {
      ...hostOf(sensed.host, { hostId, hostName, platform, agentVersion, packVersion: pack.version }),
      ...(use === null ? {} : { agent: use }),
    },
    startedAt,
    finishedAt: observedAt,
    ...seen,
    findings: judge({ hostId, observedAt, ...seen, approvals, digest, weaknesses }, pack),
    coveredPaths: isComplete ? [...files.coveredPaths, ...PROCESS_ONLY] : files.coveredPaths,
    uncoveredPaths: files.uncoveredPaths,
    coveredProcesses: isComplete,
    coveredHost: options.isWholeHost,
    coveredScopes: installed.coveredScopes,
  }
  return { result: wellFormed(result), byIdentity: running.byIdentity, walked: files.walked }
}

/**
 * Only a whole sweep tells what is installed; between two of them the last one's coverage stands. A look at the processes alone that
 * comes first (`gnomon ps`) takes an inventory for what leads to them.
 */
async function lookForInstalled(
  options: SweepOptions,
): Promise<Pick<InventoryOutcome, 'installations' | 'coveredScopes'>> {
  const { platform, pack, excludes, ownPlaces, signal, memory, isWholeHost } = options
  if (!isWholeHost && memory.sensed.join !== undefined) return { installations: [], coveredScopes: [] }
  const { coverage, gaps, join, ...installed } = await senseInventory({ platform, pack, excludes, ownPlaces, signal })
  memory.sensed.join = join
  memory.sensed.agents = installed.installations.filter(isOfAgent)
  memory.sensed.weaknesses = installed.installations.flatMap(({ vulnerabilities }) =>
    vulnerabilities.map(({ id }) => id),
  )
  if (!isWholeHost) return { installations: [], coveredScopes: [] }
  memory.sensed.inventory = { coverage, gaps }
  return installed
}

function withAgents(
  runtimes: readonly Runtime[],
  { processes }: Sensed,
  { platform, pack, memory }: SweepOptions,
): readonly Runtime[] {
  return tellAgents(runtimes, { platform, processes, installations: memory.sensed.agents ?? [], pack })
}

function coverageOf({ memory }: SweepOptions): readonly InventoryOutcome['coverage'][] {
  const { inventory } = memory.sensed
  return inventory === undefined ? [] : [inventory.coverage]
}

/** A model that was found on disk and in use is one artifact: what lies on disk stands, whatever a process says of its path. */
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
  const own = gaps.filter(({ sensor }) => sensor === entry.sensor)
  return own.every(({ code }) => code !== 'GNO_SENSE_LIMIT' && code !== 'GNO_SENSE_FAILED')
}
