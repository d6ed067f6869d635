// The processes of a sweep: what each one maps or holds, and the stories that follow from it.
import type { Artifact } from '../contract/artifact.ts'
import type { Runtime } from '../contract/runtime.ts'
import { correlate, type HeldWeights } from './correlate.ts'
import type { Sensed } from './sense-host.ts'
import type { SweepOptions } from './sweep-request.ts'
import { readFolder, type SweptFiles } from './sweep-files.ts'
import { holdWeights, identityKey, type LooksNow, type SeenWeights, seeWeights } from './weights-in-use.ts'

export interface SweptProcesses {
  readonly runtimes: readonly Runtime[]
  /** Models in use, also unlinked ones and those outside the swept places. */
  readonly artifacts: readonly Artifact[]
  /** All models known now, by identity. */
  readonly byIdentity: ReadonlyMap<string, Artifact>
}

/** Ties processes to weights. A model that only a process leads to is read through that process. */
export async function sweepProcesses(
  sensed: Sensed,
  files: SweptFiles,
  options: SweepOptions,
): Promise<SweptProcesses> {
  const byIdentity = new Map([...options.known, ...files.byIdentity])
  const heldByPid = new Map<number, readonly HeldWeights[]>()
  const now: LooksNow = new Map()
  const processes = sensed.processes.filter((process) => process.pid !== options.ownPid)
  for (const process of processes) {
    if (options.signal.aborted) break
    const held: HeldWeights[] = []
    for (const seen of seeWeights(process, options.memory.weights, now)) {
      held.push(holdWeights(seen, await artifactOf(seen, byIdentity, options)))
    }
    if (held.length > 0) heldByPid.set(process.pid, held)
  }
  const runtimes = correlate({
    processes,
    listeners: sensed.listeners,
    weightsOf: ({ pid }) => heldByPid.get(pid) ?? [],
    pack: options.pack,
    digest: options.digest,
    identified: options.memory.identified,
  })
  const inUse = [...heldByPid.values()].flat().flatMap(({ artifact }) => (artifact === null ? [] : [artifact]))
  return { runtimes, artifacts: inUse, byIdentity }
}

/** A mapped file that cannot be read keeps its place in the story; the story says that it was not read. */
async function artifactOf(
  seen: SeenWeights,
  byIdentity: Map<string, Artifact>,
  options: SweepOptions,
): Promise<Artifact | null> {
  const known = byIdentity.get(identityKey(seen.identity))
  if (known !== undefined) return known
  for await (const { artifact, identities } of readFolder([seen.candidate], options)) {
    // Read through the process, so it goes by the key of that look and not by a path that may be another file's.
    const [part] = artifact.parts
    const keyed = { ...artifact, path: seen.path, parts: part === undefined ? [] : [{ ...part, path: seen.path }] }
    for (const identity of identities) byIdentity.set(identityKey(identity), keyed)
    return keyed
  }
  return null
}
