// One story per thing: joins a process, the weights it maps or holds, its memory and its listeners (DESIGN.md promise 2).
// Pure: everything it needs to know about files was looked up before.
import type { Artifact } from '../contract/artifact.ts'
import type { Structure } from '../contract/fingerprint.ts'
import type {
  GraphicsUseObservation,
  ListenerObservation,
  MappedFile,
  ProcessObservation,
} from '../contract/observation.ts'
import type { Runtime, RuntimeIdentification, WeightsInUse } from '../contract/runtime.ts'
import type { Gap } from '../contract/wire.ts'
import { graphicsFacts } from '../rules/graphics-facts.ts'
import { activityOf, identifyRuntime, type InstalledFacts, type RuntimeFacts } from '../rules/identify-runtime.ts'
import type { Pack } from '../rules/pack.ts'
import type { HeldWeights } from './held-weights.ts'
import type { Closer } from './look-closer.ts'
import { type KnownCopies, testMemory } from './memory-test.ts'
import type { Identity } from './process-identity.ts'
import { describeMemory, describeSurroundings } from './story-details.ts'

/** Most members of one story's lists; the wire schema refuses more (contract/runtime.ts). */
const MAX_STORY_ITEMS = 64
const MAX_ARGUMENTS = 256

export interface CorrelateInput {
  readonly processes: readonly ProcessObservation[]
  readonly listeners: readonly ListenerObservation[]
  readonly weightsOf: (process: ProcessObservation) => readonly HeldWeights[]
  readonly graphicsOf: (process: ProcessObservation) => readonly GraphicsUseObservation[]
  /** What a close look added; undefined for a process that had none. */
  readonly closerOf: (process: ProcessObservation) => Closer | undefined
  /** What is installed leads to it (agent/join-installed.ts). */
  readonly installedOf?: (process: ProcessObservation, listeners: readonly ListenerObservation[]) => InstalledFacts
  /** Sizes of weights that memory without a file is held against. */
  readonly copies?: KnownCopies
  readonly pack: Pack
  readonly digest: (text: string) => string
  /** Who a process was when nothing about it had changed; a sensor gives an unchanged process as the same object. */
  readonly identified: IdentityMemory
}

interface Identified {
  readonly circumstances: string
  readonly identification: RuntimeIdentification | null
}

/** Identities of processes across sweeps: 1,500 processes would otherwise be identified anew every ten seconds. */
export type IdentityMemory = WeakMap<ProcessObservation, Identified>

/** Says of every process what it looks like, parents before their children. */
export function identifyAll(input: CorrelateInput): readonly Identity[] {
  const byPid = new Map(input.processes.map((process) => [process.pid, process]))
  const listenersByPid = groupListeners(input.listeners)
  const identified = new Map<number, RuntimeIdentification | null>()
  return parentsFirst(input.processes, byPid).map((process) => {
    const weights = input.weightsOf(process)
    const listeners = listenersByPid.get(process.pid) ?? []
    const closer = input.closerOf(process)
    const graphics = input.graphicsOf(process)
    const facts = factsOf({ process, weights, listeners, graphics, closer }, byPid, identified, input)
    const identification = identifyOnce(process, facts, input)
    identified.set(process.pid, identification)
    return { process, weights, listeners, graphics, closer, facts, identification }
  })
}

/** The same with what close looks added: whoever had none, and has the parent that it had, is who it was. */
export function identifyAgain(first: readonly Identity[], input: CorrelateInput): readonly Identity[] {
  const byPid = new Map(input.processes.map((process) => [process.pid, process]))
  const identified = new Map<number, RuntimeIdentification | null>()
  return first.map((identity) => {
    const { process } = identity
    const closer = input.closerOf(process)
    const parentEntry = identified.get(process.parentPid)?.entryId ?? null
    const isSame = closer === undefined && parentEntry === (identity.facts.parent?.entryId ?? null)
    const again = isSame ? identity : withCloser({ ...identity, closer }, byPid, identified, input)
    identified.set(process.pid, again.identification)
    return again
  })
}

function withCloser(
  identity: Identity,
  byPid: ReadonlyMap<number, ProcessObservation>,
  identified: ReadonlyMap<number, RuntimeIdentification | null>,
  input: CorrelateInput,
): Identity {
  const facts = factsOf(identity, byPid, identified, input)
  return { ...identity, facts, identification: identifyOnce(identity.process, facts, input) }
}

/** Makes the stories of all processes that hold weights or are a known runtime. */
export function correlate(input: CorrelateInput, identities = identifyAll(input)): readonly Runtime[] {
  const byPid = new Map(input.processes.map((process) => [process.pid, process]))
  const told = identities.filter(({ identification, weights }) => identification !== null || weights.length > 0)
  return tellTwinsApart(told.map((identity) => storyOf({ ...identity, byPid, digest: input.digest })))
}

/** Two processes of one user, program and model are two stories: the older one keeps the key, so that none hides the other. */
function tellTwinsApart(stories: readonly Runtime[]): readonly Runtime[] {
  const counts = new Map<string, number>()
  const oldestFirst = [...stories].sort(
    (left, right) => compareText(left.startedAt, right.startedAt) || left.pid - right.pid,
  )
  return oldestFirst.map((story) => {
    const count = (counts.get(story.runtimeKey) ?? 0) + 1
    counts.set(story.runtimeKey, count)
    return count === 1 ? story : { ...story, runtimeKey: `${story.runtimeKey}-${count}` }
  })
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : Number(left > right)
}

function identifyOnce(
  process: ProcessObservation,
  facts: RuntimeFacts,
  { identified, pack }: CorrelateInput,
): RuntimeIdentification | null {
  const circumstances = JSON.stringify([
    facts.weights,
    facts.listeners,
    facts.graphics,
    facts.memoryTest,
    facts.parent,
    facts.binaryEngines,
    facts.engineFiles,
    facts.httpAnswers,
    facts.version,
    facts.containerImage,
    facts.containerLabels,
    facts.packages,
    facts.stateFiles,
    facts.joins,
  ])
  const known = identified.get(process)
  if (known?.circumstances === circumstances) return known.identification
  const identification = identifyRuntime(facts, pack)
  identified.set(process, { circumstances, identification })
  return identification
}

function groupListeners(
  listeners: readonly ListenerObservation[],
): ReadonlyMap<number, readonly ListenerObservation[]> {
  const groups = new Map<number, ListenerObservation[]>()
  const owned = listeners.flatMap((listener) => listener.pids.map((pid) => ({ pid, listener })))
  for (const { pid, listener } of owned) {
    const group = groups.get(pid)
    if (group === undefined) groups.set(pid, [listener])
    else group.push(listener)
  }
  return groups
}

/** A child is judged after its parent, because Ollama is known by the parent of a stock llama-server. */
function parentsFirst(
  processes: readonly ProcessObservation[],
  byPid: ReadonlyMap<number, ProcessObservation>,
): readonly ProcessObservation[] {
  const depthOf = (process: ProcessObservation): number => {
    let depth = 0
    let current = byPid.get(process.parentPid)
    // A pid chain read at different moments may loop; no real tree is deeper than this.
    while (current !== undefined && depth < 64) {
      depth += 1
      current = byPid.get(current.parentPid)
    }
    return depth
  }
  return processes
    .map((process) => ({ process, depth: depthOf(process) }))
    .sort((left, right) => left.depth - right.depth || left.process.pid - right.process.pid)
    .map(({ process }) => process)
}

function factsOf(
  {
    process,
    weights,
    listeners,
    graphics,
    closer,
  }: Pick<Identity, 'process' | 'weights' | 'listeners' | 'graphics' | 'closer'>,
  byPid: ReadonlyMap<number, ProcessObservation>,
  identified: ReadonlyMap<number, RuntimeIdentification | null>,
  { installedOf, copies }: Pick<CorrelateInput, 'installedOf' | 'copies'>,
): RuntimeFacts {
  const parent = byPid.get(process.parentPid)
  return {
    name: process.name,
    executablePath: process.executable?.path ?? null,
    commandLine: process.commandLine,
    libraries: libraryNames(process.mapped ?? []),
    weights: weights.map(({ how, format }) => ({ how, format })),
    listeners: listeners.map(({ port, scope }) => ({ port, scope })),
    parent:
      parent === undefined
        ? null
        : {
            name: parent.name,
            executablePath: parent.executable?.path ?? null,
            entryId: identified.get(parent.pid)?.entryId ?? null,
          },
    memory: process.memory ?? privateMemory(process),
    graphics: graphicsFacts(
      graphics,
      weights.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ),
    memoryTest: testMemory({ process, weights, graphics, closer }, copies),
    binaryEngines: [...new Set(closer?.engines.map(({ id }) => id) ?? [])],
    engineFiles: closer?.engines.map(({ id, path }) => ({ id, path })) ?? [],
    httpAnswers: closer?.answered ?? [],
    version: closer?.told.version ?? null,
    ...(installedOf === undefined ? {} : installedOf(process, listeners)),
  }
}

/** Where the system tells no kinds of memory, what a process shares with nobody is its anonymous memory. */
function privateMemory({ privateBytes }: ProcessObservation): RuntimeFacts['memory'] {
  return privateBytes === undefined || privateBytes === null ? null : { anonymousBytes: privateBytes }
}

/** `C:\…`: only there a backslash parts folders. */
const WINDOWS_PATH = /^(?:[A-Za-z]:|\\\\)/

/** A process that did not change maps what it mapped: a desktop has 300,000 mappings, and a look comes every ten seconds. */
const librariesOf = new WeakMap<readonly MappedFile[], readonly string[]>()

function libraryNames(mapped: readonly MappedFile[]): readonly string[] {
  const known = librariesOf.get(mapped)
  if (known !== undefined) return known
  const names = new Set<string>()
  for (const { path, isExecutable } of mapped) {
    const last = WINDOWS_PATH.test(path) ? path.lastIndexOf('\\') : path.lastIndexOf('/')
    if (isExecutable) names.add(path.slice(last + 1))
  }
  const found = [...names]
  librariesOf.set(mapped, found)
  return found
}

interface StoryParts extends Identity {
  readonly byPid: ReadonlyMap<number, ProcessObservation>
  readonly digest: (text: string) => string
}

function storyOf(parts: StoryParts): Runtime {
  const { process, weights, identification } = parts
  const parent = parts.byPid.get(process.parentPid)
  return {
    runtimeKey: runtimeKeyOf(process, weights, parts.digest),
    pid: process.pid,
    startedAt: process.startedAt,
    name: process.name.slice(0, 512),
    parent: parent === undefined ? null : { pid: parent.pid, name: parent.name.slice(0, 512) },
    user: process.user,
    executable: process.executable && describeExecutable(process.executable),
    commandLine: process.commandLine.slice(0, MAX_ARGUMENTS),
    weights: weights.slice(0, MAX_STORY_ITEMS).map(inUse),
    memory: describeMemory(parts),
    ...describeSurroundings(parts),
    listeners: parts.listeners
      .slice(0, MAX_STORY_ITEMS)
      .map(({ protocol, address, port, scope }) => ({ protocol, address, port, scope })),
    activity: activityOf(parts.facts, identification),
    identification,
    gaps: [...gapsOf(process), ...(parts.closer?.gaps ?? [])].slice(0, MAX_STORY_ITEMS),
    // All of them: a process that holds a decoy beside a real model must not hide behind the mark.
    simulated: weights.length > 0 && weights.every((held) => held.artifact?.simulated === true),
  }
}

function describeExecutable(executable: NonNullable<ProcessObservation['executable']>): Runtime['executable'] {
  const { path, isDeleted, dev, inode } = executable
  return { path, isDeleted, ...(dev === '' || inode === '' ? {} : { dev, inode }) }
}

function inUse(held: HeldWeights): WeightsInUse {
  return {
    path: held.path,
    how: held.how,
    ...(held.trail ?? {}),
    isDeleted: held.isDeleted,
    sizeBytes: held.sizeBytes,
    artifactId: held.artifact?.artifactId ?? null,
    artifactPath: held.artifact?.path ?? null,
    format: held.format,
    model: held.artifact === null ? null : modelNameOf(held.artifact),
    ...sizeOf(held.artifact?.fingerprint.structure),
    ...(held.artifact?.fingerprint.structure?.kind === 'adapter' ? { isAdapter: true } : {}),
  }
}

function sizeOf(structure: Structure | undefined): Pick<WeightsInUse, 'parameterCount' | 'quantization'> {
  const { parameterCount, quantization } = structure ?? {}
  return {
    ...(parameterCount === undefined ? {} : { parameterCount }),
    ...(quantization === undefined ? {} : { quantization }),
  }
}

/** The best name an artifact has: what it was identified as, else what its structure says, else what it claims. */
function modelNameOf(artifact: Artifact): string | null {
  const [best] = artifact.identifications
  if (best !== undefined) return best.model
  const { claims, structure } = artifact.fingerprint
  const noun = structure?.kind === 'adapter' ? 'adapter' : 'model'
  if (structure?.architecture !== undefined) return `unnamed ${structure.architecture} ${noun}`
  return claims?.name === undefined ? null : `claims to be "${claims.name}"`.slice(0, 512)
}

/** User, executable, script and the weights in use: the same after a restart, whatever the pid. */
function runtimeKeyOf(
  process: ProcessObservation,
  weights: readonly HeldWeights[],
  digest: StoryParts['digest'],
): string {
  const script = process.commandLine.slice(1, 2).join(' ')
  const paths = weights.map((held) => held.path).sort()
  return `run1:${digest(JSON.stringify([process.user.uid, process.executable?.path ?? process.name, script, paths])).slice(0, 32)}`
}

function gapsOf(process: ProcessObservation): readonly Gap[] {
  const place = `pid ${process.pid}`
  const gaps: Gap[] = []
  if (process.executable === null) gaps.push(denied(place, 'the executable'))
  if (process.mapped === null) gaps.push(denied(place, 'the mapped files'))
  if (process.open === null) gaps.push(denied(place, 'the open files'))
  return gaps
}

function denied(place: string, what: string): Gap {
  return { code: 'GNO_SENSE_DENIED', place, count: 1, detail: `${what} of this process could not be looked at` }
}
