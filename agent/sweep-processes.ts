// The processes of a sweep: what each one maps or holds, and the stories that follow from it.
import type { Artifact } from '../contract/artifact.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { Gap } from '../contract/wire.ts'
import { correlate, type CorrelateInput, identifyAgain, identifyAll } from './correlate.ts'
import type { HeldWeights } from './held-weights.ts'
import { tellLabelledFolders } from './labelled-folders.ts'
import { joinProcess, lookNear, refreshJoin } from './join-installed.ts'
import { type Candidate, lookCloser } from './look-closer.ts'
import { measureUse } from './measure-use.ts'
import { knownSizes, noteOpened } from './memory-test.ts'
import type { Identity } from './process-identity.ts'
import type { Sensed } from './sense-host.ts'
import type { SweepOptions } from './sweep-request.ts'
import { readFolder, type SweptFiles } from './sweep-files.ts'
import { createGapList, type GapList } from './sense/gap-list.ts'
import { untoldGaps } from './untold-candidates.ts'
import { followUse, tellUse } from './use-over-time.ts'
import { holdWeights, identityKey, type LooksNow, type SeenWeights, seeWeights } from './weights-in-use.ts'

export interface SweptProcesses {
  readonly runtimes: readonly Runtime[]
  /** Models in use, also unlinked ones and those outside the swept places. */
  readonly artifacts: readonly Artifact[]
  /** All models known now, by identity. */
  readonly byIdentity: ReadonlyMap<string, Artifact>
  /** What of the processes has no story that could say it. */
  readonly gaps: readonly Gap[]
}

/** Ties processes to weights. A model that only a process leads to is read through that process. */
export async function sweepProcesses(
  sensed: Sensed,
  files: SweptFiles,
  options: SweepOptions,
): Promise<SweptProcesses> {
  const byIdentity = new Map([...options.known, ...files.byIdentity])
  const heldByPid = new Map<number, readonly HeldWeights[]>()
  const looks: LooksNow = new Map()
  const unread = createGapList()
  const processes = sensed.processes.filter((process) => process.pid !== options.ownPid)
  for (const process of processes) {
    if (options.signal.aborted) break
    const held: HeldWeights[] = []
    for (const seen of await seeWeights(process, options.memory.weights, looks, options.reader)) {
      held.push(holdWeights(seen, await artifactOf(seen, { byIdentity, unread }, options)))
    }
    if (held.length > 0) heldByPid.set(process.pid, held)
  }
  const join = options.memory.sensed.join ?? null
  if (join !== null) refreshJoin(join)
  noteOpened(processes, ({ pid }) => heldByPid.get(pid) ?? [], options.memory.opened)
  const input: CorrelateInput = {
    ...(join === null ? {} : { installedOf: (process, listeners) => joinProcess(process, listeners, join) }),
    processes,
    listeners: sensed.listeners,
    weightsOf: ({ pid }) => heldByPid.get(pid) ?? [],
    graphicsOf: ({ pid, startTicks }) =>
      sensed.graphicsUse.filter((use) => use.pid === pid && use.startTicks === startTicks),
    closerOf: () => undefined,
    copies: { opened: options.memory.opened, known: knownSizes(byIdentity.values()) },
    pack: options.pack,
    digest: options.digest,
    identified: options.memory.identified,
  }
  const { platform, pack, signal, now, memory } = options
  const first = identifyAll(input)
  const candidates = first.filter(isCandidate).map(candidateOf)
  const candidateProcesses = candidates.map(({ process }) => process)
  if (join !== null) await lookNear(candidateProcesses, join, { platform, signal, now })
  const closer = await lookCloser(candidates, { platform, pack, memory: memory.closer, signal, now })
  const looked: CorrelateInput = { ...input, closerOf: ({ pid }) => closer.get(pid) }
  const identities = identifyAgain(first, looked)
  const correlated = correlate(looked, identities)
  const stories = tellUse(correlated, followUse(measureUse(correlated, identities), memory.use, now()))
  const labelled = { platform, folders: options.labelledFolders ?? [], resolved: memory.labelled }
  const runtimes = tellLabelledFolders(stories, processes, labelled)
  const sensor = sensed.coverage.find((entry) => entry.sensor.endsWith('-processes'))?.sensor
  const inUse = [...heldByPid.values()].flat().flatMap(({ artifact }) => (artifact === null ? [] : [artifact]))
  const told = unread.list().map((gap) => (sensor === undefined ? gap : { ...gap, sensor }))
  return { runtimes, artifacts: inUse, byIdentity, gaps: [...untoldGaps(closer, runtimes, sensor), ...told] }
}

interface Known {
  readonly byIdentity: Map<string, Artifact>
  /** What could not be read of files in use. */
  readonly unread: GapList
}

/** A mapped file that cannot be read keeps its place in the story without a model; why it was not read is a gap. */
async function artifactOf(
  seen: SeenWeights,
  { byIdentity, unread }: Known,
  options: SweepOptions,
): Promise<Artifact | null> {
  const known = byIdentity.get(identityKey(seen.identity))
  if (known !== undefined) return known
  for await (const { artifact, identities } of readFolder([seen.candidate], options, unread)) {
    // Read through the process, so it goes by the key of that look and not by a path that may be another file's.
    const [part] = artifact.parts
    const keyed = { ...artifact, path: seen.path, parts: part === undefined ? [] : [{ ...part, path: seen.path }] }
    for (const identity of identities) byIdentity.set(identityKey(identity), keyed)
    return keyed
  }
  return null
}

/** Anonymous memory from which on a process that nothing else shows is searched for an engine: a small model loaded without mmap. */
const MIN_LARGE_BYTES = 512 * 1024 * 1024

function isCandidate({ process, identification, weights, graphics, facts }: Identity): boolean {
  if ((facts.memoryTest?.copies.length ?? 0) > 0) return true
  if (identification !== null || weights.length > 0 || graphics.length > 0) return true
  const { largeMemory } = process
  if (largeMemory === undefined) return (process.residentBytes ?? 0) >= MIN_LARGE_BYTES
  if (largeMemory === null) return false
  const { anonymous, hugePages, memfd, shared } = largeMemory
  return anonymous.bytes + hugePages.bytes + memfd.bytes + shared.bytes >= MIN_LARGE_BYTES
}

function candidateOf({ process, listeners, graphics, identification, weights }: Identity): Candidate {
  const entryId = identification?.entryId ?? null
  return { process, listeners, graphics, entryId, holdsWeights: weights.length > 0 }
}
