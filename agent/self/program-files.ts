// Whether the program's own files are those that were there when this version first ran: a list with a digest each, kept in the state.
// Sizes and times are compared first; a digest is made only where these moved.
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of ours there are about 800; more is not a program (CWE-770). */
const MAX_FILES = 5_000
const MAX_FOLDERS = 1_000
/** What the endpoint program loads; beside it a checkout has the other programs. */
const OWN_FOLDERS = ['agent', 'contract', 'rules']

interface OwnFile {
  readonly sizeBytes: number
  /** Nobody can set it, as a time of writing can be. */
  readonly ctimeMs: number
  readonly sha256: string
}

/** Files by path below the program's folder. */
export interface ProgramFiles {
  /** Version and build that they belong to. */
  readonly build: string
  readonly files: Readonly<Record<string, OwnFile>>
}

export interface ComparedFiles {
  /** What is kept for the next look. */
  readonly kept: ProgramFiles
  /** Paths with what is otherwise; empty where all is as it was. */
  readonly changes: readonly string[]
}

/** Looks at the files; a first look of a build takes them as they are. */
export function compareProgram(folder: string, build: string, known: ProgramFiles | null): ComparedFiles {
  const before = known?.build === build ? known : null
  const old = new Map(Object.entries(before?.files ?? {}))
  const files: Record<string, OwnFile> = {}
  const changes: string[] = []
  for (const path of listFiles(folder)) {
    const was = old.get(path)
    const now = lookAt(join(folder, path), was)
    old.delete(path)
    // What the first look found stays, so that a change is told until it is undone.
    const kept = was === undefined || now?.sha256 === was.sha256 ? now : was
    if (kept !== null && (before === null || was !== undefined)) files[path] = kept
    if (before !== null) changes.push(...describe(path, was, now))
  }
  for (const [path, file] of old) {
    changes.push(`${path} is missing`)
    files[path] = file
  }
  return { kept: { build, files }, changes }
}

function describe(path: string, was: OwnFile | undefined, now: OwnFile | null): readonly string[] {
  if (was === undefined) return [`${path} was added`]
  if (now === null) return [`${path} cannot be read`]
  return now.sha256 === was.sha256 ? [] : [`${path} differs`]
}

function lookAt(path: string, known: OwnFile | undefined): OwnFile | null {
  try {
    const { size, ctimeMs } = lstatSync(path)
    if (known?.sizeBytes === size && known.ctimeMs === ctimeMs) return known
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
    return { sizeBytes: size, ctimeMs, sha256 }
  } catch {
    // Gone or refused between two looks: told as a file that cannot be read.
    return null
  }
}

function listFiles(folder: string): readonly string[] {
  const files: string[] = []
  const folders = [...OWN_FOLDERS]
  for (let place = 0; place < folders.length && place < MAX_FOLDERS; place += 1) {
    const path = folders[place] ?? ''
    const entries = entriesOf(join(folder, path))
    const pathsOf = (isFolder: boolean): readonly string[] =>
      entries.filter((entry) => entry.isDirectory() === isFolder).map(({ name }) => `${path}/${name}`)
    folders.push(...pathsOf(true))
    files.push(...pathsOf(false).slice(0, MAX_FILES - files.length))
  }
  return files.sort()
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    // Its files are missing then, and that is told.
    return []
  }
}

/** A list as it was kept; null for anything else. */
export function readProgramFiles(text: string | null): ProgramFiles | null {
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    return isProgramFiles(value) ? value : null
  } catch {
    // Another agent's: this one begins anew.
    return null
  }
}

function isProgramFiles(value: unknown): value is ProgramFiles {
  if (typeof value !== 'object' || value === null || !('build' in value) || !('files' in value)) return false
  if (typeof value.build !== 'string' || typeof value.files !== 'object' || value.files === null) return false
  return Object.values(value.files).every(isOwnFile)
}

function isOwnFile(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const given = new Map<string, unknown>(Object.entries(value))
  return ['sizeBytes', 'ctimeMs'].every((name) => typeof given.get(name) === 'number') && given.has('sha256')
}
