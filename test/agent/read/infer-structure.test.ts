// A model whose configuration was taken away is still told by the names and shapes of its tensors; other networks are not text.
import { describe, expect, it } from '@jest/globals'
import { inferText } from '../../../agent/read/infer-structure.ts'
import { describeStructure } from '../../../agent/read/structure.ts'
import type { TensorInfo } from '../../../agent/read/weights.ts'

const tensor = (name: string, shape: readonly number[], type = 'BF16'): TensorInfo => {
  const elements = shape.reduce((product, size) => product * size, 1)
  return { name, type, shape, elements, offset: 0, bytes: elements * 2 }
}

function numbered(count: number, of: readonly (readonly [string, readonly number[]])[], first = 0): TensorInfo[] {
  return Array.from({ length: count }, (_, block) =>
    of.map(([name, shape]) => tensor(name.replace('#', String(block + first)), shape)),
  ).flat()
}

const LLAMA = [
  ['model.layers.#.input_layernorm.weight', [64]],
  ['model.layers.#.self_attn.q_proj.weight', [64, 64]],
  ['model.layers.#.self_attn.o_proj.weight', [64, 64]],
  ['model.layers.#.mlp.up_proj.weight', [176, 64]],
  ['model.layers.#.mlp.down_proj.weight', [64, 176]],
] as const
const NUMBERS = { layers: 3, embeddingWidth: 64, feedForwardWidth: 176, vocabularyRows: 500 }

describe('inferText', () => {
  it('tells layers and widths of a Llama without its config.json, and no heads', () => {
    const tensors = [tensor('model.embed_tokens.weight', [500, 64]), ...numbered(3, LLAMA)]

    const structure = describeStructure({}, tensors, undefined)

    expect(structure).toMatchObject({ kind: 'text', ...NUMBERS })
    expect(structure.attentionHeads).toBeUndefined()
    expect(structure.structureKey).toBeUndefined()
    expect(structure.landmarks).toHaveLength(6)
  })

  it('reads GPT-2, whose matrices are transposed, and GGUF names', () => {
    const gpt2 = numbered(3, [
      ['transformer.h.#.ln_1.weight', [64]],
      ['transformer.h.#.attn.c_attn.weight', [64, 192]],
      ['transformer.h.#.mlp.c_fc.weight', [64, 176]],
      ['transformer.h.#.mlp.c_proj.weight', [176, 64]],
    ])
    const gguf = numbered(3, [
      ['blk.#.attn_norm.weight', [64]],
      ['blk.#.attn_q.weight', [64, 64]],
      ['blk.#.ffn_down.weight', [64, 176]],
    ])

    expect(inferText([tensor('transformer.wte.weight', [500, 64]), ...gpt2])).toEqual(NUMBERS)
    expect(inferText([tensor('token_embd.weight', [500, 64], 'Q8_0'), ...gguf])).toEqual(NUMBERS)
  })

  it('takes the width of packed weights from the norms, and no width that packing changed', () => {
    const packed = numbered(3, LLAMA).map((each) =>
      each.shape.length === 1 ? each : { ...each, type: 'U32', shape: [each.shape[0] ?? 0, (each.shape[1] ?? 0) / 8] },
    )

    const { feedForwardWidth: _unknown, ...rest } = NUMBERS
    expect(inferText([tensor('model.embed_tokens.weight', [500, 8], 'U32'), ...packed])).toEqual(rest)
  })

  it('does not count the layers of a part', () => {
    const tensors = [tensor('model.embed_tokens.weight', [500, 64]), ...numbered(3, LLAMA, 7)]

    expect(inferText(tensors)?.layers).toBeUndefined()
  })

  it.each([
    [
      'BERT',
      [
        tensor('embeddings.word_embeddings.weight', [500, 64]),
        ...numbered(3, [
          ['encoder.layer.#.attention.self.query.weight', [64, 64]],
          ['encoder.layer.#.output.dense.weight', [64, 176]],
        ]),
      ],
    ],
    [
      'BART, which has an encoder',
      [
        tensor('model.decoder.embed_tokens.weight', [500, 64]),
        ...numbered(3, [
          ['model.decoder.layers.#.self_attn.q_proj.weight', [64, 64]],
          ['model.decoder.layers.#.fc2.weight', [64, 176]],
          ['model.encoder.layers.#.fc2.weight', [64, 176]],
        ]),
      ],
    ],
    ['a diffusion transformer, which has no table of tokens', numbered(3, LLAMA)],
    [
      'the text encoder inside of an image checkpoint',
      [
        tensor('text_encoders.qwen.model.embed_tokens.weight', [500, 64]),
        ...numbered(
          3,
          LLAMA.map(([name, shape]) => [`text_encoders.qwen.${name}`, shape] as const),
        ),
      ],
    ],
    ['one block alone', [tensor('model.embed_tokens.weight', [500, 64]), ...numbered(1, LLAMA)]],
  ])('does not call text: %s', (_, tensors) => {
    expect(inferText(tensors)).toBeUndefined()
    expect(describeStructure({}, tensors, undefined).kind).toBe('other')
  })

  it('leaves alone what the file states', () => {
    const tensors = [tensor('model.embed_tokens.weight', [500, 64]), ...numbered(3, LLAMA)]

    expect(describeStructure({}, tensors, 'projector').kind).toBe('projector')
    expect(describeStructure({ architecture: 'flux' }, tensors, undefined).kind).toBe('other')
  })
})
