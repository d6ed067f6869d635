// Writes PaddlePaddle's files for tests. Every field can lie.
import { patternBytes } from './build-gguf.ts'
import { type Py, buildPickle, numpyArray } from './build-pickle.ts'
import { len, num } from './build-protobuf.ts'

/** One tensor of F32 in .pdiparams; `bytes` are those that follow it. */
export function paddleTensor(dims: readonly (number | bigint)[], bytes: number, type = 5): Buffer {
  const description = Buffer.concat([num(1, type), ...dims.map((dim) => num(2, dim))])
  const head = Buffer.alloc(20)
  head.writeInt32LE(description.length, 16)
  return Buffer.concat([head, description, patternBytes(bytes, 1)])
}

/** A weight of [3, 4] and a bias of [3]. */
export function buildPdiparams(): Buffer {
  return Buffer.concat([paddleTensor([3, 4], 48), paddleTensor([3], 12)])
}

/** A program of one block with one parameter and one operator. */
export function buildPdmodel(type = 'matmul_v2'): Buffer {
  const variable = len(3, [len(1, 'fc.weight'), len(2, [num(1, 7)]), num(3, 1)])
  const operator = len(4, [len(3, type)])
  return Buffer.concat([len(1, [num(1, 0), num(2, -1), variable, operator]), len(4, [num(1, 2_006_000)])])
}

/** A state dictionary as paddle.save writes it; `key` names its one array. */
export function buildPdparams(key = 'fc.weight'): Buffer {
  const state = new Map<Py, Py>([
    [key, numpyArray('f4', [3, 4], patternBytes(48, 1))],
    ['StructuredToParameterName@@', new Map<Py, Py>([[key, 'linear_0.w_0']])],
  ])
  return buildPickle(state, { protocol: 4 })
}
