// One verdict of a model of several files: what each part was found to do, and what it means that a part had no scan.
import { describe, expect, it } from '@jest/globals'
import type { LoadScan } from '../../../../contract/threat.ts'
import { joinScans } from '../../../../agent/read/scan/scan-part.ts'

const CALL = { kind: 'python-name', name: 'os.system', at: 7 } as const
const fine: LoadScan = { isWhole: true, actions: [] }
const bad: LoadScan = { isWhole: true, actions: [CALL] }

describe('joinScans', () => {
  it('says nothing where no part had a scan', () => {
    expect(joinScans([])).toBeUndefined()
    expect(joinScans([undefined, undefined])).toBeUndefined()
  })

  it('is whole where each of them is', () => {
    expect(joinScans([fine, fine])).toEqual(fine)
    expect(joinScans([fine, { ...fine, isWhole: false }])).toMatchObject({ isWhole: false })
  })

  it('counts what two shards do alike once', () => {
    expect(joinScans([bad, bad, fine])?.actions).toEqual([{ ...CALL, count: 2 }])
  })

  it('says that a part had none, also when it is joined again', () => {
    const some = joinScans([undefined, bad])

    expect(some).toEqual({ ...bad, leavesOut: true })
    expect(joinScans([some, fine])).toEqual({ ...bad, leavesOut: true })
  })
})
