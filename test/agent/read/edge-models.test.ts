// TensorFlow Lite, ONNX Runtime, ExecuTorch and MNN: what an honest file says, and what is blamed when a field of it lies.
import { describe, expect, it } from '@jest/globals'
import type { BuiltFlatbuffer } from '../../build-flatbuffer.ts'
import { buildMnn, buildOrt, buildPtd, buildPte, buildTflite } from '../../build-edge-models.ts'
import { overwritten, readBytes } from './read-bytes.ts'

function slotOf(built: BuiltFlatbuffer, name: string): number {
  const place = built.places.get(name)
  if (place === undefined) throw new Error(`no field ${name}`)
  return place.slot
}

function targetOf(built: BuiltFlatbuffer, name: string): number {
  const place = built.places.get(name)
  if (place === undefined) throw new Error(`no field ${name}`)
  return place.target
}

describe('tflite', () => {
  it('gives the facts, the claims of its metadata, and each weight once at its place', () => {
    const { bytes } = buildTflite()

    const { format, weights } = readBytes(bytes)

    expect(format).toBe('tflite')
    expect(Object.fromEntries(weights?.facts ?? [])).toMatchObject({
      schemaVersion: 3,
      operatorCodes: 2,
      customOperators: 'edge-custom-op',
      subgraphs: 1,
      buffers: 5,
      tensorsInSubgraph0: 4,
      minimumRuntime: '1.14.0',
    })
    expect(weights?.claims).toEqual({ name: 'Tiny', version: 'v2', author: 'Example Labs', license: 'Apache-2.0' })
    expect(weights?.tensors.map(({ name, type, shape, bytes: size }) => ({ name, type, shape, size }))).toEqual([
      { name: 'kernel', type: 'F32', shape: [2, 3], size: 24 },
      { name: 'bias', type: 'F32', shape: [2], size: 8 },
    ])
  })

  it('finds buffers behind the flatbuffer, as models beyond 2 GB have them', () => {
    const built = buildTflite({ behind: true })

    const { weights, verdict } = readBytes(built.bytes)

    expect(verdict).toBe('unchecked')
    expect(weights?.tensors[0]).toMatchObject({ name: 'kernel', offset: 4096, bytes: 24 })
  })

  it.each([
    ['a buffer behind the end', 'kernel offset', 0x7fffffff, 'GNO_READ_TRUNCATED'],
    ['a buffer longer than the file', 'kernel size', 0x7fffffff, 'GNO_READ_TRUNCATED'],
  ])('blames %s', (_case, field, value, code) => {
    const built = buildTflite({ behind: true })

    const { verdict, codes } = readBytes(overwritten(built.bytes, slotOf(built, field), value))

    expect({ verdict, codes }).toEqual({ verdict: 'malformed', codes: [code] })
  })

  it.each([
    ['a vector of tensors longer than the file', 'tensors', 0xffffffff, 'GNO_READ_TRUNCATED'],
    ['a weight longer than the file', 'kernel data', 0x40000000, 'GNO_READ_TRUNCATED'],
    ['a weight too short for its shape', 'kernel data', 20, 'GNO_READ_INVALID'],
    ['a shape of more dimensions than any tensor has', 'kernel shape', 17, 'GNO_READ_LIMIT'],
    ['no subgraph', 'subgraphs', 0, 'GNO_READ_INVALID'],
  ])('blames %s and keeps what was read before', (_case, field, value, code) => {
    const built = buildTflite()

    const { weights, verdict, codes } = readBytes(overwritten(built.bytes, targetOf(built, field), value))

    expect({ verdict, codes }).toEqual({ verdict: 'malformed', codes: [code] })
    expect(weights?.facts?.get('schemaVersion')).toBe(3)
  })

  it('blames a dimension below zero, and a product that no machine integer holds', () => {
    const built = buildTflite()
    const first = targetOf(built, 'kernel shape') + 4

    const negative = readBytes(overwritten(built.bytes, first, -1))
    const huge = readBytes(overwritten(overwritten(built.bytes, first, 0x7fffffff), first + 4, 0x7fffffff))

    expect([negative.codes, huge.codes]).toEqual([['GNO_READ_INVALID'], ['GNO_READ_INVALID']])
  })

  it('blames a buffer number beyond the buffers', () => {
    const built = buildTflite()

    expect(readBytes(overwritten(built.bytes, slotOf(built, 'kernel buffer'), 99)).codes).toEqual(['GNO_READ_INVALID'])
  })

  it('blames two weights that share a part of their bytes', () => {
    const built = buildTflite({ behind: true })
    const bias = readBytes(built.bytes).weights?.tensors[1]?.offset ?? 0

    const { codes } = readBytes(overwritten(built.bytes, slotOf(built, 'kernel offset'), bias - 4))

    expect(codes).toEqual(['GNO_READ_OVERLAP'])
  })
})

describe('ort', () => {
  it('gives opsets, operators, domains and initializers', () => {
    const { format, weights } = readBytes(buildOrt().bytes)

    expect(format).toBe('ort')
    expect(Object.fromEntries(weights?.facts ?? [])).toMatchObject({
      irVersion: 8,
      opset: 'ai.onnx 17, com.microsoft 1',
      nodeCount: 1,
      initializerCount: 2,
      operators: 'FusedGemm 1',
    })
    expect(weights?.tensors.map(({ type, shape }) => ({ type, shape }))).toEqual([
      { type: 'F32', shape: [2, 3] },
      { type: 'F16', shape: [3] },
    ])
  })

  it.each([
    ['data that is too short', 'weight raw', 23, 'GNO_READ_INVALID'],
    ['data that leaves the file', 'weight raw', 0xfffffff0, 'GNO_READ_TRUNCATED'],
    ['dimensions that leave the file', 'bias dims', 0x10000000, 'GNO_READ_TRUNCATED'],
  ])('blames %s', (_case, field, value, code) => {
    const built = buildOrt()

    expect(readBytes(overwritten(built.bytes, targetOf(built, field), value)).codes).toEqual([code])
  })

  it('blames a session whose model is a table of nothing', () => {
    const built = buildOrt()

    expect(readBytes(overwritten(built.bytes, targetOf(built, 'model'), 0x7fffffff)).verdict).toBe('malformed')
  })
})

describe('executorch', () => {
  it('gives the plan, its delegates, and constants by name in their segment', () => {
    const { format, weights } = readBytes(buildPte().bytes)

    expect(format).toBe('executorch')
    expect(Object.fromEntries(weights?.facts ?? [])).toMatchObject({
      identifier: 'ET12',
      extendedHeader: 'eh00',
      executionPlans: 1,
      segments: 2,
      methods: 'forward',
      operators: 'aten::addmm 1',
      delegates: 'XnnpackBackend 1',
    })
    const base = Number(weights?.facts?.get('segmentBase'))
    expect(weights?.tensors.map(({ name, offset, bytes }) => ({ name, offset, bytes }))).toEqual([
      { name: 'linear.weight', offset: base, bytes: 24 },
      { name: 'constant 2', offset: base + 32, bytes: 8 },
    ])
  })

  it.each([
    ['the name', 0],
    ['the values', 2],
    ['the inputs', 3],
    ['the outputs', 4],
    ['the chains', 5],
  ])('blames a plan without %s, which the runtime would follow (PR 16704)', (_what, field) => {
    const { verdict, codes } = readBytes(buildPte({ without: [field] }).bytes)

    expect({ verdict, codes }).toEqual({ verdict: 'malformed', codes: ['GNO_READ_INVALID'] })
  })

  it.each([
    ['sizes longer than the file', 'sizes 1', 0x3fffffff, 'GNO_READ_TRUNCATED'],
    ['sizes of another rank than the order', 'sizes 1', 1, 'GNO_READ_INVALID'],
    ['plans longer than the file', 'plans', 0x3fffffff, 'GNO_READ_TRUNCATED'],
    ['offsets longer than the file', 'offsets', 0x1fffffff, 'GNO_READ_TRUNCATED'],
    ['fewer offsets than constants', 'offsets', 1, 'GNO_READ_INVALID'],
  ])('blames %s', (_case, field, value, code) => {
    const built = buildPte()

    expect(readBytes(overwritten(built.bytes, targetOf(built, field), value)).codes).toEqual([code])
  })

  it.each([
    ['a segment that leaves the file', 'delegate size', 0x7fffffff, 'GNO_READ_TRUNCATED'],
    ['a segment too short for its constants', 'constants size', 16, 'GNO_READ_INVALID'],
    ['a delegate in a segment that is not there', 'delegate', 7, 'GNO_READ_INVALID'],
    ['a constant that is not there', 'buffer 1', 0xffffffff, 'GNO_READ_INVALID'],
  ])('blames %s', (_case, field, value, code) => {
    const built = buildPte()

    expect(readBytes(overwritten(built.bytes, slotOf(built, field), value)).codes).toEqual([code])
  })

  it('blames a header that is too short, and a segment base behind the end', () => {
    expect(readBytes(buildPte({ headerBytes: 8 }).bytes).codes).toEqual(['GNO_READ_INVALID'])
    expect(readBytes(buildPte({ segmentBase: 1_000_000 }).bytes).codes).toEqual(['GNO_READ_TRUNCATED'])
  })

  it('gives flat tensors by name, and blames data in a segment that is not there', () => {
    const built = buildPtd()

    expect(readBytes(built.bytes).weights?.tensors.map(({ name, type }) => ({ name, type }))).toEqual([
      { name: 'linear.weight', type: 'F32' },
      { name: 'blob', type: 'U8' },
    ])
    expect(readBytes(overwritten(built.bytes, slotOf(built, 'blob segment'), 2)).codes).toEqual(['GNO_READ_INVALID'])
    expect(readBytes(overwritten(built.bytes, slotOf(built, 'first size'), 8)).codes).toEqual(['GNO_READ_INVALID'])
  })
})

describe('mnn', () => {
  it('gives operators by name and the weights inside them', () => {
    const { format, weights } = readBytes(buildMnn().bytes)

    expect(format).toBe('mnn')
    expect(weights?.facts?.get('operators')).toBe('Input 1, Const 1, Convolution 1')
    expect(weights?.facts?.get('source')).toBe('ONNX')
    expect(weights?.tensors.map(({ name, shape }) => ({ name, shape }))).toEqual([
      { name: 'c', shape: [2, 2] },
      { name: 'conv.weight', shape: [2, 3] },
      { name: 'conv.bias', shape: [2] },
    ])
  })

  it('blames weights that leave the file, and dimensions that do not fit', () => {
    const built = buildMnn()

    expect(readBytes(overwritten(built.bytes, targetOf(built, 'weight'), 0x10000000)).codes).toEqual([
      'GNO_READ_TRUNCATED',
    ])
    expect(readBytes(overwritten(built.bytes, targetOf(built, 'dims') + 4, 1_000)).codes).toEqual(['GNO_READ_INVALID'])
  })

  it('is not seen in a flatbuffer whose fields cannot be those of a net', () => {
    const built = buildMnn()
    const withSource = Buffer.from(built.bytes)
    withSource.writeUInt8(99, slotOf(built, 'source'))
    const withKind = Buffer.from(built.bytes)
    withKind.writeUInt8(250, slotOf(built, 'conv kind'))

    for (const bytes of [withSource, withKind, overwritten(built.bytes, targetOf(built, 'operators'), 0)]) {
      expect(readBytes(bytes).format).toBeNull()
    }
  })
})
