// Gradient-boosted trees of four libraries, good and lying: each case is built so that one field is wrong.
import { describe, expect, it } from '@jest/globals'
import { treeModels } from '../../../agent/read/tree-models.ts'
import {
  TREE_SAMPLES,
  XGBOOST_MODEL,
  buildCatboost,
  buildLightgbm,
  buildXgboostBinary,
  ubj,
} from '../../build-trees.ts'
import { corpusFile, formatOf, hasCorpus, readBytes, sample } from './give-bytes.ts'

const json = JSON.stringify(XGBOOST_MODEL)

it.each(Object.entries(TREE_SAMPLES))('the committed sample %s is what the builder makes', (path, bytes) => {
  expect(sample(path).equals(bytes)).toBe(true)
})

it.each([
  ['CatBoost', buildCatboost(), { magic: 'CBM1', trees: 2, features: 3, objective: 'Logloss', modelGuid: '1-2-3' }],
  ['LightGBM', buildLightgbm(), { modelVersion: 'v4', trees: 2, features: 4, objective: 'binary sigmoid:1' }],
  ['XGBoost, binary', buildXgboostBinary(), { modelVersion: '1.7', trees: 2, features: 13, booster: 'gbtree' }],
  ['XGBoost, JSON', Buffer.from(json), { modelVersion: '2.1.0', trees: 1, features: 2, objective: 'reg:squarederror' }],
  ['XGBoost, UBJSON', ubj(XGBOOST_MODEL), { modelVersion: '2.1.0', trees: 1, features: 2, booster: 'gbtree' }],
  [
    'XGBoost 1.0, JSON',
    Buffer.from(`{"version":[1,0,0],"learner":${JSON.stringify(XGBOOST_MODEL.learner)}}`),
    {
      modelVersion: '1.0.0',
    },
  ],
])('tells version, trees and features of %s', (_library, bytes, facts) => {
  const found = readBytes(treeModels, bytes)

  expect([formatOf(bytes), found.codes]).toEqual(['tree-models', []])
  expect(found.facts).toMatchObject(facts)
})

it.each([
  ['JSON of something else', Buffer.from(`{"learner": {"name": "a course", "mail": "${'x'.repeat(90)}"}}`)],
  ['a text about trees', Buffer.from(`tree\nbranch\nleaf\n${'num_class=1\n'.repeat(9)}`)],
  ['a word that begins like CatBoost', Buffer.from(`CBM1${' is a name of a file that holds text only'.repeat(4)}`)],
  ['a word that begins like XGBoost', Buffer.from(`binf${'o '.repeat(200)}`)],
])('does not take %s for a model', (_what, bytes) => {
  expect(formatOf(bytes, 'model.json')).not.toBe('tree-models')
})

const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
const ubjWith = (tail: Buffer): Buffer => Buffer.concat([ubj(XGBOOST_MODEL).subarray(0, -1), tail, Buffer.from('}')])
const key = (name: string): Buffer => Buffer.concat([Buffer.from([0x69, name.length]), Buffer.from(name)])

describe('a model is malformed', () => {
  it.each([
    ["CatBoost's buffer of 4 GB", 'GNO_READ_TRUNCATED', buildCatboost({ coreBytes: 0xffff_ffff })],
    ["LightGBM's trees cut short", 'GNO_READ_TRUNCATED', buildLightgbm().subarray(0, -90)],
    ["LightGBM's trees of negative size", 'GNO_READ_INVALID', buildLightgbm({ sizes: '-1 40' })],
    ["LightGBM's trees of 2^52 bytes", 'GNO_READ_TRUNCATED', buildLightgbm({ sizes: '4503599627370496' })],
    ['2^31-1 trees', 'GNO_READ_TRUNCATED', buildXgboostBinary({ trees: 0x7fff_ffff })],
    ['a negative number of trees', 'GNO_READ_INVALID', buildXgboostBinary({ trees: -1 })],
    ['a name of 2^63 bytes', 'GNO_READ_LIMIT', buildXgboostBinary({ wordBytes: 1n << 63n })],
    ['JSON that ends early', 'GNO_READ_INVALID', Buffer.from(json.slice(0, -30))],
    ['JSON with something behind it', 'GNO_READ_INVALID', Buffer.from(`${json}#!/bin/sh`)],
    [
      'JSON nested thousands deep',
      'GNO_READ_LIMIT',
      Buffer.from(json.replace('"version"', `"x":${deep(5_000)},"version"`)),
    ],
    ['two learners', 'GNO_READ_INVALID', Buffer.from(json.replace('"version"', '"learner":{},"version"'))],
    ['UBJSON that ends early', 'GNO_READ_TRUNCATED', ubj(XGBOOST_MODEL).subarray(0, -30)],
    ['UBJSON nested thousands deep', 'GNO_READ_LIMIT', ubjWith(Buffer.concat([key('x'), Buffer.alloc(5_000, '[')]))],
    [
      'UBJSON of 2^62 numbers',
      'GNO_READ_LIMIT',
      ubjWith(Buffer.concat([key('x'), Buffer.from('[#L4000000000000000')])),
    ],
    [
      'UBJSON of a negative length',
      'GNO_READ_LIMIT',
      ubjWith(Buffer.concat([key('x'), Buffer.from([0x53, 0x69, 0xff])])),
    ],
    ['UBJSON of an unknown mark', 'GNO_READ_INVALID', ubjWith(Buffer.concat([key('x'), Buffer.from('?')]))],
    ['UBJSON of a type without a count', 'GNO_READ_INVALID', ubjWith(Buffer.concat([key('x'), Buffer.from('[$d?')]))],
  ])('with %s', (_lie, code, bytes) => {
    const { codes, gaps } = readBytes(treeModels, bytes)

    expect(codes).toContain(code)
    expect(gaps.verdict()).toBe('malformed')
  })

  it('and is not walked where it states a billion values of nothing', () => {
    const nothing = Buffer.concat([key('x'), Buffer.from('[$Z#l'), Buffer.from([0x7f, 0xff, 0xff, 0xff])])

    expect(readBytes(treeModels, ubjWith(nothing)).codes).toEqual([])
  })
})

const withCorpus = hasCorpus ? it : it.skip

withCorpus('agrees with the manifest of the shared corpus (skipped where it is not beside the project)', () => {
  const bytes = corpusFile('benign/d0026.cbm')
  const { facts, gaps } = readBytes(treeModels, bytes)

  expect([formatOf(bytes), gaps.verdict()]).toEqual(['tree-models', 'unchecked'])
  expect(facts).toMatchObject({ magic: 'CBM1', trees: 100, features: 6, categoricalFeatures: 8, objective: 'Logloss' })
})
