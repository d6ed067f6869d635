// NumPy's and Marian's arrays, good and lying (shared/notes/corpora.md section 6: object arrays, and what a header can claim).
import { describe, expect, it } from '@jest/globals'
import { marian } from '../../../agent/read/marian.ts'
import { numpy } from '../../../agent/read/numpy.ts'
import { MARIAN_ITEMS, NPY_SAMPLES, type NpySpec, buildMarian, buildNpy, buildNpz } from '../../build-npy.ts'
import { buildZip } from '../../build-zip.ts'
import { corpusFile, formatOf, hasCorpus, readBytes, sample } from './give-bytes.ts'

const DICTIONARY = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), "

it.each(Object.entries(NPY_SAMPLES))('the committed sample %s is what the builder makes', (path, bytes) => {
  expect(sample(path).equals(bytes)).toBe(true)
})

describe('one array', () => {
  it.each<readonly [string, NpySpec, object]>([
    ['1.0', {}, { npyVersion: '1.0', descr: '<f4', shape: '2, 2', fortranOrder: false }],
    ['2.0', { version: [2, 0] }, { npyVersion: '2.0' }],
    ['3.0', { version: [3, 0], isFortranOrder: true }, { npyVersion: '3.0', fortranOrder: true }],
    ['Python 2', { shape: '4L,' }, { shape: '4L,' }],
    ['no dimensions', { shape: '', descr: '<f8', data: Buffer.alloc(8) }, { shape: '' }],
    ['no elements', { shape: '0, 4', data: Buffer.alloc(0) }, { shape: '0, 4' }],
    ['wide text', { descr: '<U3', shape: '2,', data: Buffer.alloc(24) }, { descr: '<U3' }],
    ['dates', { descr: '<M8[ns]', shape: '2,', data: Buffer.alloc(16) }, { descr: '<M8[ns]' }],
  ])('of %s is data, with the facts of its header', (_kind, spec, facts) => {
    const bytes = buildNpy(spec)

    const found = readBytes(numpy, bytes)

    expect(formatOf(bytes)).toBe('numpy')
    expect(found.facts).toMatchObject(facts)
    expect([found.part.holds, found.codes]).toEqual(['data', []])
  })

  it('tells objects, which are pickles, in plain arrays and in records', () => {
    const record = "{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (1,), }\n"

    expect(readBytes(numpy, buildNpy({ descr: '|O' })).facts['hasObjects']).toBe(true)
    expect(readBytes(numpy, buildNpy({ header: record })).facts['hasObjects']).toBe(true)
    expect(readBytes(numpy, buildNpy()).facts['hasObjects']).toBe(false)
  })

  it.each<readonly [string, string, NpySpec]>([
    ['a header of 4 GB', 'GNO_READ_LIMIT', { version: [2, 0], headerLength: 0xffff_ffff }],
    ['a header longer than the file', 'GNO_READ_TRUNCATED', { headerLength: 60_000 }],
    ['a header cut inside', 'GNO_READ_INVALID', { headerLength: 40 }],
    ['version 9', 'GNO_READ_INVALID', { version: [9, 0] }],
    ['more elements than bytes', 'GNO_READ_TRUNCATED', { shape: '2, 3' }],
    ['2^63 elements', 'GNO_READ_LIMIT', { shape: '9223372036854775808,' }],
    ['a product that wraps', 'GNO_READ_LIMIT', { shape: '4294967296, 4294967296' }],
    ['a negative dimension', 'GNO_READ_INVALID', { shape: '-4,' }],
    ['a thousand dimensions', 'GNO_READ_LIMIT', { shape: '1, '.repeat(1_000) }],
    ['bytes behind the data', 'GNO_READ_INVALID', { shape: '3,' }],
    ['a call in place of a value', 'GNO_READ_INVALID', { header: `${DICTIONARY}'x': __import__('os'), }\n` }],
    ['a key twice', 'GNO_READ_INVALID', { header: `${DICTIONARY}'shape': (4,), }\n` }],
    ['__proto__ as a key', 'GNO_READ_INVALID', { header: `${DICTIONARY}'__proto__': 1, }\n` }],
    ['no shape', 'GNO_READ_INVALID', { header: "{'descr': '<f4', 'fortran_order': False, }\n" }],
    ['brackets without end', 'GNO_READ_INVALID', { header: `{'descr': ${'['.repeat(5_000)}}\n` }],
  ])('with %s is malformed', (_lie, code, spec) => {
    const { codes, gaps, bytesRead } = readBytes(numpy, buildNpy(spec))

    expect(codes).toContain(code)
    expect(gaps.verdict()).toBe('malformed')
    expect(bytesRead).toBeLessThan(100_000)
  })
})

describe('an archive', () => {
  it('is a model where its arrays are called as weights are, and data otherwise', () => {
    const weights = buildNpz({ 'Transformer/encoder_0/Dense_0/kernel': {}, 'Transformer/encoder_0/Dense_0/bias': {} })
    const features = buildNpz({ arr_0: {}, labels: {}, weights: {} })

    expect([readBytes(numpy, weights).part.holds, readBytes(numpy, features).part.holds]).toEqual(['weights', 'data'])
  })

  it('places stored arrays in the file, and reads no more of deflated ones than their headers', () => {
    const zeros = { shape: '1024, 1024', data: Buffer.alloc(4_194_304) }
    const stored = buildNpz({ a: {}, b: { shape: '4,' } })

    const deflated = readBytes(numpy, buildNpz({ a: zeros }, 8))

    const places = readBytes(numpy, stored).part.tensors.map(({ name, offset }) => [
      name,
      stored.subarray(offset, offset + 16).equals(buildNpy().subarray(-16)),
    ])
    expect(places).toEqual([
      ['a', true],
      ['b', true],
    ])
    expect([deflated.facts['arrays'], deflated.codes]).toEqual(['a <f4 (1024, 1024)', []])
  })

  it('with anything but arrays in it is none of ours', () => {
    const bytes = buildZip([
      { name: 'a.npy', data: buildNpy() },
      { name: 'readme.txt', data: Buffer.from('hello') },
    ])

    expect(formatOf(bytes, 'a.npz')).not.toBe('numpy')
  })

  const part = { name: 'a.npy', data: buildNpy() }
  it.each([
    ['a bomb: a petabyte from a few bytes', 'GNO_READ_INVALID', [{ ...part, method: 8, sizeBytes: 0xffff_0000 }]],
    ['a member that ends behind the file', 'GNO_READ_TRUNCATED', [{ ...part, packedBytes: 90_000 }]],
    ['the same name twice', 'GNO_READ_INVALID', [part, part]],
    ['an encrypted array', 'GNO_READ_LOCKED', [{ ...part, isEncrypted: true }]],
    ['an array larger than its member', 'GNO_READ_TRUNCATED', [{ ...part, data: buildNpy({ shape: '9, 9' }) }]],
    ['text for an array', 'GNO_READ_INVALID', [{ ...part, data: Buffer.from('no array at all') }]],
  ])('with %s says so', (_lie, code, parts) => {
    const { codes, gaps } = readBytes(numpy, buildZip(parts))

    expect(codes).toContain(code)
    expect(gaps.verdict()).not.toBe('unchecked')
  })
})

describe('Marian', () => {
  it('places the items and reads the configuration, in both forms', () => {
    const binary = buildMarian(MARIAN_ITEMS)
    const [archive = Buffer.alloc(0)] = [NPY_SAMPLES['marian/model.npz']]

    for (const bytes of [binary, archive]) {
      const { part, facts, codes } = readBytes(marian, bytes)
      expect([formatOf(bytes), codes]).toEqual(['marian', []])
      expect(facts).toMatchObject({ modelType: 'transformer', marianVersion: 'v1.9.56 1cf9dfb 2021-02-09' })
      expect(part.hyperparameters).toMatchObject({ layers: 6, embeddingWidth: 8, attentionHeads: 2 })
    }
    expect(readBytes(marian, binary).part.tensors.map(({ offset }) => offset)).toEqual([256, 352, 608])
  })

  const [first, ...others] = MARIAN_ITEMS
  const lying = (lie: object) => (first === undefined ? [] : [{ ...first, ...lie }, ...others])
  it.each([
    ['2^63 items', 'GNO_READ_LIMIT', buildMarian(MARIAN_ITEMS, { count: 1n << 63n })],
    ['more items than the file can hold', 'GNO_READ_TRUNCATED', buildMarian(MARIAN_ITEMS, { count: 60_000n })],
    ['a name of 2^63 bytes', 'GNO_READ_LIMIT', buildMarian(lying({ nameBytes: 1n << 63n }))],
    ['2^63 dimensions', 'GNO_READ_LIMIT', buildMarian(lying({ rank: 1n << 63n }))],
    ['data of 2^62 bytes', 'GNO_READ_LIMIT', buildMarian(lying({ dataBytes: 1n << 62n }))],
    ['data larger than the file', 'GNO_READ_TRUNCATED', buildMarian(lying({ dataBytes: 90_000n }))],
    ['a negative dimension', 'GNO_READ_INVALID', buildMarian(lying({ shape: [-3, 8] }))],
    ['a gap of 2^40 bytes', 'GNO_READ_LIMIT', buildMarian(MARIAN_ITEMS, { gap: 1n << 40n })],
    ['a type of its own', 'GNO_READ_INVALID', buildMarian(lying({ type: 7 }))],
  ])('with %s is malformed', (_lie, code, bytes) => {
    const { codes, gaps } = readBytes(marian, bytes)

    expect(codes).toContain(code)
    expect(gaps.verdict()).toBe('malformed')
  })
})

const withCorpus = hasCorpus ? describe : describe.skip

withCorpus('arrays of the shared corpus (skipped where it is not beside the project)', () => {
  it.each([
    ['d0029.npz', { memberCount: 1, members: 'mel_80', arrays: 'mel_80 <f8 (80, 201)' }],
    ['d0031.npy', { npyVersion: '1.0', descr: '<f2', shape: '1,', fortranOrder: false }],
    ['d0043.npz', { memberCount: 2, arrays: 'a <i4 (3,), b <i4 (3,)' }],
    ['d0059.npz', { arrays: 'bool8 |b1 (1,), arr_0 |i1 (1,)' }],
    ['d0079.npy', { descr: '<f8', shape: '' }],
    ['d0093.npy', { descr: '|O', shape: '2, 2', hasObjects: true }],
    ['d0101.npy', { descr: '<i4', shape: '2, 3, 4', fortranOrder: true }],
    ['d0143.npy', { descr: '|b1', shape: '1,' }],
    ['d0153.npy', { descr: '<f4', shape: '1, 80, 512' }],
  ])('%s is what its manifest says', (file, facts) => {
    const bytes = corpusFile(`benign/${file}`)

    const found = readBytes(numpy, bytes)

    expect(formatOf(bytes)).toBe('numpy')
    expect(found.facts).toMatchObject(facts)
    expect([found.part.holds, found.gaps.verdict()]).toEqual(['data', 'unchecked'])
  })
})
