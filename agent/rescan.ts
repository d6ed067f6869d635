// Between sweeps, where no watch stands: folders are compared by their times and known models by their identity, nothing is listed. A
// folder that changed is listed, new folders in it are walked whole, and what is new or was overwritten is told like a watcher's news.
import { type Stats, lstatSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { ListedFolder } from '../contract/listed-folder.ts'
import type { FileIdentity, WalkedFolder, WalkSummary } from '../contract/observation.ts'
import type { Gap } from '../contract/wire.ts'
import { type ComparedFolder, RescanIndex, isAtOrBelow } from './rescan-index.ts'
import { identityOf } from './sense/linux/open-regular.ts'
import { bytesOfReadable, fileSystemPath, joinBytes, readablePath } from './sense/path-text.ts'
import type { RemoteMounts } from './sense/remote-mounts.ts'

/** Other work has its turn this often. */
const SLICE_MS = 20
/** Asked for the time after so many looks. */
const LOOKS_PER_CHECK = 64
/** So often even what is watched is compared: the system drops news without a word when too many come at once. */
const ROUNDS_TO_COMPARE_ALL = 20
/** PATH_MAX of Linux, with the byte that ends it. */
const MAX_PATH_BYTES = 4_095
/** Of the time of one core; a rescan that took long is followed by a longer rest. */
const SHARE = 0.005

/** The folders that were kept; agent/report/kept-folders.ts is one. */
export interface FolderIndex {
  readonly after: (path: string | null) => readonly ComparedFolder[]
  readonly peek: (path: string) => ListedFolder | undefined
  readonly flush: () => void
}

export interface RescanTellers {
  /** A file that may be a model is new or another one; it may still be written to. */
  readonly onTouched: (path: string) => void
  readonly onGone: (path: string) => void
  readonly onGap: (gap: Gap) => void
}

export interface RescanOptions {
  readonly index: FolderIndex
  /** Walks as a sweep does, and keeps what it lists in the index. */
  readonly walk: (roots: readonly string[]) => Generator<WalkedFolder, WalkSummary>
  /** A folder in byte form of which news come at once by themselves. */
  readonly isWatched: (path: string) => boolean
  /** While a sweep runs, it sees everything itself. */
  readonly isSweeping: () => boolean
  readonly remote: RemoteMounts
  readonly tell: RescanTellers
  readonly intervalMs: number
  /** Milliseconds of processor time that this program has used. */
  readonly cpuMs: () => number
  /** Milliseconds of a clock that never steps back. */
  readonly nowMs: () => number
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>
  /** Told after each rescan that came to its end. */
  readonly onRound?: (round: RescanRound) => void
  readonly signal: AbortSignal
}

/** What one rescan did. */
export interface RescanRound {
  readonly folders: number
  /** Of them, those of which no news come by themselves: the others are compared from time to time. */
  readonly compared: number
  readonly changed: number
  readonly candidates: number
  readonly cpuMs: number
  /** Until the next one. */
  readonly restMs: number
}

export interface Rescan {
  /** Reads the index again: after a sweep. */
  readonly reload: () => void
  /** One rescan; null when it was stopped, or a sweep began. */
  readonly once: () => Promise<RescanRound | null>
  /** Rescans until the signal fires. */
  readonly run: () => Promise<void>
}

interface State {
  rounds: number
  index: RescanIndex | null
  sliceStartedMs: number
  sliceCpuMs: number
  usedMs: number
  compared: number
}

export function createRescan(options: RescanOptions): Rescan {
  const state: State = { index: null, rounds: 0, sliceStartedMs: 0, sliceCpuMs: 0, usedMs: 0, compared: 0 }
  const everything: RescanOptions = { ...options, isWatched: () => false }
  const once = async (): Promise<RescanRound | null> => {
    state.rounds += 1
    return rescanOnce(state, state.rounds % ROUNDS_TO_COMPARE_ALL === 0 ? everything : options)
  }
  return {
    reload() {
      state.index = null
    },
    once,
    async run() {
      let restMs = options.intervalMs
      while (!isStopped(options.signal)) {
        await options.sleep(restMs, options.signal)
        const round = isStopped(options.signal) || options.isSweeping() ? null : await once()
        if (round !== null) options.onRound?.(round)
        restMs = round?.restMs ?? options.intervalMs
      }
    },
  }
}

/** Asked anew after every wait: the signal changes behind the compiler's back. */
function isStopped(signal: AbortSignal): boolean {
  return signal.aborted
}

async function rescanOnce(state: State, options: RescanOptions): Promise<RescanRound | null> {
  state.usedMs = 0
  state.compared = 0
  beginSlice(state, options)
  const index = state.index ?? (await loadIndex(state, options))
  if (index === null) return null
  state.index = index
  const folders = index.size
  const changed = await findChanged(index, state, options)
  // A folder comes before those in it, so what is gone with it is not asked for again.
  const gone = new Set<string>()
  for (const path of changed) {
    if (isEnded(options)) return null
    if (!isAtOrBelow(path, gone)) await lookAgain({ path, index, gone }, state, options)
  }
  for (const { folder, name } of index.forget(gone)) tellGone(folder, name, options)
  const candidates = await lookAtCandidates(index, state, options)
  options.index.flush()
  endSlice(state, options)
  if (isEnded(options)) return null
  const restMs = Math.max(options.intervalMs, state.usedMs / SHARE)
  return { folders, compared: state.compared, changed: changed.length, candidates, cpuMs: state.usedMs, restMs }
}

function isEnded({ signal, isSweeping }: RescanOptions): boolean {
  return signal.aborted || isSweeping()
}

function beginSlice(state: State, { nowMs, cpuMs }: RescanOptions): void {
  state.sliceStartedMs = nowMs()
  state.sliceCpuMs = cpuMs()
}

function endSlice(state: State, { cpuMs }: RescanOptions): void {
  state.usedMs += cpuMs() - state.sliceCpuMs
}

/** Gives other work its turn when this slice was long; what others use meanwhile is not counted. */
async function pace(state: State, options: RescanOptions): Promise<void> {
  if (options.nowMs() - state.sliceStartedMs < SLICE_MS) return
  endSlice(state, options)
  await setImmediate()
  beginSlice(state, options)
}

async function loadIndex(state: State, options: RescanOptions): Promise<RescanIndex | null> {
  const index = new RescanIndex()
  options.index.flush()
  let last: string | null = null
  for (let page = options.index.after(last); page.length > 0; page = options.index.after(last)) {
    for (const folder of page.filter(({ path }) => isNameable(path))) index.put(folder)
    last = page.at(-1)?.path ?? null
    await pace(state, options)
    if (isEnded(options)) return null
  }
  if (index.isFull) tellFull(index, options)
  return index
}

/** Paths that are too long for one call of the system cannot be named to a walk: sweeps reach them step by step. */
function isNameable(path: string): boolean {
  return path.length <= MAX_PATH_BYTES && bytesOfReadable(readablePath(path)) === path
}

function tellFull(index: RescanIndex, { tell }: RescanOptions): void {
  const detail = `more than ${index.size} folders to compare; changes in the others are seen at the next sweep`
  tell.onGap({ code: 'GNO_SENSE_WATCH', place: '(rescans)', count: 1, detail })
}

async function findChanged(index: RescanIndex, state: State, options: RescanOptions): Promise<readonly string[]> {
  const changed: string[] = []
  for (let place = 0; place < index.size; place += 1) {
    if (place % LOOKS_PER_CHECK === 0) await pace(state, options)
    if (place % LOOKS_PER_CHECK === 0 && isEnded(options)) return changed
    const path = index.pathAt(place)
    if (path === null || isWatchedOrRemote(path, options)) continue
    state.compared += 1
    if (isChanged(path, place, index)) changed.push(path)
  }
  return changed
}

function isWatchedOrRemote(path: string, { isWatched, remote }: RescanOptions): boolean {
  return isWatched(path) || remote.around(path) !== undefined
}

function isChanged(path: string, place: number, index: RescanIndex): boolean {
  const stat = lookAt(path)
  // Null: refused for now. It is what it was, or the next sweep says what became of it.
  return stat !== null && (stat?.isDirectory() !== true || !index.isSame(place, stat))
}

/** Undefined when there is nothing; null when the system does not say. */
function lookAt(path: string): Stats | undefined | null {
  try {
    return lstatSync(fileSystemPath(path), { throwIfNoEntry: false })
  } catch {
    return null
  }
}

interface Changed {
  readonly path: string
  readonly index: RescanIndex
  /** Folders that are no more. */
  readonly gone: Set<string>
}

async function lookAgain({ path, index, gone }: Changed, state: State, options: RescanOptions): Promise<void> {
  const before = options.index.peek(path)
  const walk = options.walk([readablePath(path)])
  const folder = await firstFolder(walk, state, options)
  if (folder === null) {
    gone.add(path)
    return
  }
  tellFiles(path, folder, index.candidates.get(path) ?? new Map<string, FileIdentity>(), options)
  walk.return({ filesSeen: 0, foldersSeen: 0, isComplete: true, gaps: [] })
  renew(path, index, options)
  if (before === undefined) return
  const present = new Set(folder.folderNames)
  for (const name of before.folders) if (!present.has(name)) gone.add(joinBytes(path, name))
  for (const name of before.folders) present.delete(name)
  const appeared = [...present].map((name) => joinBytes(path, name)).filter(isNameable)
  if (appeared.length > 0) await walkNew(appeared.map(readablePath), index, state, options)
}

/** What is new in a changed folder, another one than before, or gone. */
function tellFiles(
  path: string,
  { candidates }: WalkedFolder,
  known: ReadonlyMap<string, FileIdentity>,
  options: RescanOptions,
): void {
  const present = new Set<string>()
  for (const { path: candidate, name, identity } of candidates) {
    present.add(bytesOfReadable(name))
    if (!isEqual(known.get(bytesOfReadable(name)), identity)) options.tell.onTouched(candidate)
  }
  for (const name of known.keys()) if (!present.has(name)) tellGone(path, name, options)
}

/** The folder itself; null when it is gone or must not be entered. */
async function firstFolder(
  walk: Generator<WalkedFolder, WalkSummary>,
  state: State,
  options: RescanOptions,
): Promise<WalkedFolder | null> {
  for (let step = walk.next(); step.done !== true; step = walk.next()) {
    if (step.value.isPiece !== true) return step.value
    await pace(state, options)
  }
  return null
}

/** Everything below folders that were not there before. */
async function walkNew(
  roots: readonly string[],
  index: RescanIndex,
  state: State,
  options: RescanOptions,
): Promise<void> {
  const walk = options.walk(roots)
  for (let step = walk.next(); step.done !== true; step = walk.next()) {
    for (const candidate of step.value.candidates) options.tell.onTouched(candidate.path)
    if (step.value.isPiece !== true) renew(bytesOfReadable(step.value.path), index, options)
    await pace(state, options)
    if (isEnded(options)) walk.return({ filesSeen: 0, foldersSeen: 0, isComplete: false, gaps: [] })
  }
}

/** What the walk has just kept of a folder is what the next rescan compares. */
function renew(path: string, index: RescanIndex, options: RescanOptions): void {
  const kept = options.index.peek(path)
  if (kept !== undefined) index.put(kept)
}

function tellGone(folder: string, name: string, { tell }: RescanOptions): void {
  const path = joinBytes(folder, name)
  if (lookAt(path) === undefined) tell.onGone(readablePath(path))
}

async function lookAtCandidates(index: RescanIndex, state: State, options: RescanOptions): Promise<number> {
  let looked = 0
  for (const [folder, known] of index.candidates) {
    if (isEnded(options)) return looked
    if (isWatchedOrRemote(folder, options)) continue
    for (const [name, identity] of known) compareCandidate({ folder, name, identity }, index, options)
    looked += known.size
    await pace(state, options)
  }
  return looked
}

interface KnownCandidate {
  readonly folder: string
  readonly name: string
  readonly identity: FileIdentity
}

/** A file that is overwritten in place moves no folder. */
function compareCandidate(
  { folder, name, identity }: KnownCandidate,
  index: RescanIndex,
  { tell }: RescanOptions,
): void {
  const path = joinBytes(folder, name)
  const now = identityAt(path)
  if (now === null || isEqual(now, identity)) return
  if (now === undefined) {
    index.dropCandidate(folder, name)
    tell.onGone(readablePath(path))
    return
  }
  index.setCandidate(folder, name, now)
  tell.onTouched(readablePath(path))
}

/** Undefined when there is no regular file; null when the system does not say. */
function identityAt(path: string): FileIdentity | undefined | null {
  try {
    const stat = lstatSync(fileSystemPath(path), { bigint: true, throwIfNoEntry: false })
    return stat?.isFile() === true ? identityOf(stat) : undefined
  } catch {
    return null
  }
}

function isEqual(one: FileIdentity | undefined, other: FileIdentity): boolean {
  if (one === undefined) return false
  const isSameFile = one.dev === other.dev && one.inode === other.inode && one.sizeBytes === other.sizeBytes
  return isSameFile && one.mtimeNs === other.mtimeNs && one.ctimeNs === other.ctimeNs
}
