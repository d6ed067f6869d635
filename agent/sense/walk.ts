// The walk over files: own synchronous loop (0.8 s of processor time where async iterators took 9 s for 500,000 files,
// notes/feasibility.md section 4), descriptor by descriptor, so that nobody can lead it astray by swapping a folder for a
// link. One file system per root, no link followed, excludes honoured before descending, every refusal counted.
import { statfsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { WalkSummary, WalkedFolder } from '../../contract/observation.ts'
import { type HeldFolder, openFolder, openFolderAt, openFolderIn } from './linux/held-folder.ts'
import { resolveOperand } from './linux/open-path.ts'
import { bytesOf, bytesOfReadable, fileSystemPath, joinBytes, readablePath } from './path-text.ts'
import { findRemote } from './remote-mounts.ts'
import type { TouchDeclaration } from './touch-declaration.ts'
import { MINIMUM_BYTES, visitFolder, visitNamedFile } from './visit-folder.ts'
import {
  type Level,
  type Walk,
  type WalkOptions,
  isExcluded,
  miss,
  missRemote,
  noteExclude,
  segmentsOf,
  startWalk,
} from './walk-state.ts'

export { MINIMUM_BYTES, type WalkOptions }

/** Folders inside one another; each level holds a descriptor, and a path of so many long names takes 64 KB. Real trees end at about 40. */
const MAX_DEPTH = 256
/** File systems that show the kernel and not files (statfs(2)): proc, sysfs, debugfs, tracefs, securityfs, cgroup 1 and 2, devpts, bpf, configfs, efivarfs. */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x73636673, 0x27e0eb, 0x63677270, 0x1cd1, 0xcafe4a11, 0x62656570,
  0xde5e81e4,
])

/** What a walk and the reading of its candidates touch and collect, on any system. */
export const walkDeclaration: TouchDeclaration = {
  id: 'files',
  platform: 'any',
  touches: [
    'every folder below the places swept, on the file system of that place, without following links: names and kinds of entries; size, times, device and inode of regular files',
    'of the folders that were walked: their times, names and known files, and what reading them gave, kept in cache.db of the state folder; `gnomon run` compares the times of these folders every 30 seconds without listing them',
    '/proc/self/mountinfo (Linux): file systems of the network and of programs (NFS, SMB, FUSE) are not touched, unless a path on them is named as a place to sweep',
    'left out before descending: /proc, /sys, /dev, gvfs and doc portals below /run/user, /var/lib/lxcfs, file systems of the kernel, the folder of the agent itself, and every exclude of the settings',
    'content of regular files of at least 1 MiB, and of smaller ones whose name or folder suggests a model: the first bytes, and where these leave it open a few pieces further on (4 MiB at most, and the list of members of an archive); of files in no known format up to 15 samples of 4 KiB, and where these look like weights the stretch before them, 2 GiB a sweep at most; of those that are weights their structure and small samples of the tensors; the whole file with deep hashing, where an approval by SHA-256 is set, or where it has the size of a registered decoy',
    'beside weights: the names of the folder, and the configuration, tokenizer and index files, the model card (README.md) and the notes of huggingface_hub (.cache/huggingface) that belong to the model',
    'in model stores (Ollama, hub caches, OCI, RamaLama, Jan and their like): manifests, references, configurations, and where links lead; in any folder: trainer_state.json and YAML files that are named like training configurations',
    'in caches of browsers: of Chromium (Cache Storage, Cache_Data) the page named in index.txt and the address of every entry, of which those beside weights are kept; of Firefox (Cache API) the beginning of bodies of at least 1 MiB, unpacked in memory; never the databases of a browser',
    'FIFOs, sockets, devices and symbolic links are never opened; nothing is written, executed or unpacked to disk',
  ],
  collects: [
    'of weights files, and of the files that belong to them: path, size, modification time, format, facts of the container (producer, versions, classes that a pickle names, names of members of an archive), what file, card and place claim (name, author, licence, origin, base models, tags), structure (layers, widths, vocabulary size, types of numbers, names and shapes of tensors), digests, and which models of this machine descend from one another',
    'of what training left: framework, method, base model, optimizer, steps and learning rates; no data set, path or prompt',
    'of models that a web page keeps in a browser: the origin of that page, and of the address that the model came from the host, folder or repository and revision, without what follows a question mark; of large files of pages in no known format only their number',
    'of places that could not be looked at: the path, the reason and a count',
    'nothing of other files but how many were seen: neither their names nor their content',
  ],
}

/** Walks the roots one after the other; a folder is yielded when it was read, before anything below it. */
export function* walkFiles(options: WalkOptions): Generator<WalkedFolder, WalkSummary> {
  const walk = startWalk(options)
  const roots = options.roots.flatMap((operand) => enterable(walk, operand))
  for (const place of options.first ?? []) yield* walkFirst(walk, place, roots)
  for (const root of roots) yield* walkRoot(walk, root)
  return summaryOf(walk)
}

/** Walks folders that are held already, one after the other, and closes them; what lies in an earlier one is left out of a later one. */
export function* walkHeld(
  options: Omit<WalkOptions, 'roots' | 'first'>,
  folders: Iterable<HeldFolder>,
): Generator<WalkedFolder, WalkSummary> {
  const walk = startWalk({ ...options, roots: [], first: [] })
  for (const folder of folders) {
    const isRefused = isRootExcluded(walk, folder) || isBegun(walk, folder)
    if (isRefused) folder.close()
    else yield* walkBelow(walk, folder, readablePath(folder.bytes))
  }
  return summaryOf(walk)
}

function summaryOf({ filesSeen, foldersSeen, alreadySeen, isComplete, gaps }: Walk): WalkSummary {
  return { filesSeen, foldersSeen, alreadySeen, isComplete, gaps: gaps.list() }
}

interface Root {
  readonly operand: string
  /** In byte form. */
  readonly bytes: string
}

/** A root is a person's or a setting's own word: links in it are resolved, once. Below it none is followed. */
function enterable(walk: Walk, operand: string): readonly Root[] {
  const typed = bytesOf(resolve(operand))
  const bytes = walk.options.areRootsTold === true ? bytesOfReadable(operand) : typed
  const kind = walk.options.entersRemote === true ? null : findRemote(bytes, walk.remote)
  if (kind !== null) {
    missRemote(walk, operand, kind)
    return []
  }
  // Nobody typed that, and a walk reached it without links.
  if (bytes !== typed) return [{ operand, bytes }]
  const resolved = resolveOperand(operand)
  if (resolved.ok) return [{ operand, bytes: bytesOf(resolved.value) }]
  miss(walk, resolved.failure.code, operand, resolved.failure.detail)
  return []
}

function* walkRoot(walk: Walk, { operand, bytes }: Root): Generator<WalkedFolder, void> {
  if (isKernelFileSystem(walk, operand, bytes)) return
  const opened = openFolderAt(bytes)
  if (!opened.ok) {
    if (opened.failure.code === 'GNO_SENSE_NOT_A_FILE') yield* visitFile(walk, bytes)
    else miss(walk, opened.failure.code, operand, opened.failure.detail)
    return
  }
  const isRefused = isRootExcluded(walk, opened.value) || isBegun(walk, opened.value)
  if (isRefused) opened.value.close()
  else yield* walkBelow(walk, opened.value, operand)
}

/** A likely place is walked early when the walk would come there anyway: told of by nobody when not. */
function* walkFirst(walk: Walk, place: string, roots: readonly Root[]): Generator<WalkedFolder, void> {
  const path = bytesOf(place)
  const root = roots.find((each) => path.startsWith(joinBytes(each.bytes, '')))
  if (root === undefined || walk.remote.around(path) !== undefined) return
  const opened = openFolder(place)
  if (!opened.ok) return
  if (isReached(walk, opened.value, root)) yield* walkBelow(walk, opened.value, place)
  else opened.value.close()
}

function isReached(walk: Walk, below: HeldFolder, root: Root): boolean {
  const above = openFolderAt(root.bytes)
  if (!above.ok) return false
  above.value.close()
  if (below.dev !== above.value.dev || !isAllowed(walk, above.value, below)) return false
  return !isBegun(walk, below) && !isBelowBegun(walk, below.bytes)
}

/** Whether a folder above was walked first, and this one with it. */
function isBelowBegun({ begunPaths }: Walk, path: string): boolean {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (begunPaths.has(path.slice(0, end))) return true
  }
  return false
}

/** Whether no exclude stops the walk on its way from one folder to another; told when the walk comes by. */
function isAllowed({ excludes }: Walk, above: HeldFolder, below: HeldFolder): boolean {
  const segments = segmentsOf(below)
  if (excludes.matchRoot(segments) !== null) return false
  for (let end = segmentsOf(above).length + 1; end <= segments.length; end += 1) {
    if (excludes.match(segments.slice(0, end), segments[end - 1] ?? '') !== null) return false
  }
  return true
}

function isBegun(walk: Walk, { dev, inode }: HeldFolder): boolean {
  return walk.begun.size > 0 && walk.begun.has(`${dev}:${inode}`)
}

/** Closes the folder, also when the consumer stops asking: a generator's finally runs on return. */
function* walkBelow(walk: Walk, folder: HeldFolder, root: string): Generator<WalkedFolder, void> {
  const levels: Level[] = [{ folder, segments: segmentsOf(folder), pending: [] }]
  try {
    yield* walkLevels(walk, levels, root)
    if (walk.options.first === undefined) return
    walk.begun.add(`${folder.dev}:${folder.inode}`)
    walk.begunPaths.add(folder.bytes)
  } finally {
    for (const level of levels) level.folder.close()
  }
}

function* walkLevels(walk: Walk, levels: Level[], root: string): Generator<WalkedFolder, void> {
  yield* visit(walk, levels)
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (walk.options.signal.aborted) {
      miss(walk, 'GNO_SENSE_LIMIT', root, 'the walk was asked to stop')
      return
    }
    if (walk.foldersSeen >= (walk.options.maxFolders ?? Number.POSITIVE_INFINITY)) {
      miss(walk, 'GNO_SENSE_LIMIT', root, `more than ${walk.options.maxFolders} folders; the rest was not looked at`)
      return
    }
    const name = level.pending.pop()
    if (name !== undefined && descend(walk, levels, level, name)) yield* visit(walk, levels)
    if (name === undefined) levels.pop()?.folder.close()
  }
}

function* visit(walk: Walk, levels: readonly Level[]): Generator<WalkedFolder, void> {
  const level = levels.at(-1)
  if (level !== undefined) yield* visitFolder(walk, level)
}

/** A root that is a file: its folder is held, and it is the only candidate. */
function* visitFile(walk: Walk, bytes: string): Generator<WalkedFolder, void> {
  const folder = openFolderAt(dirname(bytes))
  if (!folder.ok) {
    miss(walk, folder.failure.code, readablePath(bytes), folder.failure.detail)
    return
  }
  try {
    const level = { folder: folder.value, segments: segmentsOf(folder.value), pending: [] }
    yield visitNamedFile(walk, level, basename(bytes), readablePath(dirname(bytes)))
  } finally {
    folder.value.close()
  }
}

function isRootExcluded(walk: Walk, folder: HeldFolder): boolean {
  return noteExclude(walk, walk.excludes.matchRoot(segmentsOf(folder)))
}

/** A kernel file system is refused even when it is named: /proc/kcore alone is 128 TiB "long". */
function isKernelFileSystem(walk: Walk, root: string, bytes: string): boolean {
  try {
    if (process.platform !== 'linux' || !KERNEL_FILE_SYSTEMS.has(statfsSync(fileSystemPath(bytes)).type)) return false
  } catch {
    // Absent or unreadable: opening it says so, with its reason.
    return false
  }
  walk.gaps.add('GNO_SENSE_EXCLUDED', root, 'a file system of the kernel holds no files')
  return true
}

function descend(walk: Walk, levels: Level[], level: Level, name: string): boolean {
  const segments = [...level.segments, name]
  const path = () => readablePath(joinBytes(level.folder.bytes, name))
  if (isExcluded(walk, segments, name)) return false
  const kind = walk.remote.namesIn(level.folder.bytes)?.get(name)
  if (kind !== undefined) {
    missRemote(walk, path(), kind)
    return false
  }
  if (levels.length >= MAX_DEPTH) {
    miss(walk, 'GNO_SENSE_LIMIT', path(), `deeper than ${MAX_DEPTH} folders below the root`)
    return false
  }
  const opened = openFolderIn(level.folder, name)
  if (!opened.ok) {
    miss(walk, opened.failure.code, path(), 'a folder could not be entered')
    return false
  }
  const isOther = opened.value.dev !== level.folder.dev
  if (isOther) miss(walk, 'GNO_SENSE_OTHER_FILESYSTEM', path(), 'another file system begins here')
  if (isOther || isBegun(walk, opened.value)) {
    opened.value.close()
    return false
  }
  levels.push({ folder: opened.value, segments, pending: [] })
  return true
}
