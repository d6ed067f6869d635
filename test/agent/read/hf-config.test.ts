import { describe, expect, it } from '@jest/globals'
import { readHfHyperparameters } from '../../../agent/read/hf-config.ts'
import type { JsonValue } from '../../../agent/read/json-tree.ts'

function config(stated: Readonly<Record<string, JsonValue>>): ReadonlyMap<string, JsonValue> {
  return new Map(Object.entries(stated))
}

const PLAMO = { model_type: 'plamo', architectures: ['PlamoForCausalLM'], num_attention_heads: 7 }
const HUNYUAN = { model_type: 'hunyuan_v1_dense', architectures: ['HunYuanDenseV1ForCausalLM'], rope_theta: 1e4 }

describe('numbers derived from a configuration that lies', () => {
  it.each([3, 0])('tells no heads where 7 are shared by %d', (shared) => {
    expect(readHfHyperparameters(config({ ...PLAMO, n_shared_head: shared }))).not.toHaveProperty('kvHeads')
  })

  it('tells the heads that come out whole', () => {
    expect(readHfHyperparameters(config({ ...PLAMO, n_shared_head: 7 })).kvHeads).toBe(1)
  })

  it.each([
    ['ChatGLM', { model_type: 'chatglm', architectures: ['ChatGLMModel'], rope_ratio: 1e308 }],
    ['Hunyuan', { ...HUNYUAN, head_dim: 2, rope_scaling: new Map([['alpha', 1000]]) }],
  ])('tells no infinite base of %s', (_what, stated) => {
    expect(readHfHyperparameters(config(stated))).not.toHaveProperty('ropeBase')
  })

  it('stretches the base of an honest Hunyuan', () => {
    const stated = { ...HUNYUAN, head_dim: 128, rope_scaling: new Map([['alpha', 1000]]) }

    expect(readHfHyperparameters(config(stated)).ropeBase).toBeCloseTo(11_158_839.9, 0)
  })
})
