// That the daemon lives, and what it uses, in one block of a small file that is overwritten in place: a system call a time, no wait for a
// disk. The page cache keeps it when the daemon is killed; the next one and `gnomon status` read it.
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Moment } from './machine-clocks.ts'
import { type OwnUse, readOwnUse } from './own-use.ts'
import { type OwnWork, readOwnWork } from './own-work.ts'

const FILE_NAME = 'life'
/** One page: a write within a page is never seen by halves. */
const BLOCK_BYTES = 4096

export interface Life {
  readonly pid: number
  readonly alive: Moment
  /** It was asked to stop, and did. */
  readonly endedCleanly: boolean
  /** A digest for each setting that this machine decides, so that the next daemon can name those that changed. */
  readonly settings: Readonly<Record<string, string>>
  /** What it cost in the last hour; null until it was measured. */
  readonly use: OwnUse | null
  /** What it covers now; null in the record of an older agent. */
  readonly work: OwnWork | null
}

export interface LifeRecord {
  readonly write: (life: Life) => void
  readonly close: () => void
}

/** Opens the record for writing. On a full or broken disk nothing is recorded, and the work goes on. */
export function openLifeRecord(stateFolder: string): LifeRecord {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants
  const block = Buffer.alloc(BLOCK_BYTES)
  const fd = attempt(() => openSync(join(stateFolder, FILE_NAME), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600))
  return {
    write: (life) => {
      const text = `${JSON.stringify(life)}\n`
      if (fd === null || Buffer.byteLength(text) > BLOCK_BYTES) return
      block.fill(0)
      block.write(text, 'utf8')
      attempt(() => writeSync(fd, block, 0, BLOCK_BYTES, 0))
    },
    close: () => {
      if (fd !== null) closeSync(fd)
    },
  }
}

/** The last life of a state folder; null when there was none, or what lies there is no record. */
export function readLife(stateFolder: string): Life | null {
  const block = Buffer.alloc(BLOCK_BYTES)
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const fd = attempt(() => openSync(join(stateFolder, FILE_NAME), O_RDONLY | O_NOFOLLOW | O_NONBLOCK))
  if (fd === null) return null
  try {
    readSync(fd, block, 0, BLOCK_BYTES, 0)
    return parseLife(JSON.parse(block.toString('utf8', 0, Math.max(0, block.indexOf('\n')))))
  } catch {
    // Empty, cut or another agent's: nothing is known of a life before.
    return null
  } finally {
    closeSync(fd)
  }
}

function parseLife(value: unknown): Life | null {
  if (typeof value !== 'object' || value === null) return null
  const given = new Map<string, unknown>(Object.entries(value))
  const [pid, endedCleanly] = [given.get('pid'), given.get('endedCleanly')]
  const alive = parseMoment(given.get('alive'))
  if (typeof pid !== 'number' || typeof endedCleanly !== 'boolean' || alive === null) return null
  return {
    pid,
    alive,
    endedCleanly,
    settings: parseDigests(given.get('settings')),
    use: readOwnUse(given.get('use')),
    work: readOwnWork(given.get('work')),
  }
}

function parseMoment(value: unknown): Moment | null {
  if (typeof value !== 'object' || value === null) return null
  const given = new Map<string, unknown>(Object.entries(value))
  const [wallMs, uptimeMs, awakeMs] = [given.get('wallMs'), given.get('uptimeMs'), given.get('awakeMs')]
  const bootId = given.get('bootId')
  if (!isFinite(wallMs) || !isFinite(uptimeMs) || !isFinite(awakeMs)) return null
  return { wallMs, uptimeMs, awakeMs, bootId: typeof bootId === 'string' ? bootId : null }
}

function isFinite(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function parseDigests(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {}
  const pairs = Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
  return Object.fromEntries(pairs)
}

function attempt<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    return null
  }
}
