// What a joblib dump holds: arrays alone are data, as they are in .npy; an estimator or arrays that are called as weights are a model.
import { gzipSync } from 'node:zlib'
import { expect, it } from '@jest/globals'
import { patternBytes } from '../../build-gguf.ts'
import { buildJoblib, joblibArray, opcodes } from '../../build-pickle.ts'
import { readBytes } from './read-bytes.ts'

const array = joblibArray('f4', [2, 3], patternBytes(24, 1))
const bare = Buffer.concat([Buffer.from([0x80, 3]), array, Buffer.from('.')])

/** A dictionary of arrays, name by name. */
function named(...names: readonly string[]): Buffer {
  const pairs = names.flatMap((name) => [opcodes(name), array])
  return Buffer.concat([Buffer.from([0x80, 3]), Buffer.from('}('), ...pairs, Buffer.from('u.')])
}

/** An estimator whose coefficients are an array. */
const estimator = Buffer.concat([
  Buffer.from([0x80, 3]),
  Buffer.from('csklearn.linear_model._logistic\nLogisticRegression\n)\x81}', 'latin1'),
  opcodes('coef_'),
  array,
  Buffer.from('sb.'),
])

it.each<readonly [string, 'data' | undefined, Buffer]>([
  ['one array', 'data', bare],
  ['one array, packed', 'data', gzipSync(bare)],
  ['a list of arrays', 'data', buildJoblib([array, array])],
  ['arrays by the names of columns', 'data', named('price', 'area')],
  ['arrays by the names of weights', undefined, named('dense.kernel', 'dense.bias')],
  ['an estimator', undefined, estimator],
  ['an estimator, packed', undefined, gzipSync(estimator)],
])('a dump of %s holds %s', (_, holds, bytes) => {
  const { format, weights, verdict } = readBytes(bytes)

  expect({ format, verdict, holds: weights?.holds }).toEqual({ format: 'joblib', verdict: 'unchecked', holds })
})
