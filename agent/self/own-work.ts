// What the daemon covers at this moment and with which rights: for `gnomon status` and `gnomon doctor`, which ask no process.
import { readFileSync } from 'node:fs'
import { type OwnProcess, readOwnProcesses } from './own-processes.ts'

/** Watches as they stand. */
export interface WatchCount {
  readonly placed: number
  /** Null where the system sets none that we count (macOS, Windows). */
  readonly budget: number | null
  /** False when folders are left to rescans. */
  readonly isWhole: boolean
}

/** The last comparison of folders that are not watched. */
export interface LastRescan {
  readonly atMs: number
  readonly folders: number
  readonly changed: number
  /** Until the next one: longer than the setting where comparing took long. */
  readonly restMs: number
}

export interface OwnRights {
  /** -1 where the system has no such number. */
  readonly uid: number
  /** Those of RIGHTS that it has. */
  readonly capabilities: readonly string[]
}

/**
 * Where weights are read: in the daemon itself, in a process beside it that was not needed yet, or in one with these rights (the names
 * are those of agent/reader/start-reader.ts).
 */
export const READING_WAYS = [
  'in-process',
  'not-yet',
  'own-user',
  'no-capabilities',
  'no-new-rights',
  'permission-model',
] as const
export type ReadingWay = (typeof READING_WAYS)[number]

export interface OwnWork {
  readonly watches: WatchCount | null
  readonly rescan: LastRescan | null
  /** Why whole sweeps rest longer than their pace asks for, in a word each. */
  readonly slowedBy: readonly string[]
  readonly rights: OwnRights
  readonly reading: ReadingWay | null
  /** The last look of any kind; null before the first. */
  readonly lookedAtMs: number | null
  /** Supervisor, worker, reader; empty where the system does not tell. */
  readonly processes: readonly OwnProcess[]
}

/**
 * What an agent that is not root needs to see as much as root (capabilities(7); numbers of linux/capability.h): files below 0700 homes,
 * what other users' processes map and hold, and the link targets of unlinked files.
 */
export const RIGHTS = { CAP_DAC_READ_SEARCH: 2, CAP_SYS_PTRACE: 19, CAP_CHECKPOINT_RESTORE: 40 } as const
/** Words of one reason, and reasons: more is not ours. */
const MAX_WORDS = 16

/** Effective capabilities of this process, a bit each; none where the system does not tell. `status` is the text of /proc/PID/status. */
export function heldCapabilities(status: string = textOf('/proc/self/status')): bigint {
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]{1,32})$/m.exec(status)?.[1] ?? '0'}`)
}

/** The rights of this process, from the same text. */
export function ownRights(status?: string): OwnRights {
  const held = heldCapabilities(status)
  const capabilities = Object.entries(RIGHTS)
    .filter(([, bit]) => ((held >> BigInt(bit)) & 1n) === 1n)
    .map(([name]) => name)
  return { uid: process.getuid?.() ?? -1, capabilities }
}

/** What was written down; null for anything else. */
export function readOwnWork(value: unknown): OwnWork | null {
  const given = membersOf(value)
  const rights = membersOf(given?.get('rights'))
  const uid = rights?.get('uid')
  if (given === null || rights === null || typeof uid !== 'number') return null
  return {
    watches: readWatches(membersOf(given.get('watches'))),
    rescan: readRescan(membersOf(given.get('rescan'))),
    slowedBy: textsOf(given.get('slowedBy')),
    rights: { uid, capabilities: textsOf(rights.get('capabilities')) },
    reading: READING_WAYS.find((way) => way === given.get('reading')) ?? null,
    lookedAtMs: numberOf(given.get('lookedAtMs')),
    processes: readOwnProcesses(given.get('processes')),
  }
}

type Members = ReadonlyMap<string, unknown> | null

function readWatches(given: Members): WatchCount | null {
  const [placed, budget, isWhole] = [given?.get('placed'), given?.get('budget'), given?.get('isWhole')]
  if (typeof placed !== 'number' || typeof isWhole !== 'boolean') return null
  return { placed, budget: typeof budget === 'number' ? budget : null, isWhole }
}

function readRescan(given: Members): LastRescan | null {
  const [atMs, folders, changed, restMs] = ['atMs', 'folders', 'changed', 'restMs'].map((name) => given?.get(name))
  const isWhole = typeof atMs === 'number' && typeof folders === 'number' && typeof changed === 'number'
  return isWhole && typeof restMs === 'number' ? { atMs, folders, changed, restMs } : null
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? new Map<string, unknown>(Object.entries(value)) : null
}

function textsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return []
  return value.filter((one) => typeof one === 'string').slice(0, MAX_WORDS)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // Not Linux: nothing is told of capabilities.
    return ''
  }
}
