// Builds gradient-boosted trees of four libraries, in which every field can lie. The layouts are drawn in agent/read/tree-models.ts
// and xgboost-walk.ts.
import { buildFlatbuffer, number, table, text } from './build-flatbuffer.ts'

/** Writes CatBoost's file: two trees over three numbers; `coreBytes` lies about the flatbuffer. */
export function buildCatboost(lies: { readonly coreBytes?: number } = {}): Buffer {
  const int32s = (...values: readonly number[]) => {
    const value = Buffer.alloc(values.length * 4)
    values.forEach((item, index) => value.writeInt32LE(item, index * 4))
    return { kind: 'bytes', value, count: values.length } as const
  }
  const params = '{"boosting_options":{},"loss_function":{"type":"Logloss","params":{}}}'
  const { bytes } = buildFlatbuffer([
    text('FlabuffersModel_v1'),
    table([
      number('int32', 1),
      int32s(1, 2, 3),
      int32s(1, 2),
      int32s(0, 1),
      null,
      { kind: 'tables', value: [[number('int32', 0)], [number('int32', 1)], [number('int32', 2)]] },
    ]),
    {
      kind: 'tables',
      value: [
        [text('model_guid'), text('1-2-3')],
        [text('params'), text(params)],
      ],
    },
  ])
  const head = Buffer.alloc(8)
  head.write('CBM1', 'latin1')
  head.writeUInt32LE(lies.coreBytes ?? bytes.length, 4)
  return Buffer.concat([head, bytes])
}

/** Writes XGBoost's old binary form with trees of nothing but their headers. */
export function buildXgboostBinary(spec: { readonly trees?: number; readonly wordBytes?: bigint } = {}): Buffer {
  const head = Buffer.alloc(140)
  head.write('binf', 'latin1')
  head.writeFloatLE(0.5, 4)
  head.writeUInt32LE(13, 8)
  head.writeUInt32LE(1, 24)
  head.writeUInt32LE(7, 28)
  const word = (value: string, size = BigInt(value.length)): Buffer => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(size)
    return Buffer.concat([bytes, Buffer.from(value)])
  }
  const model = Buffer.alloc(160)
  model.writeInt32LE(spec.trees ?? 2, 0)
  return Buffer.concat([head, word('binary:logistic'), word('gbtree', spec.wordBytes), model, Buffer.alloc(2 * 148)])
}

export const XGBOOST_MODEL = {
  learner: {
    attributes: {},
    feature_names: ['a', 'b'],
    gradient_booster: {
      model: {
        gbtree_model_param: { num_parallel_tree: '1', num_trees: '1' },
        trees: [{ id: 0, split_conditions: [0.5, 1, 2], tree_param: { num_feature: '2', num_nodes: '3' } }],
      },
      name: 'gbtree',
    },
    learner_model_param: { base_score: '5E-1', num_class: '0', num_feature: '2' },
    objective: { name: 'reg:squarederror' },
  },
  version: [2, 1, 0],
} as const

export type Ubj = string | number | readonly Ubj[] | { readonly [key: string]: Ubj }

function ubjLength(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(9)
  bytes.write('L')
  bytes.writeBigInt64BE(BigInt(value), 1)
  return bytes
}

function isList(value: Ubj): value is readonly Ubj[] {
  return Array.isArray(value)
}

/** Writes UBJSON as XGBoost does: lengths of 64 bits, numbers in arrays as typed 32-bit floats, or as small integers for versions. */
export function ubj(value: Ubj): Buffer {
  if (typeof value === 'string') return Buffer.concat([Buffer.from('S'), ubjLength(value.length), Buffer.from(value)])
  if (typeof value === 'number') return Buffer.from([0x69, value])
  if (isList(value)) {
    const isFloats = value.some((item) => typeof item === 'number' && !Number.isInteger(item))
    if (!isFloats) return Buffer.concat([Buffer.from('[#'), ubjLength(value.length), ...value.map(ubj)])
    const data = Buffer.alloc(value.length * 4)
    value.forEach((item, index) => data.writeFloatBE(Number(item), index * 4))
    return Buffer.concat([Buffer.from('[$d#'), ubjLength(value.length), data])
  }
  const members = Object.entries(value).flatMap(([key, item]) => [ubjLength(key.length), Buffer.from(key), ubj(item)])
  return Buffer.concat([Buffer.from('{'), ...members, Buffer.from('}')])
}

/** Writes LightGBM's text with two trees; the sizes lie. */
export function buildLightgbm(lies: { readonly sizes?: string } = {}): Buffer {
  const trees = ['Tree=0\nnum_leaves=2\nleaf_value=0.1 0.2\n\n', 'Tree=1\nnum_leaves=2\nleaf_value=0.3 0.4\n\n']
  const sizes = lies.sizes ?? trees.map((tree) => tree.length).join(' ')
  const head = [
    'tree',
    'version=v4',
    'num_class=1',
    'num_tree_per_iteration=1',
    'label_index=0',
    'max_feature_idx=3',
    'objective=binary sigmoid:1',
    'feature_names=a b c d',
    `tree_sizes=${sizes}`,
    '',
  ]
  return Buffer.from(`${head.join('\n')}\n${trees.join('')}end of trees\n\npandas_categorical:null\n`)
}

/** The committed samples by folder and name. */
export const TREE_SAMPLES: Readonly<Record<string, Buffer>> = {
  'tree-models/catboost.cbm': buildCatboost(),
  'tree-models/lightgbm.txt': buildLightgbm(),
  'tree-models/xgboost.bin': buildXgboostBinary(),
  'tree-models/xgboost.json': Buffer.from(JSON.stringify(XGBOOST_MODEL)),
  'tree-models/xgboost.ubj': ubj(XGBOOST_MODEL),
}
