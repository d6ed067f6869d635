// What of a process may be touched, by the path that the kernel shows (answering-mounts.ts) and, once a file is held, by the mount that
// it is really on (mount-judge.ts); and what was met meanwhile.
import type { RemoteMount } from '../remote-mounts.ts'
import type { AnsweringMounts } from './answering-mounts.ts'
import type { MountJudge, MountVerdict } from './mount-judge.ts'

/** Mounts of one process that are told; the others are of its making, too (CWE-770). */
const MAX_TOLD = 8

/** The touch of one process. */
export interface Touch {
  /** By its path: false on a mount that is not known to answer. */
  readonly mayTouch: (path: string) => boolean
  /** The mappings of a text that may be. */
  readonly keep: (maps: string) => string
  /** By the numbers of the mounts of held files, with the held folder of the process. */
  readonly mayUse: (folder: string, mountIds: readonly (number | null)[]) => readonly boolean[]
  /** Whether something was left out so far. */
  readonly isCut: () => boolean
  /** Whether it lies on a mount of a server: what was true in the last look need not be true now. */
  readonly metRemote: () => boolean
  /** Mounts that were met and are never touched. */
  readonly unproven: () => readonly RemoteMount[]
}

/** Starts with nothing met. */
export function touchIn(mounts: AnsweringMounts, judge: MountJudge): Touch {
  let met = false
  let isCut = false
  const unproven = new Map<string, RemoteMount>()
  const mayTouch = (path: string): boolean => {
    if (!mounts.isRemote(path)) return true
    met = true
    const may = mounts.mayTouch(path)
    isCut ||= !may
    return may
  }
  const keep = (maps: string): string => {
    if (!mounts.isNamedIn(maps)) return maps
    // As in maps-text.ts: a path begins behind column 30, and only a path has a slash.
    const isKept = (line: string): boolean => !line.includes('/', 30) || mayTouch(line.slice(line.indexOf('/', 30)))
    return maps.split('\n').filter(isKept).join('\n')
  }
  const mayUseOn = (verdict: MountVerdict): boolean => {
    if (verdict.kind === 'local') return true
    const { kind, mount } = verdict
    if (kind === 'unproven' && unproven.size < MAX_TOLD) unproven.set(mount.place, mount)
    met ||= kind === 'remote'
    const may = kind === 'remote' && mounts.mayUse(mount)
    isCut ||= !may
    return may
  }
  return {
    mayTouch,
    keep,
    mayUse: (folder, mountIds) => judge(folder, mountIds).map(mayUseOn),
    isCut: () => isCut,
    metRemote: () => met,
    unproven: () => [...unproven.values()],
  }
}
