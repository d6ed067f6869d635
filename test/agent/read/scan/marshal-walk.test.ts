// Names in marshalled code of every version of Python whose layout differs, and streams that lie.
import { describe, expect, it } from '@jest/globals'
import { walkMarshal } from '../../../../agent/read/scan/marshal-walk.ts'
import { MARSHALLED, REACHING_CODE } from './marshalled-code.ts'

const NAMES = ['__import__', 'check_output', 'os', 'system', 'eval', 'open', 'get']

describe('marshalled code', () => {
  it.each(MARSHALLED)('of Python %s tells its names, those of inner functions, and its texts', (_version, reaching) => {
    const { names, texts, isWhole } = walkMarshal(Buffer.from(reaching, 'base64'))

    expect(isWhole).toBe(true)
    expect([...names]).toEqual(expect.arrayContaining(NAMES))
    expect(texts).toEqual(expect.arrayContaining(['subprocess', 'touch /tmp/never']))
  })

  it.each(MARSHALLED)('of Python %s that doubles a number uses no name', (_version, _reaching, harmless) => {
    expect(walkMarshal(Buffer.from(harmless, 'base64'))).toEqual({ names: new Set(), texts: [], isWhole: true })
  })

  it('is not whole where it is cut, at any byte', () => {
    const bytes = Buffer.from(REACHING_CODE, 'base64')
    const whole = Array.from({ length: bytes.length - 1 }, (_, size) => walkMarshal(bytes.subarray(0, size)).isWhole)

    expect(whole.every((each) => !each)).toBe(true)
  })

  it('survives every byte written over, and what counts beyond its end', () => {
    const bytes = Buffer.from(REACHING_CODE, 'base64')
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = 0xff
      expect(walkMarshal(changed).names.size).toBeLessThan(64)
    }
    const head = Buffer.from('63000000000000000000000000000000000000000073010000000028', 'hex')
    expect(walkMarshal(Buffer.concat([head, Buffer.from('ffffffff', 'hex')])).isWhole).toBe(false)
  })

  it.each([
    ['nothing', ''],
    ['a text', 'eg5vdCBjb2Rl'],
    ['words', 'bm90LXJlYWwtYnl0ZWNvZGU='],
  ])('is not whole where it is %s', (_what, base64) => {
    expect(walkMarshal(Buffer.from(base64, 'base64')).isWhole).toBe(false)
  })

  it('takes bounded time for tuples that refer to one another', () => {
    // A tuple of 255 names, then as many functions as fit that all refer to it.
    const names = Buffer.concat([
      Buffer.from([0xa9, 255]),
      ...Array.from({ length: 255 }, () => Buffer.from('7a0161', 'hex')),
    ])
    const bomb = Buffer.concat([
      Buffer.from(REACHING_CODE, 'base64').subarray(0, 21),
      names,
      Buffer.alloc(4_000_000, 0x29),
    ])

    expect(walkMarshal(bomb).isWhole).toBe(false)
  })
})
