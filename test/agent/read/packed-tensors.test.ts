// Packed weights are counted as the weights that they stand for, and named by what packed them.
import { describe, expect, it } from '@jest/globals'
import { dialects } from '../../../agent/read/dialects.ts'
import { describeStructure } from '../../../agent/read/structure.ts'
import type { TensorInfo, WeightsPart } from '../../../agent/read/weights.ts'

const TYPE_BYTES: ReadonlyMap<string, number> = new Map(
  Object.entries({ I32: 4, U32: 4, F16: 2, BF16: 2, F32: 4, I16: 2, U8: 1, I8: 1, F8_E4M3: 1, I64: 8 }),
)

type Told = readonly [name: string, type: string, ...shape: readonly number[]]

function tensorsOf(told: readonly Told[]): readonly TensorInfo[] {
  return told.map(([name, type, ...shape]) => {
    const elements = shape.reduce((product, dim) => product * dim, 1)
    return { name, type, shape, elements, offset: 0, bytes: elements * (TYPE_BYTES.get(type) ?? 1) }
  })
}

function dialectOf(
  tensors: readonly TensorInfo[],
  quantization?: string,
  facts?: WeightsPart['facts'],
): string | undefined {
  const part: WeightsPart = {
    isModel: true,
    formatVersion: null,
    claims: {},
    hyperparameters: {},
    tensors,
    headerBytes: 8,
    ...(facts === undefined ? {} : { facts }),
  }
  const beside = quantization === undefined ? {} : { quantization }
  return dialects.find(({ formats, recognise }) => formats.includes('safetensors') && recognise(part, beside))?.id
}

const NORM: Told = ['norm.weight', 'F16', 512]
const IN = 512
const OUT = 256

/** One linear layer of 512 x 256 beside a norm of 512, as each tool writes it. */
const LAYERS: readonly (readonly [word: string, dialect: string, told: readonly Told[]])[] = [
  [
    'GPTQ-4bit',
    'gptq-awq',
    [
      ['l.qweight', 'I32', IN / 8, OUT],
      ['l.qzeros', 'I32', 4, OUT / 8],
      ['l.scales', 'F16', 4, OUT],
      ['l.g_idx', 'I32', IN],
    ],
  ],
  [
    'GPTQ-8bit',
    'gptq-awq',
    [
      ['l.qweight', 'I32', IN / 4, OUT],
      ['l.qzeros', 'I32', 4, OUT / 4],
      ['l.scales', 'F16', 4, OUT],
    ],
  ],
  [
    'GPTQ-3bit',
    'gptq-awq',
    [
      ['l.qweight', 'I32', (IN * 3) / 32, OUT],
      ['l.qzeros', 'I32', 4, (OUT * 3) / 32],
      ['l.scales', 'F16', 4, OUT],
      ['l.g_idx', 'I32', IN],
    ],
  ],
  [
    'AWQ-4bit',
    'gptq-awq',
    [
      ['l.qweight', 'I32', IN, OUT / 8],
      ['l.qzeros', 'I32', 4, OUT / 8],
      ['l.scales', 'F16', 4, OUT],
    ],
  ],
  [
    'W4A16',
    'gptq-awq',
    [
      ['l.weight_packed', 'I32', OUT, IN / 8],
      ['l.weight_scale', 'BF16', OUT, 4],
      ['l.weight_shape', 'I64', 2],
    ],
  ],
  [
    'FP8',
    'gptq-awq',
    [
      ['l.weight', 'F8_E4M3', OUT, IN],
      ['l.weight_scale_inv', 'F32', 2, 4],
    ],
  ],
  [
    'MXFP4',
    'gptq-awq',
    [
      ['l_blocks', 'U8', OUT, IN / 32, 16],
      ['l_scales', 'U8', OUT, IN / 32],
    ],
  ],
  [
    'EXL2',
    'exl2-exl3',
    [
      ['l.q_weight', 'I32', 70, OUT],
      ['l.q_scale', 'I32', 4, OUT / 8],
      ['l.q_groups', 'I16', 8],
      ['l.q_invperm', 'I16', IN],
      ['l.q_scale_max', 'F16', 4],
    ],
  ],
  [
    'EXL3',
    'exl2-exl3',
    [
      ['l.trellis', 'I16', IN / 16, OUT / 16, 48],
      ['l.suh', 'F16', IN],
      ['l.svh', 'F16', OUT],
    ],
  ],
  [
    'NF4',
    'bitsandbytes',
    [
      ['l.weight', 'U8', (IN * OUT) / 2, 1],
      ['l.weight.absmax', 'U8', 2048],
      ['l.weight.quant_map', 'F32', 16],
      ['l.weight.nested_absmax', 'F32', 8],
      ['l.weight.quant_state.bitsandbytes__nf4', 'U8', 90],
    ],
  ],
  [
    'INT8',
    'bitsandbytes',
    [
      ['l.weight', 'I8', OUT, IN],
      ['l.SCB', 'F32', OUT],
      ['l.weight_format', 'U8'],
    ],
  ],
  [
    'MLX-4bit',
    'mlx',
    [
      ['l.weight', 'U32', OUT, IN / 8],
      ['l.scales', 'F16', OUT, IN / 64],
      ['l.biases', 'F16', OUT, IN / 64],
    ],
  ],
  [
    'MLX-8bit',
    'mlx',
    [
      ['l.weight', 'U32', OUT, IN / 4],
      ['l.scales', 'F16', OUT, IN / 32],
      ['l.biases', 'F16', OUT, IN / 32],
    ],
  ],
  [
    'MLX-3bit',
    'mlx',
    [
      ['l.weight', 'U32', OUT, (IN * 3) / 32],
      ['l.scales', 'F16', OUT, IN / 64],
      ['l.biases', 'F16', OUT, IN / 64],
    ],
  ],
]

describe('a packed layer', () => {
  it.each(LAYERS)('%s counts the weights that it stands for', (word, dialect, told) => {
    const tensors = tensorsOf([NORM, ...told])

    const structure = describeStructure({}, tensors, 'other')

    const bytes = tensors.reduce((sum, tensor) => sum + (tensor.bytes ?? 0), 0)
    expect({ word: structure.quantization, parameters: structure.parameterCount }).toEqual({
      word,
      parameters: IN * OUT + 512,
    })
    expect(structure.bitsPerWeight).toBeCloseTo((bytes * 8) / (IN * OUT + 512))
    expect(structure.tensorCount).toBe(tensors.length)
    expect(dialectOf(tensors)).toBe(dialect)
  })
})

describe('a plain layer', () => {
  it('is what it says, whatever stands beside it', () => {
    const tensors = tensorsOf([NORM, ['l.weight', 'BF16', OUT, IN], ['l.scales', 'BF16', OUT], ['l.bias', 'BF16', OUT]])

    const structure = describeStructure({}, tensors, 'other')

    expect(structure).toMatchObject({ quantization: 'BF16', parameterCount: 512 + IN * OUT + 2 * OUT })
    expect(dialectOf(tensors)).toBeUndefined()
  })

  it.each([
    ['awq', 'gptq-awq'],
    ['exl3', 'exl2-exl3'],
    ['bitsandbytes', 'bitsandbytes'],
  ])('is of the dialect that its configuration names: %s', (method, dialect) => {
    expect(dialectOf(tensorsOf([NORM]), method)).toBe(dialect)
  })

  it('is of MLX when its metadata say so', () => {
    expect(dialectOf(tensorsOf([NORM]), undefined, new Map([['writtenFor', 'mlx']]))).toBe('mlx')
  })
})

describe('shapes and constants of a graph', () => {
  it('say nothing about how the weights are written', () => {
    const structure = describeStructure(
      {},
      tensorsOf([
        ['w', 'F16', 4, 4],
        ['shape', 'I64', 64],
        ['axis', 'I32', 8],
      ]),
      'other',
    )

    expect(structure).toMatchObject({ quantization: 'F16', bitsPerWeight: 16, parameterCount: 88 })
  })

  it.each<[string, readonly Told[]]>([
    [
      'shapes alone',
      [
        ['shape', 'I64', 4],
        ['axis', 'I32'],
      ],
    ],
    [
      'scalars that tensors are filled from',
      [
        ['w', 'F32', 1],
        ['w__SHAPE', 'I64', 4],
      ],
    ],
  ])('%s are no weights: no type and no bits', (_what, told) => {
    const structure = describeStructure({}, tensorsOf(told), 'other')

    expect(structure.quantization).toBeUndefined()
    expect(structure.bitsPerWeight).toBeUndefined()
  })

  it('biases without a matrix have a type, and no bits per weight', () => {
    const structure = describeStructure({}, tensorsOf([['b', 'F32', 64]]), 'other')

    expect(structure.quantization).toBe('F32')
    expect(structure.bitsPerWeight).toBeUndefined()
  })
})
