// What the reader says that it found, before anybody believes it: the shape of a draft, identities that this process sampled itself,
// paths among those that were handed out, digests that this process computed. A reader that a file took over can lie about the content
// of the files it was given, and about nothing else.
import { type Artifact, artifactSchema, type FilePart } from '../../contract/artifact.ts'
import type { FileIdentity } from '../../contract/observation.ts'
import type { Gap } from '../../contract/wire.ts'
import { MAX_PATH_CHARS } from '../../contract/wire.ts'
import type { TensorMark } from '../../rules/edit-map.ts'
import { mendArtifact } from '../fit-artifact.ts'
import type { DraftArtifact } from '../read/read-candidates.ts'
import type { StoreFind } from '../read/store-reader.ts'
import { webPlace } from '../read/web-place.ts'
import { isHead } from './frames.ts'
import type { HandOut } from './hand-out.ts'
import { keyOf } from './handed-files.ts'
import type { Task } from './tasks.ts'

/** The samples of the largest models that are put together (CWE-770). */
const MAX_MARKS = 200_000
const MAX_DIMENSIONS = 64
const MAX_NAME_CHARS = 65_536
const MARK = /^[0-9a-f]{2,64}$/

/** What reading says of an artifact; the rest is said by others, in this process. */
const READ = [
  'artifactId',
  'kind',
  'path',
  'parts',
  'sizeBytes',
  'modifiedAt',
  'format',
  'formatVersion',
  'dialect',
  'store',
  'relations',
  'verdict',
  'fingerprint',
  'scan',
  'gaps',
] as const

/** Where the files of a task lie. */
export interface Bounds {
  readonly isWithin: (path: string) => boolean
  readonly isStore: boolean
  /** Stands for all of them. */
  readonly place: string
}

/** The folders of the candidates, or the folder of the store. */
export function boundsOf(task: Task): Bounds {
  if (task.what === 'sniff') return { isStore: false, place: '', isWithin: () => false }
  const folders =
    task.what === 'store' ? new Set([task.folder.path]) : new Set(task.candidates.map(({ path }) => folderOf(path)))
  // A path of thousands of folders is looked at once for each length of a folder, and nearly always that is one.
  const lengths = [...new Set([...folders].map(({ length }) => length))]
  return {
    isStore: task.what === 'store',
    place: task.what === 'store' ? task.folder.path : folderOf(task.candidates[0]?.path ?? ''),
    isWithin: (path) => {
      if (path.length > MAX_PATH_CHARS || path.split(/[/\\]/).includes('..')) return false
      return lengths.some((length) => liesIn(path, length) && folders.has(path.slice(0, length)))
    },
  }
}

/** A model of a store with the files that it takes up; null for what cannot be. */
export function checkFind(value: unknown, bounds: Bounds, handOut: HandOut): StoreFind | null {
  if (!isHead(value)) return null
  const draft = checkDraft(value['draft'], bounds, handOut)
  const claimed = identitiesOf(value['claimed'], handOut)
  return draft === null || claimed === null ? null : { draft, claimed }
}

/** A draft as this process may go on with; null for what cannot be. */
export function checkDraft(value: unknown, bounds: Bounds, handOut: HandOut): DraftArtifact | null {
  if (!isHead(value)) return null
  const { isData } = value
  const artifact = artifactOf(Object.fromEntries(READ.map((name) => [name, value[name]])))
  const identities = identitiesOf(value['identities'], handOut)
  const marks = marksOf(value['marks'])
  if (artifact === null || identities === null || marks === null) return null
  const { identifications: _none, simulated: _no, ...read } = artifact
  const draft: DraftArtifact = { ...read, identities, marks, ...(isData === true ? { isData } : {}) }
  return isWithinBounds(draft, bounds) && isHandedOut(draft, bounds, handOut) && hasOwnDigests(draft, bounds, handOut)
    ? draft
    : null
}

/** Where it says that it could not look: nowhere but in the folders of the task. Elsewhere stands for the task as a whole. */
export function checkPlace(gap: Gap, { isWithin, place }: Bounds): Gap {
  const isPlace = !gap.place.startsWith('(') && (isWithin(gap.place) || gap.place === webPlace(`${place}/`)?.allPages)
  return isPlace ? gap : { ...gap, place }
}

/** What a draft says beyond the limits of the wire is cut where it always is, as if it had been read here; what no schema knows goes. */
function artifactOf(told: Readonly<Record<string, unknown>>): Artifact | null {
  const whole = { ...told, identifications: [], threats: [], simulated: false }
  const known = artifactSchema.safeParse(whole)
  if (known.success) return known.data
  try {
    return artifactSchema.safeParse(mendArtifact(whole)).data ?? null
  } catch {
    // It is so far from an artifact that it cannot be mended.
    return null
  }
}

function identitiesOf(value: unknown, handOut: HandOut): readonly FileIdentity[] | null {
  if (!Array.isArray(value)) return null
  const known = new Map<string, FileIdentity>()
  for (const each of value) {
    if (!isHead(each) || typeof each['dev'] !== 'string' || typeof each['inode'] !== 'string') return null
    const identity = handOut.files.identityOf({ dev: each['dev'], inode: each['inode'] })
    if (identity === undefined) return null
    known.set(keyOf(identity), identity)
  }
  return [...known.values()]
}

function marksOf(value: unknown): readonly TensorMark[] | null {
  if (!Array.isArray(value) || value.length > MAX_MARKS || !value.every(isMark)) return null
  return value.map(({ name, type, shape, mark }) => ({ name, type, shape, mark }))
}

function isMark(value: unknown): value is TensorMark {
  if (!isHead(value)) return false
  const { name, type, shape, mark } = value
  if (typeof name !== 'string' || name.length > MAX_NAME_CHARS || typeof type !== 'string') return false
  if (type.length > MAX_NAME_CHARS || typeof mark !== 'string' || !MARK.test(mark)) return false
  return Array.isArray(shape) && shape.length <= MAX_DIMENSIONS && shape.every((size) => typeof size === 'number')
}

function isWithinBounds({ path, parts, relations = [] }: DraftArtifact, { isWithin }: Bounds): boolean {
  return [path, ...parts.map((part) => part.path), ...relations.map((other) => other.path)].every(isWithin)
}

/**
 * A model has a path and parts that were opened for the task. A store shows some of its files under the names of links that lead to
 * them, and names a model by a file of its own or by a folder.
 */
function isHandedOut(draft: DraftArtifact, { isStore }: Bounds, { files }: HandOut): boolean {
  const { kind, path, parts, identities, relations = [] } = draft
  const isModel = (each: string): boolean => files.leadsToFile(each) || files.hasFolder(each)
  if (!relations.every((other) => isModel(other.path))) return false
  if (isStore) return isModel(path) && parts.every((part) => files.leadsToFile(part.path))
  const [first] = parts
  if (first?.role !== 'weights' || path !== (kind === 'folder' ? folderOf(first.path) : first.path)) return false
  const paths = new Set(parts.map((part) => part.path))
  return [...paths].every((each) => files.hasPath(each)) && identities.every((each) => files.isAt(paths, each))
}

/** Rung 6 approves: whose digest it is must be sure. */
function hasOwnDigests(
  { parts, fingerprint, identities }: DraftArtifact,
  { isStore }: Bounds,
  { files }: HandOut,
): boolean {
  const own = new Set(identities.map(keyOf))
  const isOwn = ({ path, sha256, offsetBytes, sizeBytes }: FilePart): boolean =>
    sha256 === undefined || files.isDigestAt(path, { start: offsetBytes ?? null, sizeBytes }, sha256, own)
  const sha256 = fingerprint.content?.sha256
  if (!parts.every(isOwn)) return false
  if (sha256 === undefined) return true
  // A store may keep the same model a second time, for another framework.
  if (!isStore && identities.length !== 1) return false
  return parts.some((part) => part.role === 'weights' && part.sha256 === sha256)
}

/** Whether the first so many characters may be a folder around the path, or the path itself. */
function liesIn(path: string, length: number): boolean {
  if (length >= path.length) return length === path.length
  if (length === 0) return !/[/\\]/.test(path)
  return isSeparator(path[length]) || isSeparator(path[length - 1])
}

function isSeparator(character: string | undefined): boolean {
  return character === '/' || character === '\\'
}

function folderOf(path: string): string {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return end > 0 ? path.slice(0, end) : path.slice(0, end + 1)
}
