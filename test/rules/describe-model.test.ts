import { describe, expect, it } from '@jest/globals'
import {
  activeParameters,
  describeModel,
  describeParameters,
  kindWord,
  parametersWord,
} from '../../rules/describe-model.ts'

const LLAMA_8B = {
  kind: 'text' as const,
  architecture: 'llama',
  layers: 32,
  embeddingWidth: 4096,
  attentionHeads: 32,
  kvHeads: 8,
  feedForwardWidth: 14_336,
  ropeBase: 500_000,
  normKind: 'rms' as const,
  tensorCount: 291,
  parameterCount: 8_030_261_248,
  bitsPerWeight: 4.8312,
  quantization: 'Q4_K',
}

describe('describeModel', () => {
  it('says what a Llama 8B is in one line', () => {
    expect(describeModel(LLAMA_8B)).toBe(
      'Llama-style decoder: RMSNorm, SwiGLU, RoPE base 500000, GQA 32/8, 8.03 B parameters, 4.83 bits per weight (Q4_K)',
    )
  })

  it.each([
    ['one key-value head', { kvHeads: 1 }, 'MQA 32/1'],
    ['as many key-value heads as heads', { kvHeads: 32 }, '32 attention heads'],
    ['a sliding window', { slidingWindow: 4096 }, 'sliding window 4096'],
    ['layer norms', { normKind: 'layer' as const }, 'LayerNorm'],
    ['a Gemma', { architecture: 'gemma3' }, 'Gemma3-style decoder: RMSNorm, GeGLU'],
  ])('tells %s', (_what, change, expected) => {
    expect(describeModel({ ...LLAMA_8B, ...change })).toContain(expected)
  })

  it('tells a mixture of experts with its active share: 12.9 of the 46.7 B of Mixtral 8x7B', () => {
    const mixtral = { ...LLAMA_8B, experts: 8, expertsUsed: 2, parameterCount: 46_702_792_704 }

    expect(activeParameters(mixtral)).toBeGreaterThan(12.8e9)
    expect(activeParameters(mixtral)).toBeLessThan(13.0e9)
    expect(describeModel(mixtral)).toContain(
      'mixture of 8 experts, 2 used for a token, about 12.88 B of 46.70 B active per token, 28 %',
    )
  })

  it('tells no share where the widths do not say how much lies in the experts', () => {
    const { embeddingWidth: _, ...unknown } = {
      ...LLAMA_8B,
      experts: 8,
      expertsUsed: 2,
      parameterCount: 46_702_792_704,
    }

    expect(describeModel(unknown)).toContain('mixture of 8 experts, 2 used for a token, 46.70 B parameters')
  })

  it('says of an adapter that it answers nothing alone', () => {
    const adapter = { kind: 'lora', rank: 16, targets: ['q_proj', 'v_proj'] }
    const structure = { kind: 'adapter' as const, tensorCount: 128, parameterCount: 6_815_744, adapter }

    expect(describeModel(structure)).toBe(
      'LoRA adapter of rank 16 on q_proj, v_proj: 6.8 M parameters, changes another model and answers nothing alone',
    )
  })

  it('says nothing where the header says nothing', () => {
    expect(describeModel({ kind: 'other', tensorCount: 0, parameterCount: 0 })).toBeUndefined()
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

describe('parametersWord', () => {
  it.each([
    [
      'the number, rounded once',
      { tensorCount: 2, parameterCount: 5_460_000, tensorTypes: { F32: 2 }, quantization: 'F32' },
      '5.5 M parameters',
    ],
    [
      'nothing where the container lays out no tensors',
      { tensorCount: 0, parameterCount: 0 },
      'parameters not laid out',
    ],
    [
      'that shapes of a graph are no parameters',
      { tensorCount: 3, parameterCount: 52, tensorTypes: { I64: 3 } },
      '52 values, constants and no weights',
    ],
  ])('says %s', (_what, numbers, said) => {
    expect(parametersWord({ kind: 'other', ...numbers })).toBe(said)
  })
})

describe('kindWord', () => {
  it.each([
    ['other', 'model'],
    ['text', 'model'],
    ['adapter', 'LoRA adapter'],
    ['imatrix', 'importance matrix'],
    ['projector', 'projector'],
  ] as const)('calls %s a %s', (kind, word) => {
    expect(kindWord({ kind, tensorCount: 1, parameterCount: 1 })).toBe(word)
  })
})
