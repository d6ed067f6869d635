// The published figures on lineage follow from the code and the committed norms, and the thresholds keep what they promise.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import { SHAPES } from './dataset.ts'
import { QUANTIZATIONS, quantize } from './quantize.ts'
import { random } from './random.ts'
import { drawMeasured, measureLineage, writeMeasured } from './roc.ts'

const docs = join(import.meta.dirname, '../../docs')
const measured = measureLineage()

describe('docs/lineage-roc.json', () => {
  it('is what the code measures now', () => {
    expect(writeMeasured(measured)).toBe(readFileSync(join(docs, 'lineage-roc.json'), 'utf8'))
  })

  it('is what the picture shows', () => {
    expect(drawMeasured(measured)).toBe(readFileSync(join(docs, 'pictures/lineage-roc.svg'), 'utf8'))
  })

  it('rests on at least 2,000 pairs of each sort', () => {
    for (const { roc } of [measured.trained, measured.synthetic]) {
      expect(roc.related + roc.unrelated).toBeGreaterThanOrEqual(2_000)
    }
  })
})

describe('compareLineage', () => {
  it('calls no two strangers derived or merged, however hard they are', () => {
    for (const { relations, unrelated } of [measured.trained, measured.synthetic]) {
      expect(Object.keys(relations.unrelated).sort()).toEqual(['unknown', 'unrelated'])
      expect(unrelated.every(({ above }) => above === 0)).toBe(true)
    }
  })

  it('calls no descendant unrelated', () => {
    for (const { relations } of [measured.trained, measured.synthetic]) {
      expect(Object.keys(relations.related)).not.toContain('unrelated')
    }
  })

  it.each(['dpo', 'lora', 'loranorm', 'sft', 'sft2', 'slerp', 'ties', 'pruned', 'extended', 'frankenmerge'])(
    'finds every %s of a base',
    (kind) => {
      const row = measured.trained.related.find((found) => found['kind'] === `base and ${kind}`)

      expect(row).toMatchObject({ pairs: 42, above: 1 })
    },
  )
})

describe('the committed norms', () => {
  it.each(SHAPES)('of %s are those that were described', (shape) => {
    const told: unknown = JSON.parse(readFileSync(join(import.meta.dirname, `${shape}.json`), 'utf8'))
    const bytes = gunzipSync(readFileSync(join(import.meta.dirname, `${shape}.bf16.gz`)))

    expect(told).toMatchObject({ shape, sha256: createHash('sha256').update(bytes).digest('hex') })
  })
})

describe('the block quantizers of the tests', () => {
  const { normal } = random(1)
  const values = Float32Array.from({ length: 1_024 }, () => normal() * 0.05)

  it.each([
    ['Q8_0', 34 * 32, 0.01],
    ['Q6_K', 210 * 4, 0.05],
    ['Q5_K', 176 * 4, 0.06],
    ['Q5_0', 22 * 32, 0.08],
    ['Q4_K', 144 * 4, 0.12],
    ['Q4_0', 18 * 32, 0.16],
    ['Q3_K', 110 * 4, 0.35],
    ['Q2_K', 84 * 4, 0.45],
  ] as const)('%s has the size of ggml and loses about as much', (how, size, loss) => {
    const { bytes, values: restored } = quantize(values, how)

    const squares = (of: Float32Array) => of.reduce((sum, value) => sum + value * value, 0)
    const error = Math.sqrt(squares(values.map((value, index) => value - (restored[index] ?? 0))) / squares(values))
    expect(QUANTIZATIONS).toContain(how)
    expect(bytes).toHaveLength(size)
    expect(error).toBeLessThan(loss)
    expect(error).toBeGreaterThan(loss / 8)
  })
})
