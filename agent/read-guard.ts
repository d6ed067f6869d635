// Stands before every file that a sweep opens for reading: leaves alone what is set aside, and says what is being read as long as it is
// open. Wraps what the walk hands out, so that no reader knows of it.
import type { Failure, Result } from '../contract/failure.ts'
import type { CandidateFile, FileIdentity, OpenedFile, OpenedFolder, WalkedFolder } from '../contract/observation.ts'

export interface ReadGuard {
  /** Why a file is not read now; null: it is. */
  readonly refuse: (path: string, identity: FileIdentity) => Failure | null
  /** Called before the first byte is read, and when the file is closed. */
  readonly begin: (path: string, identity: FileIdentity) => void
  readonly end: () => void
  /** The same for work that is no single file: a sensor by its name. */
  readonly during: <T>(sensor: string, work: () => Promise<T>) => Promise<T>
  /** Rests, where much was done; called between pieces of a whole sweep. */
  readonly pause: () => Promise<void>
}

/** For programs that end by themselves: a person is there, and asked for that file. */
export const NO_GUARD: ReadGuard = {
  refuse: () => null,
  begin: () => undefined,
  end: () => undefined,
  during: (_sensor, work) => work(),
  pause: () => Promise.resolve(),
}

/** A folder of a walk, whose files are opened past the guard. */
export function guardFolder(folder: WalkedFolder, guard: ReadGuard): WalkedFolder {
  if (guard === NO_GUARD) return folder
  const hold = (): OpenedFolder | null => {
    const held = folder.hold()
    return held === null ? null : guardHeld(held, guard)
  }
  return { ...folder, candidates: guardCandidates(folder.candidates, guard), hold }
}

export function guardCandidates(candidates: readonly CandidateFile[], guard: ReadGuard): readonly CandidateFile[] {
  if (guard === NO_GUARD) return candidates
  return candidates.map((candidate) => ({ ...candidate, open: () => openPast(candidate, guard) }))
}

/** What is refused is not even opened. */
export function openPast(
  { path, identity, open }: Pick<CandidateFile, 'path' | 'identity' | 'open'>,
  guard: ReadGuard,
): Result<OpenedFile> {
  const failure = guard.refuse(path, identity)
  if (failure !== null) return { ok: false, failure }
  const opened = open()
  return opened.ok ? { ok: true, value: announced(opened.value, guard) } : opened
}

/** A store is read through its folder: the same holds for its files and for those of the folders in it. */
function guardHeld(folder: OpenedFolder, guard: ReadGuard): OpenedFolder {
  return {
    path: folder.path,
    list: () => folder.list(),
    readLink: (name) => folder.readLink(name),
    close: () => folder.close(),
    openFolder: (name) => {
      const inner = folder.openFolder(name)
      return inner === null ? null : guardHeld(inner, guard)
    },
    openFile: (name) => {
      const file = folder.openFile(name)
      if (file === null) return null
      if (guard.refuse(file.path, file.identity) === null) return announced(file, guard)
      file.close()
      return null
    },
  }
}

function announced(file: OpenedFile, guard: ReadGuard): OpenedFile {
  guard.begin(file.path, file.identity)
  let isOpen = true
  return {
    ...file,
    close: () => {
      if (isOpen) guard.end()
      isOpen = false
      file.close()
    },
  }
}
