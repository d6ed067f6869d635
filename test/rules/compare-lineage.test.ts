// What compareLineage says about shapes of descent, and that a hostile lineage cannot mislead or stop it.
import { describe, expect, it } from '@jest/globals'
import { describeLineage } from '../../agent/read/lineage.ts'
import type { NormValues } from '../../agent/read/norm-values.ts'
import type { Lineage } from '../../contract/fingerprint.ts'
import { compareLineage } from '../../rules/compare-lineage.ts'
import { random } from '../lineage/random.ts'

const WIDTH = 512
/** Base64 of 64 bytes. */
const ONE_SKETCH = `${'AAAA'.repeat(21)}AA==`

/** Blocks of norms from a seed; the same seed and number give the same block. */
function block(seed: number, number: number): readonly Float32Array[] {
  const { normal } = random(seed * 1_000 + number)
  return ['attn_norm', 'ffn_norm'].map(() => Float32Array.from({ length: WIDTH }, () => 1 + normal() * 0.2))
}

function stack(blocks: readonly (readonly Float32Array[])[], seed = 1): Lineage {
  const plain = { isConverted: true, isHalf: false }
  const norms: NormValues[] = blocks.flatMap((tensors, index) =>
    tensors.map((values, role) => ({ ...plain, block: index, role: role === 0 ? 'attn_norm' : 'ffn_norm', values })),
  )
  norms.push({ ...plain, block: null, role: 'output_norm', values: block(seed, 999)[0] ?? new Float32Array(WIDTH) })
  const parts = [{ norms, stride: 1, bytesRead: 0 }]
  const outcome = describeLineage({ parts, architecture: 'llama', layers: undefined })
  if ('reason' in outcome) throw new Error(outcome.reason)
  return outcome.lineage
}

function range(seed: number, from: number, to: number): (readonly Float32Array[])[] {
  return Array.from({ length: to - from }, (_, index) => block(seed, from + index))
}

describe('compareLineage', () => {
  const original = stack(range(1, 0, 12))

  it('knows a model again', () => {
    const compared = compareLineage(original, stack(range(1, 0, 12)))

    expect(compared).toMatchObject({ relation: 'same-norms', similarity: 1, equalTensors: 25, comparedTensors: 25 })
    expect(compared.blockMap).toEqual([{ a: [0, 11], b: [0, 11], isEqual: true }])
  })

  it('never counts more equal norms than compared ones, though blocks are used twice', () => {
    const restacked = stack([...range(1, 0, 8), ...range(1, 4, 12)])

    for (const compared of [compareLineage(original, restacked), compareLineage(restacked, original)]) {
      expect(compared).toMatchObject({ relation: 'derived', equalTensors: 33, comparedTensors: 33 })
      expect(compared.because[0]).toContain('33 of 33 compared norms are equal')
    }
  })

  it('lays a pruned model into its origin, from either side', () => {
    const pruned = stack([...range(1, 0, 4), ...range(1, 7, 12)])

    const forth = compareLineage(original, pruned)
    const back = compareLineage(pruned, original)

    expect(forth).toMatchObject({ relation: 'derived', equalTensors: 19 })
    expect(forth.blockMap).toEqual([
      { a: [0, 3], b: [0, 3], isEqual: true },
      { a: [7, 11], b: [4, 8], isEqual: true },
    ])
    expect(back.blockMap).toEqual([
      { a: [0, 3], b: [0, 3], isEqual: true },
      { a: [4, 8], b: [7, 11], isEqual: true },
    ])
    expect(forth.because).toContain('blocks 7-11 lie on blocks 4-8, equal')
  })

  it('lays a model with repeated blocks onto its origin', () => {
    const extended = stack([...range(1, 0, 9), ...range(1, 3, 12)])

    const { relation, blockMap } = compareLineage(original, extended)

    expect(relation).toBe('derived')
    expect(blockMap).toEqual([
      { a: [0, 8], b: [0, 8], isEqual: true },
      { a: [3, 11], b: [9, 17], isEqual: true },
    ])
  })

  it('tells a model of two strangers as merged, to each of them', () => {
    const merged = stack([...range(1, 0, 6), ...range(2, 6, 12)])

    for (const parent of [original, stack(range(2, 0, 12), 2)]) {
      const compared = compareLineage(parent, merged)

      expect(compared).toMatchObject({ relation: 'merged' })
      expect(compared.because).toContain('6 of 12 blocks have no counterpart')
    }
  })

  it('tells strangers apart', () => {
    const compared = compareLineage(original, stack(range(3, 0, 12), 3))

    expect(compared).toMatchObject({ relation: 'unrelated', equalTensors: 0, blockMap: [] })
    expect(compared.similarity).toBeLessThan(0.2)
  })

  it('says nothing about models with hardly any norms', () => {
    expect(compareLineage(stack(range(1, 0, 1)), stack(range(2, 0, 1))).relation).toBe('unknown')
  })

  it.each([
    ['a sketch that is too short', { normSketch: 'AAAA' }],
    ['a text that is no Base64', { tensors: '!' }],
    ['more blocks than tensors', { blocks: 1_000_000 }],
    [
      'a million blocks without roles',
      { blocks: 1_000_000, roles: [], tensors: 'AAAAAAAAAAA=', normSketch: ONE_SKETCH },
    ],
    ['another stride', { blockStride: 2 }],
  ])('says nothing about %s', (_, lie) => {
    expect(compareLineage(original, { ...original, ...lie })).toMatchObject({ relation: 'unknown', similarity: 0 })
  })
})
