import { describe, expect, it } from '@jest/globals'
import { graphicsFacts, graphicsValues } from '../../rules/graphics-facts.ts'

const NOTHING = { dedicatedBytes: null, sharedBytes: null, unifiedBytes: null, busyPercent: null }

describe('graphicsFacts', () => {
  it('add up the kinds of memory of all cards, and take the busiest', () => {
    const uses = [
      { ...NOTHING, dedicatedBytes: 4_000, sharedBytes: 500, busyPercent: 3 },
      { ...NOTHING, unifiedBytes: 1_500, busyPercent: 81 },
    ]

    expect(graphicsFacts(uses, 8_000)).toEqual({ bytes: 6_000, busyPercent: 81, fitsWeights: true })
    expect(graphicsFacts(uses, 12_001)).toMatchObject({ fitsWeights: false })
  })

  it('keep "not told" apart from zero', () => {
    expect(graphicsFacts([NOTHING], 8_000)).toEqual({ bytes: null, busyPercent: null, fitsWeights: null })
    expect(graphicsFacts([{ ...NOTHING, dedicatedBytes: 0 }], 8_000)).toEqual({
      bytes: 0,
      busyPercent: null,
      fitsWeights: false,
    })
    expect(graphicsFacts([{ ...NOTHING, dedicatedBytes: 4_000 }], 0)).toMatchObject({ fitsWeights: null })
    expect(graphicsFacts([], 8_000)).toBeNull()
  })

  it('never leave what a number on the wire may be', () => {
    const uses = Array.from({ length: 3 }, () => ({ ...NOTHING, dedicatedBytes: Number.MAX_SAFE_INTEGER }))

    expect(graphicsFacts(uses, 0)?.bytes).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('graphicsValues', () => {
  it('give a rule a value only where one was told', () => {
    const facts = { bytes: 5, busyPercent: null, fitsWeights: false }

    expect(graphicsValues('graphicsBytes', facts)).toEqual([5])
    expect(graphicsValues('graphicsBusy', facts)).toEqual([])
    expect(graphicsValues('graphicsFit', facts)).toEqual([false])
    expect(graphicsValues('graphicsBytes', null)).toEqual([])
  })
})
