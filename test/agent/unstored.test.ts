// What a full disk did not take is looked at again, and not in a hurry.
import { describe, expect, it } from '@jest/globals'
import { createUnstored } from '../../agent/unstored.ts'

describe('what could not be stored', () => {
  it('is looked at again after pauses that double, until it is stored', () => {
    let nowMs = 0
    const unstored = createUnstored(() => nowMs)
    const looked = { paths: ['/a', '/b'], isWhole: false }
    expect(unstored.take()).toEqual({ paths: [], isWhole: false })
    unstored.note(false, looked)
    unstored.note(true, { paths: [], isWhole: false })
    nowMs = 14_999
    expect(unstored.take().paths).toEqual([])
    nowMs = 15_000
    expect(unstored.take()).toEqual(looked)
    expect(unstored.take().paths).toEqual([])
    unstored.note(false, looked)
    nowMs = 44_999
    expect(unstored.take().paths).toEqual([])
    nowMs = 45_000
    expect(unstored.take()).toEqual(looked)
    unstored.note(true, looked)
    expect(unstored.take().paths).toEqual([])
  })

  it('is a whole sweep where it was one, or too much to name', () => {
    let nowMs = 0
    const unstored = createUnstored(() => nowMs)
    unstored.note(false, { paths: Array.from({ length: 1_001 }, (_, at) => `/m${at}`), isWhole: false })
    nowMs = 15_000
    expect(unstored.take()).toEqual({ paths: [], isWhole: true })
    unstored.note(false, { paths: ['/a'], isWhole: true })
    nowMs = 60_000
    expect(unstored.take()).toEqual({ paths: [], isWhole: true })
  })
})
