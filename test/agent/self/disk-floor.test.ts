// The floor of free disk: what it is for disks of several sizes, and that its condition comes once and goes.
import { describe, expect, it } from '@jest/globals'
import type { OwnCondition } from '../../../agent/report/own-conditions.ts'
import { type DiskSpace, floorOf, spaceAt, watchDisk } from '../../../agent/self/disk-floor.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB

describe('the floor', () => {
  it.each([
    ['a small one of its own', 100 * MIB, 25 * MIB],
    ['an old laptop', 5 * GIB, 200 * MIB],
    ['a usual one', 50 * GIB, GIB],
    ['one of terabytes', 4096 * GIB, 2 * GIB],
  ])('of %s leaves room for others', (_what, total, floor) => {
    expect(floorOf(total)).toBeCloseTo(floor, 0)
  })

  it('is asked of the system, which knows nothing of a folder that is not there', () => {
    expect(spaceAt('.')?.totalBytes).toBeGreaterThan(0)
    expect(spaceAt('/no/such/folder')).toBeNull()
  })

  it('is told once when it is passed, and is over with some room to spare', () => {
    const said: string[] = []
    let free = 2 * GIB
    const ask = (): DiskSpace => ({ freeBytes: free, totalBytes: 50 * GIB })
    const conditions = {
      note: ({ code, place, detail }: OwnCondition) => said.push(`${code} ${place} ${detail}`),
      end: (code: string) => said.push(`over ${code}`),
    }
    const disk = watchDisk('/state', conditions, ask)
    const lookAt = (bytes: number): boolean => {
      free = bytes
      disk.look()
      return disk.isLow()
    }

    expect([2 * GIB, GIB - 1, 500 * MIB, GIB + 1, 2 * GIB].map(lookAt)).toEqual([false, true, true, true, false])
    expect(said).toEqual([
      'over GNO_AGENT_DISK_LOW',
      'GNO_AGENT_DISK_LOW /state 1024.0 MiB of 50.0 GiB were free, less than 1.0 GiB: caches and spool grow no further, sweeps are slower',
      'over GNO_AGENT_DISK_LOW',
    ])
  })
})
