// The floor of free disk: below it the agent takes no room that it can do without, and says so. A guest does not fill the last of a disk.
import { statfsSync } from 'node:fs'
import { describeBytes } from '../show/measure.ts'
import type { OwnConditions } from '../report/own-conditions.ts'

const MIB = 1024 * 1024
/** What a system needs for logs and updates: below it services begin to fail, and journald stops at 15 % or 4 GiB for the same reason. */
const FLOOR_BYTES = 200 * MIB
const FLOOR_SHARE = 0.02
/** Of a disk of terabytes 2 % are no want of room. */
const MAX_FLOOR_BYTES = 2048 * MIB
/** On a small file system of its own the state may fill three quarters. */
const MAX_FLOOR_SHARE = 0.25
/** Over the floor by so much it is over, so that it does not come and go with each file. */
const RELIEF = 1.1

export interface DiskSpace {
  /** For whoever is not root. */
  readonly freeBytes: number
  readonly totalBytes: number
}

export interface DiskFloor {
  /** To be called every few seconds: one system call. */
  readonly look: () => void
  readonly isLow: () => boolean
}

/** Room on the file system of a folder; null where the system does not tell. */
export function spaceAt(folder: string): DiskSpace | null {
  try {
    const { bavail, bsize, blocks } = statfsSync(folder)
    return blocks === 0 ? null : { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch {
    // A file system without such figures: nothing is known to be low.
    return null
  }
}

/** What is to stay free of a file system of this size. */
export function floorOf(totalBytes: number): number {
  const wanted = Math.min(MAX_FLOOR_BYTES, Math.max(FLOOR_BYTES, totalBytes * FLOOR_SHARE))
  return Math.min(wanted, totalBytes * MAX_FLOOR_SHARE)
}

/** Follows the room beside the state, and keeps its condition true. */
export function watchDisk(
  folder: string,
  conditions: Pick<OwnConditions, 'note' | 'end'>,
  ask: (folder: string) => DiskSpace | null = spaceAt,
): DiskFloor {
  let [isLow, isKnown] = [false, false]
  return {
    isLow: () => isLow,
    look: () => {
      const space = ask(folder)
      const now = space !== null && space.freeBytes < floorOf(space.totalBytes) * (isLow ? RELIEF : 1)
      if (isKnown && now === isLow) return
      isLow = now
      isKnown = true
      if (!now) conditions.end('GNO_AGENT_DISK_LOW')
      else conditions.note({ code: 'GNO_AGENT_DISK_LOW', place: folder, detail: describe(space), until: null })
    },
  }
}

function describe({ freeBytes, totalBytes }: DiskSpace): string {
  const floor = describeBytes(floorOf(totalBytes))
  return `${describeBytes(freeBytes)} of ${describeBytes(totalBytes)} were free, less than ${floor}: caches and spool grow no further, sweeps are slower`
}
