import { describe, expect, it } from '@jest/globals'
import { describeBytes, describeParameters } from '../../../agent/show/measure.ts'

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

describe('describeParameters', () => {
  it.each([
    [8_030_261_248, '8.03 B'],
    [494_032_768, '494.0 M'],
    [12_345, '12 k'],
    [7, '7'],
  ])('says %d as %s', (count, said) => {
    expect(describeParameters(count)).toBe(said)
  })
})
