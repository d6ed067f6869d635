// HDF5 files: those of Keras are told apart from all others, and every field that can lie is caught.
import { describe, expect, it } from '@jest/globals'
import { Cursor, memoryBytes } from '../../../agent/read/cursor.ts'
import { READ_BUDGET } from '../../../agent/read/read-budget.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import { hdf5Data } from '../../../agent/read/hdf5-data.ts'
import { kerasH5 } from '../../../agent/read/keras-h5.ts'
import { Look } from '../../../agent/read/look.ts'
import { nestedReader } from '../../../agent/read/sniff-format.ts'
import type { WeightsPart } from '../../../agent/read/weights.ts'
import { type H5Group, type H5Options, buildHdf5, kerasModel, kerasWeights } from '../../build-hdf5.ts'

interface Reading {
  readonly id: string | undefined
  readonly part: WeightsPart
  readonly codes: readonly string[]
  readonly verdict: string
}

function read(bytes: Uint8Array): Reading {
  const look = new Look(memoryBytes(bytes), '')
  const reader = [kerasH5, hdf5Data].find(({ recognise }) => recognise(look))
  const gaps = new GapList('')
  const cursor = new Cursor(memoryBytes(bytes), READ_BUDGET)
  const part = (reader ?? hdf5Data).read(cursor, gaps, { look, readNested: nestedReader() })
  return { id: reader?.id, part, codes: gaps.list().map(({ code }) => code), verdict: gaps.verdict() }
}

const build = (root: H5Group, options: H5Options = {}): Reading => read(buildHdf5(root, options))
const namesOf = ({ part }: Reading): readonly string[] => part.tensors.map(({ name }) => name)

describe('Keras files', () => {
  it.each<readonly [string, H5Options]>([
    ['superblock 0 and texts in place', {}],
    ['superblock 0 and texts in a heap', { variableTexts: true }],
    ['superblock 2', { superblock: 2 }],
    ['a user block of 1,024 bytes', { userBlock: 1_024 }],
  ])('give their weights, and what they are made of, with %s', (_, options) => {
    const reading = build(kerasModel(), options)

    expect(reading.id).toBe('keras-h5')
    expect(reading.verdict).toBe('unchecked')
    expect(reading.part.formatVersion).toBe('2.11.0')
    expect(reading.part.claims).toEqual({ name: 'two_layers' })
    expect(Object.fromEntries(reading.part.facts ?? [])).toEqual({
      kerasVersion: '2.11.0',
      backend: 'tensorflow',
      datasets: 3,
      elements: 9,
      top: 'model_weights, optimizer_weights',
      classNames: '{"Sequential":1,"InputLayer":1,"Dense":1}',
      layers: 2,
      hasOptimizer: true,
    })
    expect(namesOf(reading)).toEqual(['model_weights/dense/kernel:0', 'model_weights/dense/bias:0'])
    expect(reading.part.tensors.map(({ type, shape, bytes }) => ({ type, shape, bytes }))).toEqual([
      { type: 'F32', shape: [3, 2], bytes: 24 },
      { type: 'F32', shape: [2], bytes: 8 },
    ])
  })

  it('give the weights of Keras 3, which have no attributes at all', () => {
    const reading = build(kerasWeights())

    expect(reading.id).toBe('keras-h5')
    expect(namesOf(reading)).toEqual(['layers/dense/vars/0', 'layers/dense/vars/1'])
  })

  it('point at the bytes of the weights', () => {
    const bytes = buildHdf5({
      children: { model_weights: { children: { w: { shape: [2], data: Buffer.from('ABCDEFGH') } } } },
    })

    const [tensor] = read(bytes).part.tensors

    expect(bytes.toString('latin1', tensor?.offset, (tensor?.offset ?? 0) + 8)).toBe('ABCDEFGH')
  })

  it('are still told by their words when they are cut before their tree', () => {
    const bytes = buildHdf5(kerasModel())

    const reading = read(bytes.subarray(0, bytes.length - 200))

    expect(reading.id).toBe('keras-h5')
    expect(reading.verdict).toBe('malformed')
  })

  it('are malformed when their configuration is no JSON', () => {
    const reading = build({ attributes: { model_config: '{"class_name": ' } })

    expect(reading).toMatchObject({ id: 'keras-h5', verdict: 'malformed', codes: ['GNO_READ_INVALID'] })
  })
})

describe('other HDF5 files', () => {
  it('hold data and no model, in messages or in a fractal heap', () => {
    for (const isDense of [false, true]) {
      const root = {
        isDense,
        children: { a: { shape: [2], dtype: 'BF16' }, b: { children: { c: { shape: [3], dtype: 'F16' } } } },
      }

      const reading = build(root, { superblock: 2 })

      expect(reading).toMatchObject({ id: 'hdf5', verdict: 'unchecked' })
      expect(reading.part.holds).toBe('data')
      expect(reading.part.tensors.map(({ name, type }) => [name, type])).toEqual([
        ['a', 'BF16'],
        ['b/c', 'F16'],
      ])
    }
  })

  it('give chunked data a name and no bytes, and data in the header its place', () => {
    const reading = build({
      children: { a: { shape: [4], layout: 'chunked' }, b: { shape: [2], layout: 'compact', dtype: 'U8' } },
    })

    expect(reading.part.tensors.map(({ name, elements, bytes }) => [name, elements, bytes])).toEqual([
      ['a', 4, null],
      ['b', 2, 2],
    ])
  })
})

describe('hostile HDF5 files', () => {
  const one = (dataset: object): H5Group => ({ children: { a: { shape: [4], ...dataset } } })
  it.each<readonly [string, H5Group, H5Options, string]>([
    ['data beyond the end', one({ at: 1_000_000 }), {}, 'GNO_READ_TRUNCATED'],
    ['data at 2^53 and more', one({ at: 2 ** 60 }), {}, 'GNO_READ_LIMIT'],
    ['data of another size than its shape', one({ sizeBytes: 15 }), {}, 'GNO_READ_INVALID'],
    [
      'a shape whose product wraps',
      { children: { a: { shape: [2 ** 40, 2 ** 40], data: Buffer.alloc(8) } } },
      {},
      'GNO_READ_LIMIT',
    ],
    ['more dimensions than there are', one({ rank: 200 }), {}, 'GNO_READ_INVALID'],
    [
      'two datasets in one place',
      { children: { a: { shape: [4], at: 96 }, b: { shape: [2], at: 100 } } },
      {},
      'GNO_READ_OVERLAP',
    ],
    ['an unknown superblock', one({}), { version: 9 }, 'GNO_READ_INVALID'],
    ['places of 3 bytes', one({}), { placeBytes: 3 }, 'GNO_READ_INVALID'],
    ['an end beyond the file', one({}), { end: 1e9 }, 'GNO_READ_TRUNCATED'],
    ['a member that leads outside', { children: { a: { shape: [1] } }, leads: { a: 1e9 } }, {}, 'GNO_READ_TRUNCATED'],
  ])('are malformed: %s', (_, root, options, code) => {
    const reading = build(root, options)

    expect({ verdict: reading.verdict, codes: reading.codes }).toEqual({ verdict: 'malformed', codes: [code] })
  })

  it('visits a group that contains itself once', () => {
    const reading = build({ children: { a: { children: { b: { shape: [1] } }, leads: { b: 96 } }, c: { shape: [2] } } })

    expect(reading.part.tensors.map(({ name }) => name)).toContain('c')
  })

  it('keeps what was understood before the trouble', () => {
    const reading = build({ children: { a: { shape: [1] }, b: { shape: [1], at: 1e6 } } })

    expect(namesOf(reading)).toEqual(['a'])
  })
})

describe('groups of the size of the file', () => {
  it('are listed until their names take too much, though no call takes so many arguments', () => {
    const file = buildHdf5({ children: { kernel: { shape: [2] } } })
    const entry = file.indexOf('SNOD') + 8
    const leaf = Buffer.concat([
      file.subarray(entry - 8, entry - 2),
      Buffer.from([0xff, 0xff]),
      ...Array.from({ length: 0xffff }, () => file.subarray(entry, entry + 40)),
    ])
    const leaves = [0, 1, 2].map((index) => BigInt(file.length + index * leaf.length))
    const tree = Buffer.alloc(24 + 8 + leaves.length * 16)
    file.copy(tree, 0, file.indexOf('TREE'), file.indexOf('TREE') + 24)
    tree.writeUInt16LE(leaves.length, 6)
    leaves.forEach((at, index) => tree.writeBigUInt64LE(at, 32 + index * 16))
    const treeAt = Buffer.alloc(8)
    treeAt.writeBigUInt64LE(BigInt(file.indexOf('TREE')))
    file.writeBigUInt64LE(BigInt(file.length + leaves.length * leaf.length), file.lastIndexOf(treeAt))

    const reading = read(Buffer.concat([file, leaf, leaf, leaf, tree]))

    expect([namesOf(reading), reading.codes]).toEqual([['kernel'], ['GNO_READ_LIMIT']])
  })

  it('keep the members in front of one that lies outside the heap', () => {
    const file = buildHdf5(
      { isDense: true, children: { first: { shape: [2] }, second: { shape: [2] } } },
      { superblock: 2 },
    )
    const [idOfSecond, outside] = [file.indexOf('BTLF') + 6 + 11 + 4, 0x10]
    file[idOfSecond] = outside

    const reading = read(file)

    expect([namesOf(reading), reading.codes]).toEqual([['first'], ['GNO_READ_SKIPPED']])
  })
})
