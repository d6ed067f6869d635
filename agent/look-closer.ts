// The close look at what may run a model: memory page by page, processor time, engines inside its binaries, and what its own listener
// answers. Asked of candidates only, since each of these costs a hundred times a look at the process list.
import type { Result } from '../contract/failure.ts'
import type {
  GraphicsUseObservation,
  ListenerObservation,
  Platform,
  ProcessObservation,
} from '../contract/observation.ts'
import type { ApiUse } from '../contract/runtime.ts'
import type { Gap } from '../contract/wire.ts'
import { binarySignatures } from '../rules/binary-signatures.ts'
import type { Told } from '../rules/loopback-answers.ts'
import type { Pack } from '../rules/pack.ts'
import { planProbes } from '../rules/plan-probes.ts'
import { type AnswerMemory, type Asking, askListeners, askingOf } from './ask-listeners.ts'
import {
  type BinaryLook,
  type BinaryMemory,
  type BinaryRoom,
  type EngineInBinary,
  roomForLook,
  searchBinaries,
} from './binary-content.ts'
import { askFootprint, interpretFootprint } from './sense/darwin/footprint.ts'
import type { Footprint } from './sense/darwin/footprint-text.ts'
import { type CloseLook, closeLook } from './sense/linux/close-look.ts'
import { ANSWER_WITHIN_MS } from './sense/loopback-request.ts'

/** Candidates of one look; a machine with more tells of the rest what the process list tells (CWE-400). */
const MAX_CANDIDATES = 256

/** A process worth a close look. */
export interface Candidate {
  readonly process: ProcessObservation
  readonly listeners: readonly ListenerObservation[]
  readonly graphics: readonly GraphicsUseObservation[]
  /** What it looks like so far; null when it only holds weights, or much memory. */
  readonly entryId: string | null
  readonly holdsWeights: boolean
}

/** What a close look added. */
export interface Closer {
  readonly look: CloseLook | null
  /** macOS: physical footprint and what lies on the accelerator. */
  readonly footprint: Footprint | null
  readonly engines: readonly EngineInBinary[]
  readonly answered: readonly string[]
  readonly told: Told
  /** What its program interface lets anybody do; undefined when none answered. */
  readonly api: ApiUse | undefined
  /** Share of one processor since the last look; null at the first. */
  readonly processorPercent: number | null
  readonly gaps: readonly Gap[]
}

/** Kept from look to look. */
export interface CloserMemory {
  readonly binaries: BinaryMemory
  readonly answers: AnswerMemory
  readonly looks: Map<string, CloseLook>
  /** A process that did not change since is not searched again. */
  readonly searched: WeakMap<ProcessObservation, BinaryLook>
  readonly footprints: Map<string, FootprintLook>
}

interface FootprintLook {
  readonly atMs: number
  readonly footprint: Footprint | null
  readonly gaps: readonly Gap[]
}

export function createCloserMemory(): CloserMemory {
  return { binaries: new Map(), answers: new Map(), looks: new Map(), searched: new WeakMap(), footprints: new Map() }
}

export interface CloserOptions {
  readonly platform: Platform
  readonly pack: Pack
  readonly memory: CloserMemory
  readonly signal: AbortSignal
  readonly now: () => Date
}

/** Looks at candidates, one after the other, and says by pid what was seen. */
export async function lookCloser(
  candidates: readonly Candidate[],
  options: CloserOptions,
): Promise<ReadonlyMap<number, Closer>> {
  const { memory, signal } = options
  const seen = new Map<number, Closer>()
  const room = roomForLook()
  const elapsedMs = (): number => performance.now()
  const asking = askingOf({ memory: memory.answers, signal, elapsedMs, withinMs: ANSWER_WITHIN_MS })
  const looks = new Map<string, CloseLook>()
  for (const candidate of unnamedFirst(candidates).slice(0, MAX_CANDIDATES)) {
    if (signal.aborted) break
    const closer = await lookAtOne(candidate, { ...options, room, asking })
    const { look } = closer
    if (look !== null) looks.set(keyOf(look), look)
    seen.set(candidate.process.pid, closer)
  }
  memory.looks.clear()
  for (const [key, look] of looks) memory.looks.set(key, look)
  return seen
}

/** Whoever holds weights under no known name has the first claim on what a look may spend. */
function unnamedFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  const rankOf = ({ entryId, holdsWeights }: Candidate): number => Number(entryId !== null) * 2 + Number(!holdsWeights)
  return [...candidates].sort((left, right) => rankOf(left) - rankOf(right))
}

function keyOf({ pid, startTicks }: Pick<CloseLook, 'pid' | 'startTicks'>): string {
  return `${pid} ${startTicks}`
}

interface Parts extends CloserOptions {
  readonly room: BinaryRoom
  readonly asking: Asking
}

async function lookAtOne(candidate: Candidate, parts: Parts): Promise<Closer> {
  const { platform, pack, memory, room, asking } = parts
  const { process, listeners, entryId, holdsWeights } = candidate
  const before = memory.looks.get(keyOf(process)) ?? null
  const look = platform === 'linux' ? lookedAt(closeLook(process.pid, process.startTicks, before)) : null
  const { engines, waiting } = searchOnce(process, pack, memory, room)
  const isAsked = entryId !== null || holdsWeights || engines.length > 0
  const probes = isAsked ? planProbes(entryId, pack) : []
  const { answered, told, api, gaps } = await askListeners(process, listeners, probes, asking)
  const charged = isAsked ? await footprintOf(process, parts) : null
  return {
    look,
    footprint: charged?.footprint ?? null,
    engines,
    answered,
    told,
    api,
    processorPercent: before === null || look === null ? null : shareOf(before, look),
    gaps: [
      ...(look?.gaps ?? []),
      ...(charged?.gaps ?? []),
      ...gaps,
      ...(waiting === 0 ? [] : [waitingGap(process, waiting)]),
      ...(platform === 'win32' ? [unsearchedGap(process)] : []),
    ],
  }
}

/** Half a second of a processor for each process, so it is asked once a minute. */
const FOOTPRINT_EVERY_MS = 60_000
const MAX_FOOTPRINTS = 512

async function footprintOf(
  process: ProcessObservation,
  { platform, memory, signal, now }: Parts,
): Promise<FootprintLook | null> {
  if (platform !== 'darwin') return null
  const atMs = now().getTime()
  const before = memory.footprints.get(keyOf(process))
  if (before !== undefined && atMs - before.atMs < FOOTPRINT_EVERY_MS) return before
  const look = { atMs, ...interpretFootprint(await askFootprint(process.pid, signal)) }
  if (memory.footprints.size >= MAX_FOOTPRINTS) memory.footprints.clear()
  memory.footprints.set(keyOf(process), look)
  return look
}

function searchOnce(process: ProcessObservation, pack: Pack, memory: CloserMemory, room: BinaryRoom): BinaryLook {
  const known = memory.searched.get(process)
  if (known !== undefined) return known
  const look = searchBinaries(process, binarySignatures(pack), memory.binaries, room)
  if (look.waiting === 0) memory.searched.set(process, look)
  return look
}

/** Two looks right after one another tell nothing. */
const MIN_SPAN_MS = 500

function shareOf(before: CloseLook, now: CloseLook): number | null {
  const spanMs = now.takenAtMs - before.takenAtMs
  if (spanMs < MIN_SPAN_MS) return null
  return Math.round(Math.max(0, ((now.processorMs - before.processorMs) / spanMs) * 100))
}

/** A process that ended meanwhile is told by the next look. */
function lookedAt(looked: Result<CloseLook>): CloseLook | null {
  return looked.ok ? looked.value : null
}

/** Windows leads to no file by the process that runs it, so what is inside is not "nothing found". */
function unsearchedGap({ pid }: ProcessObservation): Gap {
  const detail = 'what is inside the program and its libraries is not searched for engines on Windows'
  return { code: 'GNO_SENSE_UNSUPPORTED', place: `pid ${pid}`, count: 1, detail }
}

function waitingGap({ pid }: ProcessObservation, count: number): Gap {
  const detail = 'programs and libraries that wait to be searched for engines in a later look'
  return { code: 'GNO_SENSE_LIMIT', place: `pid ${pid}`, count, detail }
}
