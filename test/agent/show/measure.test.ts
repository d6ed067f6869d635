import { describe, expect, it } from '@jest/globals'
import { describeBytes } from '../../../agent/show/measure.ts'

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
