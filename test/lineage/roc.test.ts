// The published figures on lineage follow from the code and the committed norms, and the thresholds keep what they promise.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { SHAPES } from './dataset.ts'
import { QUANTIZATIONS, quantize } from './quantize.ts'
import { random } from './random.ts'

const docs = join(import.meta.dirname, '../../docs')
const folder = mkdtempSync(join(tmpdir(), 'gnomon-roc-'))
afterAll(() => rmSync(folder, { recursive: true }))

// A process of its own: ten thousand comparisons take ten times as long between the fences that jest puts around globals.
execFileSync(process.execPath, [join(import.meta.dirname, 'write-roc.ts'), folder], { stdio: 'pipe' })
const written = (name: string) => readFileSync(join(folder, name), 'utf8')
const published = (name: string) => readFileSync(join(docs, name), 'utf8')

const kindRow = z.object({ kind: z.string(), pairs: z.number(), above: z.number() })
const report = z.object({
  roc: z.object({ related: z.number(), unrelated: z.number() }),
  related: z.array(kindRow),
  unrelated: z.array(kindRow),
  relations: z.object({ related: z.record(z.string(), z.number()), unrelated: z.record(z.string(), z.number()) }),
})
const measured = z.object({ trained: report, synthetic: report }).parse(JSON.parse(written('lineage-roc.json')))

describe('docs/lineage-roc.json', () => {
  it('is what the code measures now', () => {
    expect(written('lineage-roc.json')).toBe(published('lineage-roc.json'))
  })

  it('is what the picture shows', () => {
    expect(written('pictures/lineage-roc.svg')).toBe(published('pictures/lineage-roc.svg'))
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
      const row = measured.trained.related.find((found) => found.kind === `base and ${kind}`)

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
