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
import { MAX_CANDIDATES, orderTurns, type Turn, turnKey, waitingSince } from './take-turns.ts'

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
  /** Candidates of the last look, and the number of that look. */
  readonly turns: Map<string, Turn<Closer>>
  look: number
}

interface FootprintLook {
  readonly atMs: number
  readonly footprint: Footprint | null
  readonly gaps: readonly Gap[]
}

export function createCloserMemory(): CloserMemory {
  return {
    binaries: new Map(),
    answers: new Map(),
    looks: new Map(),
    searched: new WeakMap(),
    footprints: new Map(),
    turns: new Map(),
    look: 0,
  }
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
  const turns = new Map<string, Turn<Closer>>()
  const ordered = orderTurns(candidates, memory.turns)
  for (const candidate of ordered.slice(0, MAX_CANDIDATES)) {
    if (signal.aborted) break
    const before = room.bytes
    const { closer, waits } = await lookAtOne(candidate, { ...options, room, asking })
    const { look } = closer
    if (look !== null) looks.set(keyOf(look), look)
    seen.set(candidate.process.pid, closer)
    const key = turnKey(candidate.process)
    const served = { waits, isServed: room.bytes < before, look: memory.look }
    turns.set(key, { lookedAt: memory.look, waitsSince: waitingSince(memory.turns.get(key), served), seen: closer })
  }
  for (const candidate of ordered.slice(MAX_CANDIDATES)) {
    const key = turnKey(candidate.process)
    const turn = memory.turns.get(key)
    if (turn !== undefined) turns.set(key, turn)
    seen.set(candidate.process.pid, standing(candidate, turn?.seen))
  }
  keepLook(memory, looks, turns)
  return seen
}

const NOTHING: Closer = {
  look: null,
  footprint: null,
  engines: [],
  answered: [],
  told: {},
  api: undefined,
  processorPercent: null,
  gaps: [],
}

/** What still stands of a candidate that has no turn in this look: what was found before, but no measure of now. */
function standing({ process }: Candidate, found: Closer = NOTHING): Closer {
  const detail = `one look looks closely at ${MAX_CANDIDATES} processes, and this one waits for a later look`
  const gap: Gap = { code: 'GNO_SENSE_LIMIT', place: `pid ${process.pid}`, count: 1, detail }
  return { ...found, look: null, footprint: null, processorPercent: null, gaps: [gap] }
}

function keepLook(
  memory: CloserMemory,
  looks: ReadonlyMap<string, CloseLook>,
  turns: ReadonlyMap<string, Turn<Closer>>,
): void {
  memory.looks.clear()
  for (const [key, look] of looks) memory.looks.set(key, look)
  memory.turns.clear()
  for (const [key, turn] of turns) memory.turns.set(key, turn)
  memory.look += 1
}

function keyOf({ pid, startTicks }: Pick<CloseLook, 'pid' | 'startTicks'>): string {
  return `${pid} ${startTicks}`
}

interface Parts extends CloserOptions {
  readonly room: BinaryRoom
  readonly asking: Asking
}

interface LookedAtOne {
  readonly closer: Closer
  /** Some of its programs wait to be searched. */
  readonly waits: boolean
}

async function lookAtOne(candidate: Candidate, parts: Parts): Promise<LookedAtOne> {
  const { platform, pack, memory, room, asking } = parts
  const { process, listeners, entryId, holdsWeights } = candidate
  const before = memory.looks.get(keyOf(process)) ?? null
  const look = platform === 'linux' ? lookedAt(closeLook(process.pid, process.startTicks, before)) : null
  const { engines, waiting } = searchOnce(process, pack, memory, room)
  const isAsked = entryId !== null || holdsWeights || engines.length > 0
  const probes = isAsked ? planProbes(entryId, pack) : []
  const { answered, told, api, gaps } = await askListeners(process, listeners, probes, asking)
  const charged = isAsked ? await footprintOf(process, parts) : null
  const closer: Closer = {
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
  return { closer, waits: waiting > 0 }
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
