import { describe, expect, it } from '@jest/globals'
import { couldRun, memoryNeedOf } from '../../rules/memory-need.ts'

const GIB = 2 ** 30
const LLAMA_8B = {
  kind: 'text' as const,
  architecture: 'llama',
  layers: 32,
  embeddingWidth: 4096,
  attentionHeads: 32,
  kvHeads: 8,
  contextLength: 131_072,
  tensorCount: 291,
  parameterCount: 8_030_261_248,
}

describe('memoryNeedOf', () => {
  it('adds the KV cache of 8,192 tokens to the weights: 128 KiB a token for Llama 3 8B', () => {
    const need = memoryNeedOf(LLAMA_8B, 5 * GIB)

    expect(need).toMatchObject({ kvCacheBytes: GIB, contextLength: 8192, totalBytes: 6 * GIB })
  })

  it.each([
    ['a head width of its own', { headWidth: 256 }, 2 * GIB],
    ['a context shorter than usual', { contextLength: 2048 }, GIB / 4],
    ['latent attention', { kvRank: 512 }, 32 * (512 + 64) * 2 * 8192],
  ])('counts %s', (_what, change, kvCacheBytes) => {
    expect(memoryNeedOf({ ...LLAMA_8B, ...change }, GIB)?.kvCacheBytes).toBe(kvCacheBytes)
  })

  it.each(['mamba2', 'rwkv7', 'deepseek2'])('does not guess the cache of %s', (architecture) => {
    const need = memoryNeedOf({ ...LLAMA_8B, architecture }, GIB)

    expect(need?.totalBytes).toBe(GIB)
    expect(need?.because.join(' ')).toContain('not known')
  })

  it('has no need for what answers nothing alone, or divides by nothing', () => {
    expect(memoryNeedOf({ ...LLAMA_8B, kind: 'adapter' }, GIB)).toBeUndefined()
    expect(memoryNeedOf({ ...LLAMA_8B, attentionHeads: 0 }, GIB)?.kvCacheBytes).toBeUndefined()
  })

  it.each(['llama', 'mamba2'])('tells no need of %s weights larger than the wire carries', (architecture) => {
    expect(memoryNeedOf({ ...LLAMA_8B, architecture }, 2 ** 62)).toBeUndefined()
  })
})

describe('couldRun', () => {
  const laptop = { platform: 'linux', architecture: 'x64', memoryBytes: 16 * GIB, graphics: [] }

  it.each([
    ['16 GiB of RAM', laptop, '14B at 4 bits', 'RAM'],
    [
      '64 GiB of unified memory',
      { ...laptop, platform: 'darwin', architecture: 'arm64', memoryBytes: 64 * GIB },
      '70B at 4 bits',
      'unified memory',
    ],
    [
      'a card of 24 GiB beside 16 GiB',
      { ...laptop, graphics: [{ vendor: 'x', model: 'y', memoryBytes: 24 * GIB }] },
      '32B at 4 bits',
      'VRAM',
    ],
    [
      'a card whose memory is not known',
      { ...laptop, graphics: [{ vendor: 'x', model: 'y', memoryBytes: null }] },
      '14B at 4 bits',
      'RAM',
    ],
  ])('%s runs %s', (_what, host, largest, memoryKind) => {
    expect(couldRun(host)).toMatchObject({ largest, memoryKind })
  })

  it('says nothing where the memory is not known', () => {
    expect(couldRun({ ...laptop, memoryBytes: 0 })).toBeUndefined()
  })
})
