// The texture of weights: every type of number that tests can make has it wherever a block is cut, and what is no weights has not.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { TEXTURE_BYTES, looksLikeWeights } from '../../../agent/read/weights-texture.ts'
import { bellNumbers } from '../../build-hosts.ts'
import { patternBytes } from '../../build-gguf.ts'
import { QUANTIZATIONS, quantize } from '../../lineage/quantize.ts'

/** Odd, so that blocks begin anywhere in a number and in a block of numbers. */
const STEP = 1_501

/** Share of the blocks that look like weights. */
function share(bytes: Buffer): number {
  let [count, hits] = [0, 0]
  for (let at = 0; at + TEXTURE_BYTES <= bytes.length; at += STEP) {
    count += 1
    hits += looksLikeWeights(bytes.subarray(at, at + TEXTURE_BYTES)) ? 1 : 0
  }
  expect(count).toBeGreaterThan(9)
  return hits / count
}

describe('the texture of weights', () => {
  it.each(QUANTIZATIONS)('is seen in %s', (how) => {
    for (const spread of [0.005, 0.08]) {
      expect(share(quantize(bellNumbers(256 * 256, 5, spread), how).bytes)).toBeGreaterThan(0.9)
    }
  })

  it('is not seen in noise', () => {
    expect(share(patternBytes(1_000_000, 7))).toBe(0)
  })

  it('is not seen in text, source and packed text', () => {
    const source = readFileSync(join(import.meta.dirname, '../../../package-lock.json'))

    expect(share(source)).toBe(0)
    expect(share(gzipSync(source))).toBe(0)
  })

  it('is not seen in zeros, counters and sounds', () => {
    const counters = Buffer.from(Uint32Array.from({ length: 50_000 }, (_, index) => index).buffer)
    const sound = Buffer.from(
      Int16Array.from({ length: 100_000 }, (_, index) => 9_000 * Math.sin(index / 20) + (index % 7)).buffer,
    )

    expect(share(Buffer.alloc(100_000))).toBe(0)
    expect(share(counters)).toBe(0)
    expect(share(sound)).toBe(0)
  })

  it('is not asked of less than a block', () => {
    expect(looksLikeWeights(quantize(bellNumbers(512, 5), 'F32').bytes)).toBe(false)
  })
})
