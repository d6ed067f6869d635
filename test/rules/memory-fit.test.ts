import { describe, expect, it } from '@jest/globals'
import { copiesIn, fitMemory, memoryValues } from '../../rules/memory-fit.ts'
import { runtimeSubject } from '../../rules/judge-subjects.ts'
import { sampleRuntime } from '../collector/sample-report.ts'
import { realPack } from './real-pack.ts'

const GIB = 1024 ** 3
const card = (
  dedicatedBytes: number | null,
  sharedBytes: number | null = null,
  unifiedBytes: number | null = null,
) => ({
  dedicatedBytes,
  sharedBytes,
  unifiedBytes,
})

describe('fitMemory', () => {
  it('adds up every kind of memory that weights may lie in', () => {
    const held = {
      residentBytes: GIB,
      hugetlbBytes: GIB,
      graphics: [card(GIB, GIB), card(null, null, GIB), card(null)],
    }

    expect(fitMemory(held, { weightsBytes: 10 * GIB })).toEqual({
      heldBytes: 5 * GIB,
      neededBytes: 10 * GIB,
      fits: true,
    })
    expect(fitMemory(held, { weightsBytes: 10 * GIB + 2 })?.fits).toBe(false)
  })

  it('has nothing to say without weights', () => {
    expect(fitMemory({ residentBytes: GIB, hugetlbBytes: 0, graphics: [] }, { weightsBytes: 0 })).toBeUndefined()
  })

  it('lets a context that somebody claims decide nothing', () => {
    const held = { residentBytes: 3 * GIB, hugetlbBytes: 0, graphics: [] }

    expect(fitMemory(held, { weightsBytes: 4 * GIB, cacheBytes: 900 * GIB })).toMatchObject({
      fits: true,
      cacheBytes: 900 * GIB,
    })
  })
})

describe('copiesIn', () => {
  const MIB = 1024 ** 2
  const one = (bytes: number) => ({ count: 1, bytes })

  it.each<[string, Parameters<typeof copiesIn>, readonly string[]]>([
    ['a region as large as known weights', [one(400 * MIB), [], [90 * MIB, 405 * MIB]], ['known-size']],
    ['one that is somewhat larger than the tolerance', [one(418 * MIB), [], [405 * MIB]], []],
    ['one that is smaller than it', [one(392 * MIB), [], [405 * MIB]], []],
    ['several regions of that size together', [{ count: 2, bytes: 405 * MIB }, [], [405 * MIB]], []],
    ['what it opened before and now holds', [{ count: 3, bytes: 600 * MIB }, [405 * MIB], []], ['opened-before']],
    ['what it opened before and does not hold', [one(300 * MIB), [405 * MIB], []], []],
    ['no large memory', [{ count: 0, bytes: 0 }, [0], [0]], []],
  ])('judges %s', (_name, given, expected) => {
    expect(copiesIn(...given)).toEqual(expected)
  })
})

describe('memory as rules and policies ask for it', () => {
  it('has no value where nothing was to be compared', () => {
    expect(memoryValues('memoryFits', undefined)).toEqual([])
    expect(memoryValues('memoryFits', { fits: null, copies: [] })).toEqual([])
    expect(memoryValues('memoryFits', { fits: false, copies: [] })).toEqual([false])
    expect(memoryValues('memoryCopy', { fits: null, copies: ['known-size'] })).toEqual(['known-size'])
  })

  it('is a field of runtimes in policies', () => {
    const fieldOf = (fits: boolean) =>
      runtimeSubject(
        sampleRuntime({ memoryFit: { heldBytes: 1, neededBytes: 2, fits } }),
        new Map(),
        realPack,
      ).fields.get('memoryFits')

    expect(fieldOf(true)).toEqual([true])
    expect(fieldOf(false)).toEqual([false])
    expect(runtimeSubject(sampleRuntime({}), new Map(), realPack).fields.get('memoryFits')).toEqual([])
  })
})

describe('an adapter in use', () => {
  const weights = (path: string, change: object = {}) => ({
    path,
    how: 'mapped' as const,
    isDeleted: false,
    sizeBytes: 5,
    artifactId: null,
    format: 'gguf',
    model: null,
    ...change,
  })
  const base = weights('/m/base.gguf', { model: 'Llama 3 8B' })
  const adapter = weights('/m/tuned.gguf', { model: 'unnamed llama adapter', isAdapter: true })

  it('is named with the base that it changes, whichever was opened first', () => {
    const labelOf = (used: readonly ReturnType<typeof weights>[]) =>
      runtimeSubject(sampleRuntime({ weights: used }), new Map(), realPack).label

    expect(labelOf([adapter, base])).toMatch(/ with the adapter tuned\.gguf over Llama 3 8B$/)
    expect(labelOf([base, adapter])).toBe(labelOf([adapter, base]))
    expect(labelOf([adapter])).toMatch(/ with the adapter tuned\.gguf over a base that is not seen$/)
    expect(labelOf([base])).toMatch(/ with Llama 3 8B$/)
  })
})
