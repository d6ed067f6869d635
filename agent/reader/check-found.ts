// What the reader says that it found, before anybody believes it: the shape of a draft, identities that this process sampled itself,
// paths among those that were handed out, digests that this process computed. A reader that a file took over can lie about the content
// of the files it was given, and about nothing else.
import type { Artifact } from '../../contract/artifact.ts'
import { faultsOf } from '../../contract/artifact-faults.ts'
import type { FileIdentity } from '../../contract/observation.ts'
import { MAX_PATH_CHARS } from '../../contract/wire.ts'
import type { TensorMark } from '../../rules/edit-map.ts'
import { mendArtifact } from '../fit-artifact.ts'
import type { DraftArtifact } from '../read/read-candidates.ts'
import type { StoreFind } from '../read/store-reader.ts'
import { isHead } from './frames.ts'
import type { HandOut } from './hand-out.ts'
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
}

/** The folders of the candidates, or the folder of the store. */
export function boundsOf(task: Task): Bounds {
  if (task.what === 'sniff') return { isStore: false, isWithin: () => false }
  const folders =
    task.what === 'store' ? new Set([task.folder.path]) : new Set(task.candidates.map(({ path }) => folderOf(path)))
  return {
    isStore: task.what === 'store',
    isWithin: (path) => {
      if (path.length > MAX_PATH_CHARS || path.split(/[/\\]/).includes('..')) return false
      for (let at = path; ; at = folderOf(at)) {
        if (folders.has(at)) return true
        if (at === folderOf(at)) return false
      }
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
  return isWithinBounds(draft, bounds) && hasOwnDigests(draft, bounds, handOut) ? draft : null
}

/** What a draft says beyond the limits of the wire is cut where it always is, as if it had been read here. */
function artifactOf(told: Readonly<Record<string, unknown>>): Artifact | null {
  const whole = { ...told, identifications: [], threats: [], simulated: false }
  if (isArtifact(whole)) return whole
  try {
    const mended: unknown = mendArtifact(whole)
    return isArtifact(mended) ? mended : null
  } catch {
    // It is so far from an artifact that it cannot be mended.
    return null
  }
}

function isArtifact(value: unknown): value is Artifact {
  return faultsOf(value).length === 0
}

function identitiesOf(value: unknown, handOut: HandOut): readonly FileIdentity[] | null {
  if (!Array.isArray(value)) return null
  const known: FileIdentity[] = []
  for (const each of value) {
    if (!isHead(each) || typeof each['dev'] !== 'string' || typeof each['inode'] !== 'string') return null
    const identity = handOut.handed({ dev: each['dev'], inode: each['inode'] })
    if (identity === undefined) return null
    known.push(identity)
  }
  return known
}

function marksOf(value: unknown): readonly TensorMark[] | null {
  return Array.isArray(value) && value.length <= MAX_MARKS && value.every(isMark) ? value : null
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

/** Rung 6 approves: whose digest it is must be sure. */
function hasOwnDigests(
  { path, parts, fingerprint, identities }: DraftArtifact,
  { isStore }: Bounds,
  handOut: HandOut,
): boolean {
  const told = [fingerprint.content?.sha256, ...parts.map(({ sha256 }) => sha256)].filter((each) => each !== undefined)
  if (!told.every((sha256) => identities.some((identity) => handOut.isDigestOf(sha256, identity)))) return false
  if (fingerprint.content === undefined) return true
  const [only, ...others] = identities
  // A store shows its files under names of its own.
  return only !== undefined && others.length === 0 && (isStore || handOut.isHandedAt(path, only))
}

function folderOf(path: string): string {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return end > 0 ? path.slice(0, end) : path.slice(0, end + 1)
}
