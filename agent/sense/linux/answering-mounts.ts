// Which file systems of servers and programs (NFS, SMB, FUSE) answer. What a process runs, maps or holds open there is touched with a
// call that hangs as long as the server does, and the whole agent with it. So a program of the system is asked first (stat -f, which
// always reaches the server): it may hang in our place. Nobody is asked about a mount that no process uses.
import { NAME_ENCODING } from '../path-text.ts'
import { createRemoteMounts, type RemoteMount, type RemoteMounts } from '../remote-mounts.ts'
import { runProgram } from '../run-program.ts'

/** Of coreutils. With -f it asks statfs(2), which no cache of the kernel answers. */
const STAT = '/usr/bin/stat'
/** A server across an ocean answers in 300 ms. */
const LIMITS = { timeoutMs: 2_000, maxBytes: 4_096 }
/** One that did not answer is asked again after so long: each time costs a look two seconds, and may leave a program that hangs. */
const FIRST_PAUSE_MS = 60_000
const MAX_PAUSE_MS = 3_600_000
/** Mounts that one look asks about; the others count as silent (CWE-400). */
const MAX_ASKED = 32
/** Longer than from one whole sweep to the next one. */
const AT_TIMES_MS = 2 * 60 * 60 * 1000
/** It mounts something when it is touched. */
const AUTOMATIC = 'autofs'

/** Whether what processes use may be touched. Paths in byte form. */
export interface AnsweringMounts {
  /** False for a path on a mount that is not known to answer at present. */
  readonly mayTouch: (path: string) => boolean
  /** The same for whoever comes by once an hour: what is not known yet is asked from now on until then. */
  readonly mayTouchAtTimes: (path: string) => boolean
  /** The same for a mount of our own table. */
  readonly mayUse: (mount: RemoteMount) => boolean
  /** Whether it lies on such a mount at all: what was true of it in the last look need not be true now. */
  readonly isRemote: (path: string) => boolean
  /** Whether a text of mappings may name such a mount. */
  readonly isNamedIn: (maps: string) => boolean
  /** Asks the mounts that were wanted since the last time; true when some answered that did not before. */
  readonly ask: (signal: AbortSignal) => Promise<boolean>
  /** Mounts that were wanted and may not be touched. */
  readonly silent: () => readonly RemoteMount[]
}

/** True when the mount at this place answers. */
type Asks = (place: string, signal: AbortSignal) => Promise<boolean>

interface Silence {
  readonly pauseMs: number
  readonly untilMs: number
}

export function createAnsweringMounts(
  remote: RemoteMounts = createRemoteMounts(),
  asks: Asks = askByProgram,
  nowMs = (): number => performance.now(),
): AnsweringMounts {
  const silences = new Map<string, Silence>()
  const answering = new Set<string>()
  const atTimes = createAtTimes(nowMs)
  let asked: readonly RemoteMount[] = []
  let wanted = new Map<string, RemoteMount>()

  const askOne = async ({ place, kind }: RemoteMount, signal: AbortSignal): Promise<void> => {
    const silence = silences.get(place)
    if (kind === AUTOMATIC || (silence !== undefined && nowMs() < silence.untilMs)) return
    answering.delete(place)
    if (await asks(place, signal)) {
      answering.add(place)
      silences.delete(place)
      return
    }
    const pauseMs = Math.min(MAX_PAUSE_MS, silence === undefined ? FIRST_PAUSE_MS : silence.pauseMs * 2)
    silences.set(place, { pauseMs, untilMs: nowMs() + pauseMs })
  }
  const mayUse = (mount: RemoteMount): boolean => {
    wanted.set(mount.place, mount)
    return answering.has(mount.place)
  }
  return {
    mayTouchAtTimes(path) {
      const mount = remote.mountAround(path)
      if (mount === undefined) return true
      atTimes.want(mount)
      return answering.has(mount.place)
    },
    mayTouch(path) {
      const mount = remote.mountAround(path)
      return mount === undefined || mayUse(mount)
    },
    mayUse,
    isRemote: (path) => remote.mountAround(path) !== undefined,
    isNamedIn: (maps) => remote.places().some((place) => maps.includes(` ${place}/`)),
    async ask(signal) {
      const before = new Set(answering)
      asked = [...wanted.values()].slice(0, MAX_ASKED)
      wanted = new Map()
      const all = [...asked, ...atTimes.beside(asked)]
      const places = new Set(remote.places())
      for (const place of [...silences.keys(), ...answering]) {
        if (!places.has(place)) silences.delete(place)
        if (!all.some((mount) => mount.place === place)) answering.delete(place)
      }
      await Promise.all(all.map((mount) => askOne(mount, signal)))
      return asked.some(({ place }) => answering.has(place) && !before.has(place))
    },
    silent: () => {
      const all = new Map([...asked, ...wanted.values()].map((mount) => [mount.place, mount]))
      return [...all.values()].filter(({ place }) => !answering.has(place))
    },
  }
}

/** Mounts that somebody comes by at times for. */
function createAtTimes(nowMs: () => number) {
  const mounts = new Map<string, { readonly mount: RemoteMount; readonly untilMs: number }>()
  return {
    want: (mount: RemoteMount): void => {
      mounts.set(mount.place, { mount, untilMs: nowMs() + AT_TIMES_MS })
    },
    /** Those that are not among others. */
    beside: (others: readonly RemoteMount[]): readonly RemoteMount[] => {
      for (const [place, { untilMs }] of mounts) if (nowMs() >= untilMs) mounts.delete(place)
      const known = new Set(others.map(({ place }) => place))
      const rest = [...mounts.values()].map(({ mount }) => mount)
      return rest.filter(({ place }) => !known.has(place)).slice(0, MAX_ASKED)
    },
  }
}

/** A refusal is an answer: what is refused at once hangs nobody. */
async function askByProgram(place: string, signal: AbortSignal): Promise<boolean> {
  const text = Buffer.from(place, NAME_ENCODING).toString('utf8')
  // A program takes text: nothing can be asked about a mount point whose name is none.
  if (text.includes('\ufffd')) return false
  const printed = await runProgram(STAT, ['-f', '-c', '%t', '--', text], { ...LIMITS, signal })
  return 'text' in printed || printed.trouble.startsWith('1: ')
}

/** The mounts of this machine: asked once for all who look at processes. */
export const answeringMounts: AnsweringMounts = createAnsweringMounts()
