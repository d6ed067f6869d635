import { describe, expect, it } from '@jest/globals'
import { describeBytes, describeDuration } from '../../../agent/show/measure.ts'

describe('describeBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [4_661_211_808, '4.3 GiB'],
    [Number.MAX_SAFE_INTEGER, '8.0 PiB'],
  ])('says %d as %s', (bytes, said) => {
    expect(describeBytes(bytes)).toBe(said)
  })
})

describe('describeDuration', () => {
  it.each([
    [-5_000, '0s'],
    [41_900, '41s'],
    [12 * 60_000 + 5_000, '12m'],
    [3 * 3_600_000 + 5 * 60_000, '3h05m'],
    [9 * 86_400_000, '9d'],
  ])('tells %i milliseconds as %s', (milliseconds, text) => {
    expect(describeDuration(milliseconds)).toBe(text)
  })
})
