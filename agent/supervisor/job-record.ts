// Which job the worker does right now, written before the job begins: a block of a small file, overwritten in place. The page cache
// keeps it when the worker is killed; nothing waits for a disk, so a job costs a system call. Who is left reads it.
import { closeSync, constants, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { FileIdentity } from '../../contract/observation.ts'

const FILE_NAME = 'job'
/** One page: a write within a page is never seen by halves. */
const BLOCK_BYTES = 4096
/** What is left of a block for a path once everything else is in it, were each character to take six bytes (JSON's \uXXXX). */
const MAX_PLACE_CHARS = 600
/** Of a longer path the beginning and the end are kept: the identity tells which file it is. */
const KEPT_CHARS = 290

/** Work that goes on at the same time has a block each. */
const LANES = ['read', 'hash'] as const
export type Lane = (typeof LANES)[number]

export interface Job {
  readonly kind: 'file' | 'sensor'
  /** Path of the file, or name of the sensor. */
  readonly place: string
  readonly dev: string
  readonly inode: string
  readonly sizeBytes: number
  readonly mtimeNs: string
  readonly sinceMs: number
}

export type JobFile = Pick<FileIdentity, 'dev' | 'inode' | 'sizeBytes' | 'mtimeNs'>

/** Jobs of one lane; a job within a job is the one that counts until it ends. */
export interface JobLane {
  readonly begin: (kind: Job['kind'], place: string, file?: JobFile) => void
  readonly end: () => void
}

export interface JobRecord {
  readonly lane: (lane: Lane) => JobLane
  readonly close: () => void
}

const NO_FILE: JobFile = { dev: '', inode: '', sizeBytes: 0, mtimeNs: '' }
const IDLE = '\n'

/** Opens the record of a state folder for writing. On a full disk nothing is recorded, and the work goes on. */
export function openJobRecord(stateFolder: string, now: () => Date): JobRecord {
  const fd = openRecord(join(stateFolder, FILE_NAME))
  const block = Buffer.alloc(BLOCK_BYTES)
  const write = (lane: Lane, text: string): void => {
    if (fd === null) return
    const bytes = block.write(text, 'utf8')
    attempt(() => writeSync(fd, block, 0, bytes, LANES.indexOf(lane) * BLOCK_BYTES))
  }
  let isClosed = false
  const laneOf = (lane: Lane): JobLane => {
    const outer: string[] = []
    let current = IDLE
    let written = IDLE
    let isPending = false
    const put = (): void => {
      if (written !== current) write(lane, current)
      written = current
    }
    write(lane, IDLE)
    return {
      begin: (kind, place, file = NO_FILE) => {
        outer.push(current)
        current = lineOf(kind, place, file, now().getTime())
        put()
      },
      // At the end of the turn, since the next file begins in the same one: a folder of small files costs one write each, not two.
      end: () => {
        current = outer.pop() ?? IDLE
        if (isPending) return
        isPending = true
        setImmediate(() => {
          isPending = false
          if (!isClosed) put()
        })
      },
    }
  }
  const close = (): void => {
    isClosed = true
    if (fd !== null) closeSync(fd)
  }
  return { lane: laneOf, close }
}

/** Written out, since it is made for every file: half the time of JSON.stringify. The numbers are the system's own. */
function lineOf(
  kind: Job['kind'],
  place: string,
  { dev, inode, sizeBytes, mtimeNs }: JobFile,
  sinceMs: number,
): string {
  const text = JSON.stringify(shortened(place))
  return `{"kind":"${kind}","place":${text},"dev":"${dev}","inode":"${inode}","sizeBytes":${sizeBytes},"mtimeNs":"${mtimeNs}","sinceMs":${sinceMs}}\n`
}

/** With its blocks written once, so that later ones overwrite and need no room. */
function openRecord(file: string): number | null {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants
  const fd = attempt(() => openSync(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600))
  if (fd !== null) attempt(() => writeSync(fd, Buffer.alloc(BLOCK_BYTES * LANES.length), 0))
  return fd
}

function attempt<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    // A full or broken disk: reports tell of it, and a crash now would have no job on record, nothing worse.
    return null
  }
}

function shortened(place: string): string {
  return place.length <= MAX_PLACE_CHARS ? place : `${place.slice(0, KEPT_CHARS)}…${place.slice(-KEPT_CHARS)}`
}

/** Takes away the jobs that a worker left behind: those on files before sensors, reading before hashing. */
export function takeJobs(stateFolder: string): readonly Job[] {
  const file = join(stateFolder, FILE_NAME)
  const block = Buffer.alloc(BLOCK_BYTES * LANES.length)
  let fd: number | null = null
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    readSync(fd, block, 0, block.length, 0)
    // The next worker may end before it writes a record of its own.
    rmSync(file)
  } catch {
    // No record, so no job is known: the end is told without one.
    return []
  } finally {
    if (fd !== null) closeSync(fd)
  }
  const jobs = LANES.flatMap((_lane, index) => jobIn(block.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES)))
  return [...jobs.filter(({ kind }) => kind === 'file'), ...jobs.filter(({ kind }) => kind !== 'file')]
}

function jobIn(block: Buffer): readonly Job[] {
  const end = block.indexOf('\n')
  const job = end <= 0 ? null : readJob(jsonIn(block.toString('utf8', 0, end)))
  return job === null ? [] : [job]
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Another agent's, or a damaged one: no job is known.
    return null
  }
}

/** A job as it was written; null for anything else. */
export function readJob(value: unknown): Job | null {
  if (typeof value !== 'object' || value === null) return null
  const given = new Map<string, unknown>(Object.entries(value))
  const [kind, place, dev, inode, mtimeNs] = ['kind', 'place', 'dev', 'inode', 'mtimeNs'].map((name) => given.get(name))
  const [sizeBytes, sinceMs] = [given.get('sizeBytes'), given.get('sinceMs')]
  if (kind !== 'file' && kind !== 'sensor') return null
  if (typeof place !== 'string' || typeof dev !== 'string' || typeof inode !== 'string') return null
  if (typeof mtimeNs !== 'string' || typeof sizeBytes !== 'number' || typeof sinceMs !== 'number') return null
  return { kind, place, dev, inode, sizeBytes, mtimeNs, sinceMs }
}
